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

/// <summary>Writes segments: checks a definition, keeps every version of it, and lets one definition change at a time.</summary>
public sealed class SegmentStore(
    SegmentationDb db, SegmentQuery query, IValidator<SegmentResource> validator, TimeZones zones, IEnumerable<IDefinitionObserver> observers, TimeProvider time)
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
    public Segment New(string key) => new() { Key = key, Name = key, TimeZone = "UTC", CreatedAt = LocalTime.Truncate(time.GetUtcNow()) };

    /// <summary>A segment to be saved under a key that nobody has yet.</summary>
    /// <exception cref="ApiProblem">409.</exception>
    public async Task<Segment> NewAsync(string key, CancellationToken cancellation) => await db.Segments.AnyAsync(s => s.Key == key, cancellation)
        ? throw ApiProblem.Conflict($"There is a segment \"{key}\" already.")
        : New(key);

    /// <summary>Saves a definition and commits. One that has not changed is no new version.</summary>
    /// <param name="members">Puts members into the segment once it has a key of the database.</param>
    /// <returns>Whether the segment is new.</returns>
    /// <exception cref="ApiProblem">400.</exception>
    public async Task<bool> SaveAsync(
        Segment segment, SegmentResource body, ClaimsPrincipal user, IDbContextTransaction transaction, CancellationToken cancellation, Func<Task>? members = null)
    {
        var meaning = (segment.Rule?.GetRawText(), segment.TimeZone, segment.Status);
        var (created, kind, before) = (segment.Version == 0, segment.Kind, JsonSerializer.SerializeToElement(SegmentResource.Definition(segment), Json.Options));
        body.ApplyTo(segment);
        segment.TimeZone = zones.Canonical(segment.TimeZone)!;
        if (!created && segment.Kind != kind)
        {
            throw ApiProblem.Invalid("/kind", "A segment's kind can't change.");
        }

        if (segment.Rule is { } rule)
        {
            var compiled = (await query.DefinitionsAsync(cancellation)).Compile(rule, Backend.Sql, historical: false, segment.Key);
            if (!compiled.IsValid)
            {
                throw ApiProblem.Invalid(SegmentQuery.AtRule(compiled.Errors));
            }
        }

        var definition = JsonSerializer.SerializeToElement(SegmentResource.Definition(segment), Json.Options);
        if (!created && JsonElement.DeepEquals(before, definition))
        {
            return false;
        }

        segment.Version++;
        segment.UpdatedAt = LocalTime.Truncate(time.GetUtcNow());
        (segment.MemberCount, segment.EvaluatedAt) = segment.Kind == SegmentKind.Manual ? (segment.MemberCount, segment.EvaluatedAt) : (null, null);
        if (created)
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
        if (!created && (segment.Rule?.GetRawText(), segment.TimeZone, segment.Status) != meaning)
        {
            var changed = (await query.DefinitionsAsync(cancellation)).Following([segment.Key]);
            foreach (var observer in observers)
            {
                await observer.DefinitionsChangedAsync(changed, cancellation);
            }
        }

        if (members is not null)
        {
            await members();
        }

        await transaction.CommitAsync(cancellation);
        return created;
    }
}
