using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Imports in the background: how far they are, and what they rejected.</summary>
[ApiController]
[Route("api/v1/imports")]
[Tags("Customers")]
[RequiresScope(Scopes.CustomersWrite)]
[Produces(MediaTypes.Json)]
public sealed class ImportsController(
    SegmentationDb db, ImportJobs jobs, SegmentQuery query, SensitiveReads sensitive, TimeProvider time) : ControllerBase
{
    /// <summary>Lists imports in the background, the newest first. Each is kept for 7 days.</summary>
    [HttpGet]
    public async Task<Page<ImportJobResource>> List(int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, before, now) = (Paging.Limit(limit), Paging.TextCursor(cursor), time.GetUtcNow());
        var imports = db.Imports.AsNoTracking();
        imports = before is null ? imports : imports.Where(i => string.Compare(i.Id, before) < 0);
        return await Paging.ReadAsync(
            imports.OrderByDescending(i => i.Id), size, i => ImportJobResource.From(i, now), i => [i.Id], cancellation);
    }

    /// <summary>Reads how far an import in the background is.</summary>
    /// <param name="id">The import's id: the end of <c>Location</c> in the answer that took it.</param>
    [HttpGet("{id}")]
    [ProducesResponseType<ImportJobResource>(StatusCodes.Status200OK)]
    public async Task<ImportJobResource> Get(string id, CancellationToken cancellation) =>
        ImportJobResource.From(await FindAsync(id, cancellation), time.GetUtcNow());

    /// <summary>Stops an import where it is; or forgets one that has ended, with its rejected lines.</summary>
    /// <remarks>What was stored stays. Sent twice, it stops and then forgets.</remarks>
    /// <param name="id">The import's id.</param>
    [HttpDelete("{id}")]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public async Task<IActionResult> Delete(string id, CancellationToken cancellation)
    {
        if (!id.Contains('\0', StringComparison.Ordinal))
        {
            await jobs.CancelAsync(id, cancellation);
        }

        return NoContent();
    }

    /// <summary>Downloads the lines that an import rejected, as CSV: <c>#line</c>, <c>#message</c>, and the line itself.</summary>
    /// <remarks>Of a CSV the line's own columns follow: mend them and send the file again as it is, since an import does not take
    /// columns that begin with <c>#</c>. Of NDJSON, and of a line that could not be cut into fields, one column has the line. The lines
    /// are personal data: they are kept for 7 days, and erased with their customer.</remarks>
    /// <param name="id">The import's id.</param>
    /// <param name="bom">Begin with a byte order mark, which Excel needs to read UTF-8; false when left out.</param>
    [HttpGet("{id}/errors")]
    [Work(WorkClass.Export)]
    [Produces(MediaTypes.Csv)]
    [ProducesResponseType<string>(StatusCodes.Status200OK, MediaTypes.Csv)]
    public async Task Errors(string id, bool? bom, CancellationToken cancellation)
    {
        // The lines are as they were sent, perhaps by one who may name what is sensitive.
        var import = await FindAsync(id, cancellation);
        var all = (await query.DefinitionsAsync(cancellation)).Sensitive;
        if (!all.IsEmpty)
        {
            SensitiveFields.Refuse(
                HttpContext.Caller.Has(Scopes.Privacy) ? [] : [nameof(id)],
                "Rejected lines are as they were sent, and may hold sensitive values: call with a key that has the scope privacy.");
            await sensitive.ReadAsync(all, $"imports/{id}", cancellation);
        }

        await ImportErrors.WriteAsync(Response, db, import, bom == true, cancellation);
    }

    private async Task<ImportJob> FindAsync(string id, CancellationToken cancellation) =>
        (id.Contains('\0', StringComparison.Ordinal)
            ? null
            : await db.Imports.AsNoTracking().FirstOrDefaultAsync(i => i.Id == id, cancellation))
        ?? throw ApiProblem.NotFound("import");
}
