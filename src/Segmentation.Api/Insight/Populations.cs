using System.Text.Json;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Insight;

/// <summary>Whose membership counts, of what is looked back on.</summary>
public enum MembershipSource
{
    /// <summary>The stays that are stored.</summary>
    Kept,

    /// <summary>The rule, evaluated as of each instant, so that a segment made today has a past.</summary>
    Rule,
}

/// <summary>What a request should know besides its answer.</summary>
/// <param name="Code">A word that stays.</param>
/// <param name="Text">What it means.</param>
public sealed record InsightWarning(string Code, string Text);

/// <summary>Who was in a segment at an instant, as a part of a statement that reads customers' keys.</summary>
public sealed class Populations(SegmentationDb db, SegmentQuery query, MembershipReader memberships)
{
    /// <summary>Evaluations of rules in one request, at most.</summary>
    public const int MaxEvaluations = 400;

    /// <summary>Nobody, whoever would have been.</summary>
    internal static SqlPart Nobody { get; } = new("SELECT NULL::bigint WHERE false", []);

    /// <summary>The segment that a query parameter names.</summary>
    /// <exception cref="ApiProblem">400: there is none; the nearest key is said.</exception>
    public static SegmentDefinition Find(DefinitionSet all, string key, string parameter) =>
        all.Segments.TryGetValue(key, out var segment)
            ? segment
            : throw ApiProblem.Invalid(parameter, SegmentKeys.DescribeUnknown(all, key));

    /// <summary>Refuses what would evaluate rules too often.</summary>
    /// <exception cref="ApiProblem">400.</exception>
    public static void CheckEvaluations(
        MembershipSource membership, int instants, int segments, string parameter = "membership")
    {
        if (membership == MembershipSource.Rule && instants * segments > MaxEvaluations)
        {
            throw ApiProblem.Invalid(
                parameter,
                $"membership=rule evaluates a rule for every instant and segment, here {instants} × {segments}; at most {MaxEvaluations} "
                + "a request: choose fewer intervals or segments, or membership=kept.");
        }
    }

    /// <summary>What to know of segments without rules.</summary>
    public static IReadOnlyList<InsightWarning> Warn(MembershipSource membership, params IEnumerable<SegmentDefinition?> segments) =>
    [
        .. segments.OfType<SegmentDefinition>().Where(s => s.Kind == SegmentKind.Manual && membership == MembershipSource.Rule)
            .Select(s => new InsightWarning(
                "manual", $"\"{s.Key}\" is filled by hand and has no rule: its members of now stand for those of every instant.")),
    ];

    /// <summary>From when on a segment's stays are stored; null where none ever were.</summary>
    internal Task<DateTimeOffset?> ReadKeptSinceAsync(SegmentDefinition segment, CancellationToken cancellation) =>
        HistoryStart.ReadAsync(db, segment.Id, cancellation);

    /// <summary>The same of several, by their ids; without those of which none ever were.</summary>
    internal Task<Dictionary<int, DateTimeOffset>> ReadKeptSinceAsync(
        IReadOnlyList<SegmentDefinition> segments, CancellationToken cancellation) =>
        HistoryStart.ReadAsync(db, [.. segments.Select(s => s.Id)], cancellation);

    /// <summary>The revisions before which stays began of those who were in at each instant.</summary>
    internal Task<List<long>> ReadRevisionsAsync(IEnumerable<DateTimeOffset> instants, CancellationToken cancellation) =>
        RevisionRange.ReadFirstAsync(db, [.. instants.Select(i => i.AddMicroseconds(1))], cancellation);

    /// <summary>Those whose stored stay reaches over an instant.</summary>
    /// <param name="revision">The instant's (<see cref="ReadRevisionsAsync"/>).</param>
    /// <param name="prefix">What the parameters' names begin with.</param>
    internal static SqlPart Kept(SegmentDefinition segment, long revision, string prefix) => new(
        $"""
        SELECT customer_key FROM memberships WHERE segment_id = @{prefix}segment AND joined_batch < @{prefix}revision
            AND (left_batch IS NULL OR left_batch >= @{prefix}revision)
        """,
        [new NpgsqlParameter($"{prefix}segment", segment.Id), new NpgsqlParameter($"{prefix}revision", revision)]);

    /// <summary>Those whom the rule holds of at an instant.</summary>
    /// <param name="at">Null for now.</param>
    internal Task<SqlPart> EvaluateAsync(
        DefinitionSet all, SegmentDefinition segment, DateTimeOffset? at, string prefix, CancellationToken cancellation) =>
        CreateAsync(query.CreatePredicate(all, segment, at), prefix, cancellation);

    /// <summary>Those whom a rule of ours holds of.</summary>
    /// <param name="at">Null for now.</param>
    internal Task<SqlPart> EvaluateAsync(
        DefinitionSet all, JsonElement rule, DateTimeOffset? at, string prefix, CancellationToken cancellation) =>
        CreateAsync(query.CreatePredicate(all, rule, TimeZones.Default, at), prefix, cancellation);

    /// <summary>Who was in at an instant, or is in now. Null where nobody knows.</summary>
    /// <param name="at">Null for now.</param>
    /// <param name="keptSince">From when on the segment's stays are stored.</param>
    /// <param name="prefix">What the parameters' names begin with.</param>
    internal async Task<SqlPart?> FindAtAsync(
        DefinitionSet all, SegmentDefinition segment, MembershipSource membership, DateTimeOffset? at, DateTimeOffset? keptSince,
        string prefix, CancellationToken cancellation)
    {
        var isRule = membership == MembershipSource.Rule;
        if (at is { } past && !isRule)
        {
            return keptSince <= past ? Kept(segment, (await ReadRevisionsAsync([past], cancellation))[0], prefix) : null;
        }

        return await CreateAsync(
            at is null
                ? await memberships.CreatePredicateAsync(all, segment, null, live: isRule, cancellation)
                : query.CreatePredicate(all, segment, at),
            prefix,
            cancellation);
    }

    private async Task<SqlPart> CreateAsync(MemberPredicate predicate, string prefix, CancellationToken cancellation)
    {
        await using var thresholds = await PercentileThresholds.ReadAsync(db, predicate.Predicate, cancellation);
        return SqlPart.Create(db.Customers.Where(thresholds.Predicate).Select(c => c.Key), prefix);
    }
}
