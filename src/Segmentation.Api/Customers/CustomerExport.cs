using System.Buffers;
using System.Data;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>How customers are written, many at a time.</summary>
public enum ExportFormat { Ndjson, Csv }

/// <summary>Streams customers out, in a form that an import reads: one snapshot, in constant memory.</summary>
public static class CustomerExport
{
    public const string Csv = "text/csv";
    public const string Ndjson = "application/x-ndjson";

    private const int FlushBytes = 32 * 1024;

    /// <summary>The format that <c>Accept</c> asks for; null when it asks for neither.</summary>
    public static ExportFormat? Accepts(HttpRequest request)
    {
        foreach (var type in request.GetTypedHeaders().Accept.OrderByDescending(a => a.Quality ?? 1))
        {
            if (type.MediaType.Equals(Csv, StringComparison.OrdinalIgnoreCase))
            {
                return ExportFormat.Csv;
            }

            if (type.MediaType.Equals(Ndjson, StringComparison.OrdinalIgnoreCase))
            {
                return ExportFormat.Ndjson;
            }
        }

        return null;
    }

    /// <summary>Writes the customers of a query as the response's body. A client that goes away cancels the statement.</summary>
    /// <param name="attributes">The registered ones: each is a column of a CSV.</param>
    /// <param name="idOnly">Whether to write nothing but ids.</param>
    public static async Task WriteAsync(
        HttpResponse response, SegmentationDb db, IQueryable<Customer> customers, ExportFormat format,
        IEnumerable<CustomerAttribute> attributes, bool idOnly, CancellationToken cancellation)
    {
        // One snapshot for columns and rows. How long a download takes is its reader's affair: Kestrel ends those that stop reading.
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        await db.Database.ExecuteSqlRawAsync("SET LOCAL statement_timeout = 0", cancellation);
        db.Database.SetCommandTimeout(0);
        var csv = format == ExportFormat.Ndjson ? null
            : idOnly ? CustomerCsv.Ids
            : CustomerCsv.For(attributes, await PurposesAsync(db, cancellation));
        var now = response.HttpContext.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        var rows = customers.AsNoTracking().OrderBy(c => c.Key);
        var resources = idOnly
            ? rows.Select(c => c.Id).AsAsyncEnumerable().Select(id => new CustomerResource { Id = id })
            : rows.AsAsyncEnumerable().Select(customer => CustomerResource.From(customer, now));

        // What can fail for a reason of its own fails before the answer begins.
        await using var each = resources.GetAsyncEnumerator(cancellation);
        var any = await each.MoveNextAsync();
        response.ContentType = csv is null ? Ndjson : Csv + "; charset=utf-8; header=present";
        var body = response.BodyWriter;
        if (csv is not null)
        {
            Encoding.UTF8.GetBytes(csv.Header(), body);
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
