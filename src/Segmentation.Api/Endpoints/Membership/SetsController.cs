using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Segments as sets of customers.</summary>
[ApiController]
[Route("api/v1/segments")]
[Tags("Membership")]
[Produces("application/json")]
public sealed class SetsController(
    SegmentQuery query, MembershipReader memberships, SegmentStore store, ManualMembership manual, SegmentOverlap overlap) : ControllerBase
{
    /// <summary>How many customers segments have in common, pair by pair.</summary>
    /// <remarks>From one snapshot of the database. Active segments are read as they are stored, others are evaluated.</remarks>
    [HttpPost("overlap")]
    [ProducesResponseType<Overlap>(StatusCodes.Status200OK)]
    public async Task<Overlap> Overlap(OverlapRequest body, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        return await overlap.ReadAsync(all, SegmentKeys.Resolve(all, body.Keys), cancellation);
    }

    /// <summary>
    /// Counts the union, intersection or difference of segments and shows some of its customers; or saves it as a manual segment.
    /// </summary>
    /// <remarks>The difference is the first segment without the members of all others. With <c>save</c> the customers of now become the
    /// members of a new manual segment, which is answered; it does not follow the others any further.</remarks>
    [HttpPost("combine")]
    [ProducesResponseType<Combination>(StatusCodes.Status200OK)]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Combine(CombineRequest body, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var operation = body.Operation ?? throw ApiProblem.Invalid("/operation", "operation must be union, intersection or difference.");
        var predicate = await memberships.CombineAsync(all, operation, SegmentKeys.Resolve(all, body.Keys), cancellation);
        var size = SampleSize.Check(body.SampleSize);
        if (body.Save is { } save)
        {
            return await SaveAsync(save, predicate, cancellation);
        }

        var (count, sample) = await query.PreviewAsync(predicate, size, cancellation);
        var customers = sample.Select(c => CustomerResource.From(c, count.EvaluatedAt)).ToList();
        return Ok(new Combination(count.Count, count.Total, count.Share, customers, count.EvaluatedAt));
    }

    private async Task<IActionResult> SaveAsync(CombinationName save, MemberPredicate predicate, CancellationToken cancellation)
    {
        var body = save.ToSegment();
        store.Check(body, "/save");
        await using var transaction = await store.BeginAsync(cancellation);
        var key = save.Key ?? throw ApiProblem.Invalid("/save/key", "A segment needs a key.");
        var segment = await store.NewAsync(key, cancellation);
        await store.SaveAsync(
            segment, body, User, transaction, cancellation, addMembers: () => manual.FillAsync(segment, predicate, cancellation));
        Response.SetETag(segment.Version);
        return CreatedAtAction(nameof(SegmentsController.Get), "Segments", new { key }, SegmentResource.From(segment, []));
    }
}

/// <summary>Segments to compare.</summary>
/// <param name="Keys">2 to 100 keys.</param>
public sealed record OverlapRequest(string?[]? Keys);

/// <summary>Segments to put together.</summary>
/// <param name="Keys">2 to 100 keys; a difference is the first without all others.</param>
/// <param name="Save">Makes a manual segment of it.</param>
/// <param name="SampleSize">0 to 100; default 10.</param>
public sealed record CombineRequest(SetOperation? Operation, string?[]? Keys, CombinationName? Save = null, int? SampleSize = null);

/// <summary>What a combination is saved as.</summary>
/// <param name="Name">Defaults to the key.</param>
/// <param name="Goal">What the segment is for, in words.</param>
public sealed record CombinationName(
    string? Key, string? Name = null, string? Description = null, string? Goal = null, string[]? Tags = null)
{
    internal SegmentResource ToSegment() => new()
    {
        Key = Key,
        Name = Name,
        Description = Description,
        Goal = Goal,
        Tags = Tags,
        Kind = SegmentKind.Manual,
    };
}

/// <param name="Share">0 to 1.</param>
public sealed record Combination(long Count, long Total, decimal Share, IReadOnlyList<CustomerResource> Sample, DateTimeOffset EvaluatedAt);
