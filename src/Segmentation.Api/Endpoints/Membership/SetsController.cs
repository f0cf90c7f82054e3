using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Segments as sets of customers.</summary>
[ApiController]
[Route("api/v1/segments")]
[Tags("Membership")]
[RequiresScope(Scopes.MembershipRead)]
[Produces("application/json")]
public sealed class SetsController(
    SegmentQuery query, MembershipReader memberships, SegmentStore store, ManualMembership manual, SegmentOverlap overlap,
    SensitiveReads sensitive) : ControllerBase
{
    /// <summary>How many customers segments have in common, pair by pair.</summary>
    /// <remarks>From one snapshot of the database. Active segments are read as they are stored, others are evaluated.</remarks>
    [HttpPost("overlap")]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<Overlap>(StatusCodes.Status200OK)]
    public async Task<Overlap> Overlap(OverlapRequest body, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        return await overlap.ReadAsync(all, SegmentKeys.Resolve(all, body.Keys), cancellation);
    }

    /// <summary>
    /// Counts the union, intersection or difference of segments and shows some of its customers; or saves it as a manual segment.
    /// </summary>
    /// <remarks>The difference is the first segment without the members of all others. With <c>save</c>, the customers of now become the
    /// members of a new manual segment (201), which does not follow the others any further, but requires the consents that the customers
    /// needed to be in it (of a union, those that each of the others requires); that needs the scope <c>segments:write</c> as well.
    /// </remarks>
    [HttpPost("combine")]
    [Idempotent]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<Combination>(StatusCodes.Status200OK)]
    [ProducesResponseType<Combination>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Combine(CombineRequest body, CancellationToken cancellation)
    {
        if (body.Save is not null)
        {
            HttpContext.Caller.Require(Scopes.SegmentsWrite);
        }

        var all = await query.DefinitionsAsync(cancellation);
        var operation = body.Operation ?? throw ApiProblem.Invalid("/operation", "operation must be union, intersection or difference.");
        var segments = SegmentKeys.Resolve(all, body.Keys);
        var predicate = await memberships.CombineAsync(all, operation, segments, cancellation);
        var size = SampleSize.Check(body.SampleSize);
        if (body.Save is not { } save)
        {
            return Ok(await ShowAsync(predicate, size, null, cancellation));
        }

        // What is answered is who was saved, whoever has joined since.
        var segment = await SaveAsync(save, FindPurposes(operation, segments), predicate, cancellation);
        var saved = new MemberPredicate(c => c.ManualMemberships.Any(m => m.SegmentId == segment.Id), predicate.EvaluatedAt);
        var combination = await ShowAsync(saved, size, SegmentResource.From(segment, all, []), cancellation);
        Response.SetETag(segment.Version);
        return Created($"/api/v1/segments/{segment.Key}", combination);
    }

    private async Task<Combination> ShowAsync(
        MemberPredicate predicate, int sampleSize, SegmentResource? segment, CancellationToken cancellation)
    {
        var (count, sample) = await sensitive.ReadSampleAsync(predicate, sampleSize, rule: null, cancellation);
        return new Combination(count.Count, count.Total, count.Share, sample, count.EvaluatedAt, segment);
    }

    // Whoever withdraws one leaves what was saved as well. Of a union nobody would be in it who needed none.
    private static string[] FindPurposes(SetOperation operation, IReadOnlyList<SegmentDefinition> segments)
    {
        var required = segments.Select(s => s.RequiresConsent ?? []).ToList();
        return operation switch
        {
            SetOperation.Intersection => [.. required.SelectMany(r => r).Distinct(StringComparer.Ordinal)],
            SetOperation.Difference => required[0],
            _ => [.. required.Aggregate<IEnumerable<string>>((one, other) => one.Intersect(other, StringComparer.Ordinal))],
        };
    }

    private async Task<Segment> SaveAsync(
        CombinationName save, string[] purposes, MemberPredicate predicate, CancellationToken cancellation)
    {
        var body = save.ToSegment(purposes);
        await store.CheckAsync(body, cancellation, "/save");
        var key = save.Key ?? throw ApiProblem.Invalid("/save/key", "A segment needs a key.");

        // Nobody else's definitions wait while the rules are evaluated; who is gone by the time they are stored is left out.
        await store.NewAsync(key, cancellation);
        var members = await query.ListKeysAsync(predicate, cancellation);
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await store.NewAsync(key, cancellation);
        await store.SaveAsync(
            segment, body, User, transaction, cancellation,
            addMembers: () => manual.FillAsync(segment, members, predicate.EvaluatedAt, cancellation));
        return segment;
    }
}

/// <summary>Segments to compare.</summary>
/// <param name="Keys">The keys of 2 to 100 segments.</param>
public sealed record OverlapRequest([property: Needed] string?[]? Keys);

/// <summary>Segments to put together.</summary>
/// <param name="Operation"><c>union</c>: in any of them; <c>intersection</c>: in all; <c>difference</c>: in the first and in no
/// other.</param>
/// <param name="Keys">The keys of 2 to 100 segments.</param>
/// <param name="Save">What to save the combination as; when left out, nothing is saved.</param>
/// <param name="SampleSize">How many customers to show, 0 to 100; 10 when left out.</param>
public sealed record CombineRequest(
    [property: Needed] SetOperation? Operation,
    [property: Needed] string?[]? Keys,
    CombinationName? Save = null,
    int? SampleSize = null);

/// <summary>The manual segment that a combination is saved as.</summary>
/// <param name="Key">Its key, which must be new.</param>
/// <param name="Name">Its name; the key when left out.</param>
/// <param name="Description">Who is in it, in words.</param>
/// <param name="Goal">What it is for, in words.</param>
/// <param name="Tags">Words to filter lists of segments by.</param>
public sealed record CombinationName(
    [property: Needed] string? Key, string? Name = null, string? Description = null, string? Goal = null, string[]? Tags = null)
{
    internal SegmentResource ToSegment(string[] requiresConsent) => new()
    {
        Key = Key,
        Name = Name,
        Description = Description,
        Goal = Goal,
        Tags = Tags,
        Kind = SegmentKind.Manual,
        RequiresConsent = requiresConsent,
    };
}

/// <summary>The customers of a combination of segments.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="Total">All customers.</param>
/// <param name="Share">count / total, from 0 to 1.</param>
/// <param name="Sample">Some of them; missing without the scope <c>customers:read</c>.</param>
/// <param name="EvaluatedAt">The instant that they were found for.</param>
/// <param name="Segment">The manual segment that was made of them; only with <c>save</c>.</param>
public sealed record Combination(
    long Count, long Total, decimal Share, IReadOnlyList<CustomerResource>? Sample, DateTimeOffset EvaluatedAt, SegmentResource? Segment);
