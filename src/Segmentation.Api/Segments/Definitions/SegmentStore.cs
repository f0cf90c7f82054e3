using System.Security.Claims;
using System.Text.Json;
using FluentValidation;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>Writes segments: checks a definition, stores every version of it, and lets one definition change at a time.</summary>
public sealed class SegmentStore(
    SegmentationDb db,
    SegmentQuery query,
    IValidator<SegmentResource> validator,
    TimeZones zones,
    IEnumerable<IDefinitionObserver> observers,
    TimeProvider time)
{
    /// <summary>Begins a change of definitions; nobody else makes one until it ends.</summary>
    public async Task<IDbContextTransaction> BeginAsync(CancellationToken cancellation)
    {
        var transaction = await db.Database.BeginTransactionAsync(cancellation);
        await DefinitionCache.LockAsync(db, cancellation);
        return transaction;
    }

    /// <summary>Checks all but the rule, which <see cref="SaveAsync"/> compiles.</summary>
    /// <param name="at">JSON Pointer to where the definition stands in the request.</param>
    /// <exception cref="ApiProblem">400.</exception>
    public void Check(SegmentResource body, string at = "") => validator.Check(body, at);

    /// <summary>A segment to be saved.</summary>
    public Segment New(string key) => new() { Key = key, Name = key, TimeZone = TimeZones.Default, CreatedAt = Now() };

    /// <summary>A segment to be saved under a key that nobody has yet.</summary>
    /// <exception cref="ApiProblem">409.</exception>
    public async Task<Segment> NewAsync(string key, CancellationToken cancellation) =>
        await db.Segments.AnyAsync(s => s.Key == key, cancellation)
            ? throw ApiProblem.Conflict($"There is a segment \"{key}\" already.")
            : New(key);

    /// <summary>Saves a definition and commits. One that has not changed is no new version.</summary>
    /// <param name="addMembers">Adds members to the segment once it has a key of the database.</param>
    /// <returns>Whether the segment is new.</returns>
    /// <exception cref="ApiProblem">400.</exception>
    public async Task<bool> SaveAsync(
        Segment segment,
        SegmentResource body,
        ClaimsPrincipal user,
        IDbContextTransaction transaction,
        CancellationToken cancellation,
        Func<Task>? addMembers = null)
    {
        var isNew = segment.Version == 0;
        var kindBefore = segment.Kind;
        var meaningBefore = Meaning(segment);
        var definitionBefore = SerializeDefinition(segment);
        body.ApplyTo(segment);
        segment.TimeZone = zones.Canonical(segment.TimeZone)!;
        if (!isNew && segment.Kind != kindBefore)
        {
            throw ApiProblem.Invalid("/kind", "A segment's kind can't change.");
        }

        await CheckRuleAsync(segment, cancellation);
        var definition = SerializeDefinition(segment);
        if (!isNew && JsonElement.DeepEquals(definitionBefore, definition))
        {
            return false;
        }

        await AddVersionAsync(segment, isNew, definition, user, cancellation);
        if (!isNew && Meaning(segment) != meaningBefore)
        {
            await NotifyAsync(segment.Key, cancellation);
        }

        if (addMembers is not null)
        {
            await addMembers();
        }

        await transaction.CommitAsync(cancellation);
        return isNew;
    }

    /// <summary>Deletes a segment and commits.</summary>
    /// <exception cref="ApiProblem">409: other segments' rules refer to it.</exception>
    public async Task DeleteAsync(Segment segment, IDbContextTransaction transaction, CancellationToken cancellation)
    {
        var referrers = (await query.DefinitionsAsync(cancellation)).FindReferrers(segment.Key);
        if (referrers.Count > 0)
        {
            throw ApiProblem.Conflict($"Other segments use \"{segment.Key}\": {string.Join(", ", referrers)}.");
        }

        db.Segments.Remove(segment);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>Records a count of members, for lists of segments to show; not where the definition has changed meanwhile.</summary>
    public Task RecordCountAsync(SegmentDefinition segment, SegmentCount count, CancellationToken cancellation) =>
        db.Segments
            .Where(s => s.Id == segment.Id && s.Version == segment.Version && (s.MemberCount != count.Count || s.EvaluatedAt == null))
            .ExecuteUpdateAsync(
                s => s.SetProperty(x => x.MemberCount, count.Count).SetProperty(x => x.EvaluatedAt, count.EvaluatedAt), cancellation);

    private async Task CheckRuleAsync(Segment segment, CancellationToken cancellation)
    {
        if (segment.Rule is not { } rule)
        {
            return;
        }

        var compiled = (await query.DefinitionsAsync(cancellation)).Compile(rule, Backend.Sql, historical: false, segment.Key);
        if (!compiled.IsValid)
        {
            throw ApiProblem.Invalid(SegmentQuery.AtRule(compiled.Errors));
        }
    }

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
    }

    private async Task NotifyAsync(string key, CancellationToken cancellation)
    {
        var affected = (await query.DefinitionsAsync(cancellation)).FindAffected([key]);
        foreach (var observer in observers)
        {
            await observer.DefinitionsChangedAsync(affected, cancellation);
        }
    }

    // What decides who is in a segment.
    private static (string? Rule, string TimeZone, SegmentStatus Status) Meaning(Segment segment) =>
        (segment.Rule?.GetRawText(), segment.TimeZone, segment.Status);

    private static JsonElement SerializeDefinition(Segment segment) =>
        JsonSerializer.SerializeToElement(SegmentResource.Definition(segment), Json.Options);

    private DateTimeOffset Now() => LocalTime.Truncate(time.GetUtcNow());
}
