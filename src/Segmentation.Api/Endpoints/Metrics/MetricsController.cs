using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Metrics: what is measured of customers.</summary>
[ApiController]
[Route("api/v1/metrics")]
[Tags("Metrics")]
[Produces("application/json")]
public sealed class MetricsController(MetricStore store) : ControllerBase
{
    /// <summary>Lists all metrics, by key: those that are built in, and your own.</summary>
    /// <remarks>Built in are <c>active</c> (any event), <c>buyers</c> (an order), <c>orders</c> (how many), <c>revenue</c> (orders less
    /// refunds, as <c>value.lifetimeValue</c>; its events and customers are those of orders), <c>averageOrderValue</c> (gross amount by
    /// orders) and <c>sentiment</c> (the average of feedback; no event has one yet).</remarks>
    [HttpGet]
    [RequiresScope(Scopes.SegmentsRead)]
    public async Task<Page<MetricResource>> List(int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var after = Paging.TextCursor(cursor) ?? "";
        var all = await store.ListAsync(cancellation);
        return Paging.Create(
            [.. all.Where(m => string.CompareOrdinal(m.Key, after) > 0).Take(size + 1)], size, m => m, m => [m.Key!]);
    }

    /// <summary>One metric.</summary>
    [HttpGet("{key}")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<MetricResource>(StatusCodes.Status200OK)]
    public async Task<MetricResource> Get(string key, CancellationToken cancellation) =>
        await store.FindAsync(key, cancellation) ?? throw ApiProblem.NotFound("metric");

    /// <summary>Defines a metric, or changes one.</summary>
    /// <remarks>A metric that is built in can't be changed (409).</remarks>
    [HttpPut("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<MetricResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<MetricResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Put(string key, MetricResource body, CancellationToken cancellation)
    {
        var (metric, created) = await store.SaveAsync(key, body, Request.CheckIfMatch, cancellation);
        return created ? Created($"/api/v1/metrics/{key}", metric) : Ok(metric);
    }

    /// <summary>Deletes a metric. Repeatable.</summary>
    /// <remarks>A 409 names the segments, in whatever status, whose <c>goalMetric</c> it is, or the experiments that name it. One that is
    /// built in can't be deleted (409).</remarks>
    [HttpDelete("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Delete(string key, CancellationToken cancellation)
    {
        await store.DeleteAsync(key, cancellation);
        return NoContent();
    }
}
