using System.Security.Claims;
using System.Text.Json;
using FluentValidation;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>Writes segments: checks a definition, stores every version of it, and lets one definition change at a time.</summary>
public sealed class SegmentStore(
    SegmentationDb db,
    SegmentQuery query,
    MetricStore metrics,
    IValidator<SegmentResource> validator,
    TimeZones zones,
    IEnumerable<IDefinitionObserver> observers,
    IEnumerable<IDefinitionUser> users,
    Limits limits,
    TimeProvider time)
{
    /// <summary>Begins a change of definitions; nobody else makes one until it ends.</summary>
    public Task<IDbContextTransaction> BeginAsync(CancellationToken cancellation) => DefinitionCache.BeginAsync(db, cancellation);

    /// <summary>Checks all but the rule, which <see cref="SaveAsync"/> compiles. What is wrong with the rule is said along with the rest.
    /// </summary>
    /// <param name="at">JSON Pointer to where the definition stands in the request.</param>
    /// <exception cref="ApiProblem">400.</exception>
    public async Task CheckAsync(SegmentResource body, CancellationToken cancellation, string at = "")
    {
        if (!(await validator.ValidateAsync(body, cancellation)).IsValid)
        {
            var errors = body.Rule is { } rule
                ? (await query.DefinitionsAsync(cancellation)).Compile(rule, Backend.Sql, historical: false, body.Key).Errors
                : [];
            validator.Check(body, at, SegmentQuery.AtRule(errors).Select(e => new RuleError(at + e.Pointer, e.Message)));
        }
    }

    /// <summary>A segment to be saved.</summary>
    public Segment New(string key) => new() { Key = key, Name = key, TimeZone = TimeZones.Default, CreatedAt = Now() };

    /// <summary>A segment to be saved under a key that nobody has yet.</summary>
    /// <exception cref="ApiProblem">409.</exception>
    public async Task<Segment> NewAsync(string key, CancellationToken cancellation) =>
        await db.Segments.AnyAsync(s => s.Key == key, cancellation)
            ? throw ApiProblem.Conflict($"There is a segment \"{key}\" already.")
            : New(key);

    /// <summary>Saves a definition and commits. One that has not changed is no new version.</summary>
    /// <remarks>
    /// An invalid rule is refused, but for one that is stored already and does not become active by this: a segment whose fields have gone
    /// can still be renamed, archived, put back as it was read, or copied to be repaired.
    /// </remarks>
    /// <param name="original">The segment that this new one is a copy of.</param>
    /// <param name="addMembers">Adds members to the segment once it has a key of the database.</param>
    /// <returns>Whether the segment is new, and what is wrong with its rule; pointers are relative to the rule.</returns>
    /// <exception cref="ApiProblem">400; 409: active segments that refer to this one would become invalid.</exception>
    public async Task<(bool Created, IReadOnlyList<RuleError> Errors)> SaveAsync(
        Segment segment,
        SegmentResource body,
        ClaimsPrincipal user,
        IDbContextTransaction transaction,
        CancellationToken cancellation,
        Segment? original = null,
        Func<Task>? addMembers = null)
    {
        var isNew = segment.Version == 0;
        var (kindBefore, statusBefore) = (segment.Kind, isNew ? null : (SegmentStatus?)segment.Status);
        var (storedRule, storedConsents) = ((original ?? segment).Rule, (original ?? segment).RequiresConsent);
        var meaningBefore = Meaning(segment);
        var definitionBefore = SerializeDefinition(segment);
        body.ApplyTo(segment);
        segment.TimeZone = zones.Canonical(segment.TimeZone)!;
        if (!isNew && segment.Kind != kindBefore)
        {
            throw ApiProblem.Invalid("/kind", "A segment's kind can't change.");
        }

        // Nobody deletes it meanwhile.
        if (segment.GoalMetric is { } goal)
        {
            await metrics.GetAsync(goal, "/goalMetric", cancellation);
        }

        var before = await query.DefinitionsAsync(cancellation);
        var compiled = segment.Rule is { } rule ? before.Compile(rule, Backend.Sql, historical: false, segment.Key) : null;
        var errors = compiled?.Errors ?? [];
        segment.Rule = compiled?.Source;
        var becomesActive = segment.Status == SegmentStatus.Active && statusBefore != SegmentStatus.Active;
        await RequiredConsents.CheckAsync(db, body.RequiresConsent, cancellation, becomesActive ? null : storedConsents);
        if (errors.Count > 0 && (becomesActive || !IsSame(segment.Rule, storedRule)))
        {
            throw ApiProblem.Invalid(SegmentQuery.AtRule(errors));
        }

        var definition = SerializeDefinition(segment);
        if (!isNew && JsonElement.DeepEquals(definitionBefore, definition))
        {
            return (false, errors);
        }

        await AddVersionAsync(segment, isNew, definition, user, cancellation);
        if (!isNew && Meaning(segment) != meaningBefore)
        {
            await FollowUpAsync(segment.Key, before, cancellation);
        }

        if (addMembers is not null)
        {
            await addMembers();
        }

        await transaction.CommitAsync(cancellation);
        return (isNew, errors);
    }

    /// <summary>Deletes a segment and commits; that it was deleted stays, for those who follow it.</summary>
    /// <exception cref="ApiProblem">409: other segments' rules refer to it, or something else does.</exception>
    public async Task DeleteAsync(Segment segment, IDbContextTransaction transaction, CancellationToken cancellation)
    {
        var referrers = (await query.DefinitionsAsync(cancellation)).FindReferrers(segment.Key);
        if (referrers.Count > 0)
        {
            throw ApiProblem.Conflict($"Other segments use \"{segment.Key}\": {string.Join(", ", referrers)}.");
        }

        foreach (var user in users)
        {
            if (await user.ListSegmentUsersAsync(segment.Key, cancellation) is { Count: > 0 } named)
            {
                throw ApiProblem.Conflict($"{user.Name} use \"{segment.Key}\": {string.Join(", ", named)}.");
            }
        }

        db.Segments.Remove(segment);
        db.DeletedSegments.Add(
            new DeletedSegment { SegmentId = segment.Id, Key = segment.Key, Name = segment.Name, Version = segment.Version });
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>Records a count of members, for lists of segments to show; not where the definition has changed meanwhile.</summary>
    public Task RecordCountAsync(SegmentDefinition segment, SegmentCount count, CancellationToken cancellation) =>
        db.Segments
            .Where(s => s.Id == segment.Id && s.Version == segment.Version && (s.MemberCount != count.Count || s.EvaluatedAt == null))
            .ExecuteUpdateAsync(
                s => s.SetProperty(x => x.MemberCount, count.Count).SetProperty(x => x.EvaluatedAt, count.EvaluatedAt), cancellation);

    private static bool IsSame(JsonElement? rule, JsonElement? other) =>
        rule is { } a && other is { } b && JsonElement.DeepEquals(a, b);

    private async Task AddVersionAsync(
        Segment segment, bool isNew, JsonElement definition, ClaimsPrincipal user, CancellationToken cancellation)
    {
        segment.Version++;
        segment.UpdatedAt = Now();
        if (segment.Kind != SegmentKind.Manual)
        {
            segment.MemberCount = null;
            segment.EvaluatedAt = null;
        }

        if (isNew)
        {
            if (await db.Segments.CountAsync(cancellation) >= limits.Segments)
            {
                throw ApiProblem.TooMany(limits.Segments, "segments");
            }

            db.Segments.Add(segment);
            await db.SaveChangesAsync(cancellation);
        }

        db.SegmentVersions.Add(new SegmentVersion
        {
            SegmentId = segment.Id,
            Version = segment.Version,
            Definition = definition,
            ChangedAt = segment.UpdatedAt,
            ChangedBy = user.Identity?.Name ?? "anonymous",
        });
        await db.SaveChangesAsync(cancellation);
        await db.SegmentVersions.Where(v => v.SegmentId == segment.Id && v.Version <= segment.Version - limits.Versions)
            .ExecuteDeleteAsync(cancellation);
    }

    private async Task FollowUpAsync(string key, DefinitionSet before, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var affected = all.FindAffected([key]);

        // By its depth or size: the rule of a segment is part of those that refer to it.
        var broken = all.SelectActive(affected).Select(s => s.Key)
            .Where(k => k != key && all.FindErrors(k).Count > 0 && before.FindErrors(k).Count == 0).ToList();
        if (broken.Count > 0)
        {
            throw ApiProblem.Conflict($"Active segments that refer to \"{key}\" would become invalid: {string.Join(", ", broken)}.");
        }

        foreach (var observer in observers)
        {
            await observer.DefinitionsChangedAsync(affected, cancellation);
        }
    }

    // What decides who is in a segment.
    private static (string? Rule, string TimeZone, SegmentStatus Status, string Consents) Meaning(Segment segment) =>
        (segment.Rule?.GetRawText(), segment.TimeZone, segment.Status, string.Join(',', segment.RequiresConsent));

    private static JsonElement SerializeDefinition(Segment segment) =>
        JsonSerializer.SerializeToElement(SegmentResource.Definition(segment), Json.Options);

    private DateTimeOffset Now() => LocalTime.Truncate(time.GetUtcNow());
}
