using System.Text.Json;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>
/// A segment as the API shows and takes it. Read-only properties are ignored in requests, so that an answer can be sent back.
/// </summary>
public sealed record SegmentResource
{
    /// <summary>A slug that the caller chooses: <c>^[a-z0-9][a-z0-9-]{0,62}$</c>.</summary>
    public string? Key { get; init; }

    /// <summary>Defaults to the key.</summary>
    public string? Name { get; init; }
    public string? Description { get; init; }

    /// <summary>What the segment is for, in words.</summary>
    public string? Goal { get; init; }

    /// <summary><c>rule</c> (the default) or <c>manual</c>: members are put in by hand.</summary>
    public SegmentKind? Kind { get; init; }

    /// <summary>The rule tree; needed unless the kind is manual.</summary>
    public JsonElement? Rule { get; init; }

    /// <summary>IANA name of the zone in which the rule's days begin; default UTC.</summary>
    public string? TimeZone { get; init; }
    public string[]? Tags { get; init; }

    /// <summary><c>active</c> (the default), <c>draft</c> or <c>archived</c>.</summary>
    public SegmentStatus? Status { get; init; }

    /// <summary>Read-only: counts the definitions it has had.</summary>
    public int? Version { get; init; }

    /// <summary>Read-only: members at <c>evaluatedAt</c>; missing until first counted.</summary>
    public long? MemberCount { get; init; }

    /// <summary>Read-only: all customers there are, of whom <c>memberCount</c> are members.</summary>
    public long? Total { get; init; }

    /// <summary>Read-only: <c>memberCount</c> / <c>total</c>, 0 to 1; missing until first counted.</summary>
    public decimal? Share { get; init; }

    /// <summary>Read-only.</summary>
    public DateTimeOffset? EvaluatedAt { get; init; }

    /// <summary>Read-only: how far the stored membership of an active segment is; missing for others.</summary>
    public SegmentState? State { get; init; }

    /// <summary>Read-only: false when the rule's fields have gone; the segment then matches nobody.</summary>
    public bool? Valid { get; init; }

    /// <summary>Read-only: what is wrong, by JSON Pointer; only where <c>valid</c> is false.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>Read-only.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Read-only.</summary>
    public DateTimeOffset? UpdatedAt { get; init; }

    internal static SegmentResource From(Segment segment, IReadOnlyList<RuleError> errors) => Definition(segment) with
    {
        Key = segment.Key,
        Version = segment.Version,
        MemberCount = segment.MemberCount,
        EvaluatedAt = segment.EvaluatedAt,
        CreatedAt = segment.CreatedAt,
        UpdatedAt = segment.UpdatedAt,
        Valid = errors.Count == 0,
        Errors = errors.Count == 0 ? null : ApiProblem.Invalid(SegmentQuery.AtRule(errors)).Errors,
    };

    /// <summary>The same with the count of its members, of how many customers.</summary>
    internal SegmentResource WithCount(SegmentCount count) =>
        this with { MemberCount = count.Count, EvaluatedAt = count.EvaluatedAt, Total = count.Total, Share = count.Share };

    /// <summary>The definition alone, as a version keeps it.</summary>
    internal static SegmentResource Definition(Segment segment) => new()
    {
        Name = segment.Name,
        Description = segment.Description,
        Goal = segment.Goal,
        Kind = segment.Kind,
        Rule = segment.Rule,
        TimeZone = segment.TimeZone,
        Tags = segment.Tags,
        Status = segment.Status,
    };

    /// <summary>Takes over what the caller may set; texts trimmed, empty ones missing.</summary>
    internal void ApplyTo(Segment segment)
    {
        static string? Trim(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
        segment.Name = Trim(Name) ?? segment.Key;
        segment.Description = Trim(Description);
        segment.Goal = Trim(Goal);
        segment.Kind = Kind ?? SegmentKind.Rule;
        segment.Rule = segment.Kind == SegmentKind.Rule ? Rule : null;
        segment.TimeZone = Trim(TimeZone) ?? TimeZones.Default;
        segment.Tags = [.. (Tags ?? []).Select(t => t.Trim()).Distinct(StringComparer.Ordinal)];
        segment.Status = Status ?? SegmentStatus.Active;
    }
}
