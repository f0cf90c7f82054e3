using System.Buffers;
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
/// <param name="At">Whatever was written before, and not since, is in it as it was.</param>
/// <param name="RawFormulas">Whether cells of a CSV that a spreadsheet takes for formulas stay as they are.</param>
public sealed record CustomerDownload(string Name, bool Csv, bool Bom, bool IdOnly, DateTimeOffset At, bool RawFormulas);

/// <summary>
/// Writes customers out in the order of their keys, in a form that an import reads. Each page is read with a statement and a connection of
/// its own: one who is there from the beginning to the end comes exactly once, as it is when its page is read.
/// </summary>
public static class CustomerExport
{
    /// <summary>The header that tells <see cref="CustomerDownload.At"/>.</summary>
    public const string SnapshotHeader = "X-Snapshot-At";

    /// <summary>Writes the customers of a query as the response's body. A client that goes away cancels the statement.</summary>
    /// <param name="customers">A query of which a page costs what the page's customers cost.</param>
    /// <param name="attributes">The registered ones: each is a column of a CSV.</param>
    /// <param name="thresholds">What RFM scores are by.</param>
    /// <param name="hidden">What the caller must not see.</param>
    public static Task WriteAsync(
        HttpResponse response, SegmentationDb db, IQueryable<Customer> customers, CustomerDownload download,
        IEnumerable<CustomerAttribute> attributes, RfmThresholds thresholds, SensitiveFields hidden,
        CancellationToken cancellation) => WriteAsync(
            response, db, download, attributes, thresholds, hidden,
            (after, wasEmpty, count) => wasEmpty ? null : customers.Where(c => c.Key > after).OrderBy(c => c.Key).Take(count),
            cancellation);

    /// <summary>The same of customers that were found before; those who are gone by the time of their page are left out.</summary>
    /// <param name="keys">In ascending order.</param>
    public static Task WriteAsync(
        HttpResponse response, SegmentationDb db, long[] keys, CustomerDownload download,
        IEnumerable<CustomerAttribute> attributes, RfmThresholds thresholds, SensitiveFields hidden, CancellationToken cancellation)
    {
        var (customers, end) = (db.Customers, 0);
        return WriteAsync(response, db, download, attributes, thresholds, hidden, Next, cancellation);

        IQueryable<Customer>? Next(long after, bool wasEmpty, int count)
        {
            var start = wasEmpty ? end : Array.BinarySearch(keys, after) is var at && at < 0 ? ~at : at + 1;
            end = Math.Min(start + count, keys.Length);
            var page = keys[start..end];
            return page.Length == 0 ? null : customers.Where(c => page.Contains(c.Key)).OrderBy(c => c.Key);
        }
    }

    // next: those after a key, as many as asked for; whether the page before had none is said as well. Null: there are no more.
    private static async Task WriteAsync(
        HttpResponse response, SegmentationDb db, CustomerDownload download, IEnumerable<CustomerAttribute> attributes,
        RfmThresholds thresholds, SensitiveFields hidden, Func<long, bool, int, IQueryable<Customer>?> next, CancellationToken cancellation)
    {
        response.ContentType = download.Csv ? MediaTypes.Csv + "; charset=utf-8; header=present" : MediaTypes.Ndjson;
        var file = $"{download.Name}.{(download.Csv ? "csv" : "ndjson")}";
        response.Headers.ContentDisposition = new ContentDispositionHeaderValue("attachment") { FileName = file }.ToString();
        response.Headers[SnapshotHeader] = Json.Format(download.At);
        if (response.HttpContext.IsHead())
        {
            return;
        }

        var csv = !download.Csv ? null
            : download.IdOnly ? CustomerCsv.Ids
            : new CustomerCsv(CsvColumns.List(attributes, await PurposesAsync(db, cancellation)));
        var now = response.HttpContext.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        using var json = new Utf8JsonWriter(Stream.Null, new JsonWriterOptions { Encoder = Json.Options.Encoder, SkipValidation = true });
        var (after, rows) = (0L, 1);
        await PagedBody.WriteAsync(
            response, csv is null ? "" : (download.Bom ? "\uFEFF" : "") + csv.Header(), Read, Write, cancellation);

        IAsyncEnumerable<(long Key, CustomerResource Customer)>? Read(int count)
        {
            var page = next(after, rows == 0, count)?.AsNoTracking();
            rows = 0;
            return download.IdOnly
                ? page?.Select(c => new { c.Key, c.Id }).AsAsyncEnumerable().Select(c => (c.Key, new CustomerResource { Id = c.Id }))
                : page?.AsAsyncEnumerable().Select(c => (c.Key, CustomerResource.From(c, now, thresholds, hidden)));
        }

        void Write(IBufferWriter<byte> body, (long Key, CustomerResource Customer) row)
        {
            (after, rows) = (row.Key, rows + 1);
            if (csv is not null)
            {
                Encoding.UTF8.GetBytes(csv.Record(row.Customer, download.RawFormulas), body);
                return;
            }

            json.Reset(body);
            JsonSerializer.Serialize(json, row.Customer, CustomerJson.Options);
            body.Write("\n"u8);
        }
    }

    private static Task<List<string>> PurposesAsync(SegmentationDb db, CancellationToken cancellation) =>
        db.Database.SqlQueryRaw<string>(
            """SELECT DISTINCT jsonb_object_keys(consents) AS "Value" FROM customers WHERE consents IS NOT NULL""")
            .ToListAsync(cancellation);
}
