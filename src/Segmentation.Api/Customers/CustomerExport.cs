using System.Buffers;
using System.Data;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Net.Http.Headers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>How many customers at once are written.</summary>
public enum ExportFormat { Ndjson, Csv }

/// <summary>Streams customers out, in a form that an import takes: one snapshot, in constant memory.</summary>
public static class CustomerExport
{
    public const string CsvType = "text/csv";
    public const string NdjsonType = "application/x-ndjson";

    private const int FlushBytes = 32 * 1024;

    /// <summary>The format that <c>Accept</c> asks for; null when it asks for neither.</summary>
    public static ExportFormat? Wanted(HttpRequest request)
    {
        foreach (var type in request.GetTypedHeaders().Accept.OrderByDescending(a => a.Quality ?? 1))
        {
            if (type.MediaType.Equals(CsvType, StringComparison.OrdinalIgnoreCase))
            {
                return ExportFormat.Csv;
            }

            if (type.MediaType.Equals(NdjsonType, StringComparison.OrdinalIgnoreCase))
            {
                return ExportFormat.Ndjson;
            }
        }

        return null;
    }

    /// <summary>Writes the customers of a query as the response's body. A client that goes away cancels the statement.</summary>
    public static async Task WriteAsync(HttpResponse response, SegmentationDb db, IQueryable<Customer> customers, ExportFormat format, DateTimeOffset now, CancellationToken cancellation)
    {
        // One snapshot for the columns and the rows. How long a download takes is its reader's affair: Kestrel ends those that stop reading.
        await using var transaction = db.Database.CurrentTransaction is null ? await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation) : null;
        await db.Database.ExecuteSqlRawAsync("SET LOCAL statement_timeout = 0", cancellation);
        db.Database.SetCommandTimeout(0);
        var csv = format == ExportFormat.Csv ? await ColumnsAsync(db, cancellation) : null;
        await using var rows = customers.AsNoTracking().OrderBy(c => c.Key).AsAsyncEnumerable().GetAsyncEnumerator(cancellation);

        // What can fail for a reason of its own fails before the answer begins.
        var any = await rows.MoveNextAsync();
        response.ContentType = csv is null ? NdjsonType : CsvType + "; charset=utf-8; header=present";
        var body = response.BodyWriter;
        if (csv is not null)
        {
            Encoding.UTF8.GetBytes(csv.Header(), body);
        }

        await using var json = new Utf8JsonWriter(body, new JsonWriterOptions { Encoder = Json.Options.Encoder, SkipValidation = true });
        for (; any; any = await rows.MoveNextAsync())
        {
            var resource = CustomerResource.From(rows.Current, now);
            if (csv is not null)
            {
                Encoding.UTF8.GetBytes(csv.Record(resource), body);
            }
            else
            {
                json.Reset();
                JsonSerializer.Serialize(json, resource, Json.Options);
                body.Write("\n"u8);
            }

            if (body.UnflushedBytes > FlushBytes)
            {
                await body.FlushAsync(cancellation);
            }
        }

        await body.FlushAsync(cancellation);
    }

    private static async Task<CustomerCsv> ColumnsAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var purposes = await db.Database.SqlQueryRaw<string>("""SELECT DISTINCT jsonb_object_keys(consents) AS "Value" FROM customers WHERE consents IS NOT NULL""").ToListAsync(cancellation);
        return CustomerCsv.For(await db.Attributes.AsNoTracking().ToListAsync(cancellation), purposes);
    }
}
