using System.Buffers;
using System.Data;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>How customers are written, many at a time.</summary>
public enum ExportFormat { Ndjson, Csv }

/// <summary>A file of customers.</summary>
/// <param name="Name">The file's, without its ending.</param>
/// <param name="Csv">Whether it is CSV; else NDJSON.</param>
/// <param name="Bom">Whether a CSV begins with a byte order mark, which Excel needs to read UTF-8.</param>
/// <param name="IdOnly">Whether it has nothing but ids.</param>
public sealed record CustomerDownload(string Name, bool Csv, bool Bom, bool IdOnly);

/// <summary>Streams customers out, in a form that an import reads: one snapshot, in constant memory.</summary>
public static class CustomerExport
{
    private const int FlushBytes = 32 * 1024;

    /// <summary>Writes the customers of a query as the response's body. A client that goes away cancels the statement.</summary>
    /// <param name="attributes">The registered ones: each is a column of a CSV.</param>
    public static async Task WriteAsync(
        HttpResponse response, SegmentationDb db, IQueryable<Customer> customers, CustomerDownload download,
        IEnumerable<CustomerAttribute> attributes, CancellationToken cancellation)
    {
        response.ContentType = download.Csv ? MediaTypes.Csv + "; charset=utf-8; header=present" : MediaTypes.Ndjson;
        var file = $"{download.Name}.{(download.Csv ? "csv" : "ndjson")}";
        response.Headers.ContentDisposition = new ContentDispositionHeaderValue("attachment") { FileName = file }.ToString();
        if (response.HttpContext.IsHead())
        {
            return;
        }

        // One snapshot for columns and rows. How long a download takes is its reader's affair: Kestrel ends those that stop reading.
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        await db.Database.ExecuteSqlRawAsync("SET LOCAL statement_timeout = 0", cancellation);
        db.Database.SetCommandTimeout(0);
        var csv = !download.Csv ? null
            : download.IdOnly ? CustomerCsv.Ids
            : new CustomerCsv(CsvColumns.List(attributes, await PurposesAsync(db, cancellation)));
        var now = response.HttpContext.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        var rows = customers.AsNoTracking().OrderBy(c => c.Key);
        var resources = download.IdOnly
            ? rows.Select(c => c.Id).AsAsyncEnumerable().Select(id => new CustomerResource { Id = id })
            : rows.AsAsyncEnumerable().Select(customer => CustomerResource.From(customer, now));

        // What can fail for a reason of its own fails before the answer begins.
        await using var each = resources.GetAsyncEnumerator(cancellation);
        var any = await each.MoveNextAsync();
        var body = response.BodyWriter;
        if (csv is not null)
        {
            Encoding.UTF8.GetBytes((download.Bom ? "\uFEFF" : "") + csv.Header(), body);
        }

        await using var json = new Utf8JsonWriter(body, new JsonWriterOptions { Encoder = Json.Options.Encoder, SkipValidation = true });
        for (; any; any = await each.MoveNextAsync())
        {
            if (csv is not null)
            {
                Encoding.UTF8.GetBytes(csv.Record(each.Current), body);
            }
            else
            {
                json.Reset();
                JsonSerializer.Serialize(json, each.Current, Json.Options);
                body.Write("\n"u8);
            }

            if (body.UnflushedBytes > FlushBytes)
            {
                await body.FlushAsync(cancellation);
            }
        }

        await body.FlushAsync(cancellation);
    }

    private static Task<List<string>> PurposesAsync(SegmentationDb db, CancellationToken cancellation) =>
        db.Database.SqlQueryRaw<string>(
            """SELECT DISTINCT jsonb_object_keys(consents) AS "Value" FROM customers WHERE consents IS NOT NULL""")
            .ToListAsync(cancellation);
}
