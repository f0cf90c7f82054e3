using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Endpoints;

/// <summary>Segments as sets of customers.</summary>
[ApiController]
[Route("api/v1/segments")]
[Tags("Membership")]
[Produces("application/json")]
public sealed class SetsController(SegmentationDb db, SegmentQuery query, MembershipReader memberships, SegmentStore store, SegmentOverlap overlap) : ControllerBase
{
    /// <summary>Segments that one request may name.</summary>
    public const int MaxKeys = 100;

    /// <summary>How many customers segments have in common, pair by pair.</summary>
    /// <remarks>From one snapshot of the database. Active segments are read as they are stored, others are evaluated.</remarks>
    [HttpPost("overlap")]
    [ProducesResponseType<Overlap>(StatusCodes.Status200OK)]
    public async Task<Overlap> Overlap(OverlapRequest body, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        return await overlap.ReadAsync(all, Named(all, body.Keys), cancellation);
    }

    /// <summary>Counts the union, intersection or difference of segments and shows some of its customers; or saves it as a manual segment.</summary>
    /// <remarks>The difference is the first segment without the members of all others. With <c>save</c> the customers of now become the members of a new manual
    /// segment, which is answered; it does not follow the others any further.</remarks>
    [HttpPost("combine")]
    [ProducesResponseType<Combination>(StatusCodes.Status200OK)]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Combine(CombineRequest body, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var operation = body.Operation ?? throw ApiProblem.Invalid("/operation", "operation takes union, intersection or difference.");
        var predicate = await memberships.CombineAsync(all, operation, Named(all, body.Keys), cancellation);
        var size = RulesController.SampleSize(body.SampleSize);
        if (body.Save is { } save)
        {
            return await SaveAsync(save, predicate, cancellation);
        }

        var (count, sample) = await query.PreviewAsync(predicate, size, cancellation);
        return Ok(new Combination(count.Count, count.Total, count.Share, [.. sample.Select(c => CustomerResource.From(c, count.EvaluatedAt))], count.EvaluatedAt));
    }

    private async Task<IActionResult> SaveAsync(CombinationName save, MemberPredicate predicate, CancellationToken cancellation)
    {
        var body = new SegmentResource { Key = save.Key, Name = save.Name, Description = save.Description, Goal = save.Goal, Tags = save.Tags, Kind = SegmentKind.Manual };
        store.Check(body, "/save");
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await store.NewAsync(save.Key ?? throw ApiProblem.Invalid("/save/key", "A segment needs a key."), cancellation);
        await store.SaveAsync(segment, body, User, transaction, cancellation, async () =>
        {
            await using var insert = (NpgsqlCommand)query.Members(predicate).Select(c => c.Key).CreateDbCommand();

            // Locked, so that none is erased on its way in; by key, so that nobody waits for each other.
            insert.CommandText = $"INSERT INTO manual_members (segment_id, customer_key, added_at) SELECT @segment, key, @now FROM customers WHERE key IN ({insert.CommandText}) ORDER BY key FOR KEY SHARE";
            insert.Parameters.AddWithValue("segment", segment.Id);
            insert.Parameters.AddWithValue("now", segment.UpdatedAt);
            (segment.MemberCount, segment.EvaluatedAt) = (await insert.ExecuteNonQueryAsync(cancellation), predicate.EvaluatedAt);
            await db.SaveChangesAsync(cancellation);
        });
        Response.SetETag(segment.Version);
        return CreatedAtAction(nameof(SegmentsController.Get), "Segments", new { key = segment.Key }, SegmentResource.From(segment, []));
    }

    private static List<SegmentDefinition> Named(DefinitionSet all, string?[]? keys)
    {
        if (keys is not { Length: >= 2 and <= MaxKeys })
        {
            throw ApiProblem.Invalid("/keys", $"keys takes the keys of 2 to {MaxKeys} segments.");
        }

        var faults = keys.Select((key, i) => key is null || !all.Segments.ContainsKey(key) ? new RuleError($"/keys/{i}", "There is no such segment.")
            : Array.IndexOf(keys, key) < i ? new RuleError($"/keys/{i}", "Stands here twice.") : null).OfType<RuleError>().ToList();
        return faults.Count == 0 ? [.. keys.Select(k => all.Segments[k!])] : throw ApiProblem.Invalid(faults);
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
public sealed record CombinationName(string? Key, string? Name = null, string? Description = null, string? Goal = null, string[]? Tags = null);

/// <param name="Share">0 to 1.</param>
public sealed record Combination(long Count, long Total, decimal Share, IReadOnlyList<CustomerResource> Sample, DateTimeOffset EvaluatedAt);
