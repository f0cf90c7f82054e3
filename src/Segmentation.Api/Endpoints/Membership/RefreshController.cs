using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Access;
using Segmentation.Api.Audit;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Comparing stored membership with the rule.</summary>
[ApiController]
[Route("api/v1/segments/{key}/refresh")]
[Tags("Membership")]
[RequiresScope(Scopes.Admin)]
[Produces("application/json")]
public sealed class RefreshController(SegmentationDb db, SegmentStates states, AuditLog log) : ControllerBase
{
    /// <summary>Evaluates the rule for everyone, compares that with stored membership, and mends what differs.</summary>
    /// <remarks>For checking: stored membership is kept without it. Answers at once; <c>GET</c> shows its progress, and then <c>drift</c>,
    /// which is always 0.</remarks>
    [HttpPost]
    [ProducesResponseType<SegmentState>(StatusCodes.Status202Accepted)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Refresh(string key, CancellationToken cancellation)
    {
        var segment = await GetActiveAsync(key, cancellation);
        await using var transaction = await db.BeginAsync(cancellation);
        await db.Database.ExecuteSqlAsync(ChangeLog.AppendRefreshSql(segment.Id), cancellation);
        await log.AppendAsync(db, "segments.refresh", $"segments/{key}", cancellation: cancellation);
        await transaction.CommitAsync(cancellation);
        return Accepted(await states.ReadAsync(segment, cancellation));
    }

    /// <summary>How far the segment's stored membership is, and what the last refresh found.</summary>
    [HttpGet]
    [ProducesResponseType<SegmentState>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<SegmentState> RefreshState(string key, CancellationToken cancellation) =>
        (await states.ReadAsync(await GetActiveAsync(key, cancellation), cancellation))!;

    /// <summary>Ends a refresh that was asked for; stored membership stays as it is. Repeatable.</summary>
    [HttpDelete]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> CancelRefresh(string key, CancellationToken cancellation)
    {
        var segment = await GetActiveAsync(key, cancellation);
        await using var transaction = await db.BeginAsync(cancellation);
        await db.MembershipStates.Where(s => s.SegmentId == segment.Id).ExecuteUpdateAsync(
            s => s.SetProperty(x => x.CancelRequested, true), cancellation);
        await log.AppendAsync(db, "segments.cancelRefresh", $"segments/{key}", cancellation: cancellation);
        await transaction.CommitAsync(cancellation);
        return NoContent();
    }

    private async Task<Segment> GetActiveAsync(string key, CancellationToken cancellation)
    {
        var segment = await db.Segments.AsNoTracking().GetByKeyAsync(key, cancellation);
        return segment.Status == SegmentStatus.Active
            ? segment
            : throw ApiProblem.Conflict(
                $"\"{key}\" is {segment.Status.ToString().ToLowerInvariant()}: only an active segment's membership is stored.");
    }
}
