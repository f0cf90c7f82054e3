using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>
/// The lines that an import in the background rejected, as a CSV: beside each what is wrong with it. Of a CSV's lines the columns are its
/// own, so that the file can be mended and sent again as it is: an import does not take the two that begin with #.
/// </summary>
internal static class ImportErrors
{
    private static readonly string[] notes = [$"{CsvColumns.Note}line", $"{CsvColumns.Note}message"];

    public static async Task WriteAsync(HttpResponse response, SegmentationDb db, ImportJob job, bool bom, CancellationToken cancellation)
    {
        response.ContentType = MediaTypes.Csv + "; charset=utf-8; header=present";
        response.Headers.ContentDisposition =
            new ContentDispositionHeaderValue("attachment") { FileName = $"import-{job.Id}-errors.csv" }.ToString();
        if (response.HttpContext.IsHead())
        {
            return;
        }

        var header = job.Csv ? job.Header : ["record"];

        // A file that was mended and sent again has the notes of the import before: these take their place.
        var earlier = header.Index().Where(column => notes.Contains(column.Item.Trim())).Select(column => column.Index).ToHashSet();
        var first = CustomerCsv.Join([.. notes, .. header.Where((_, i) => !earlier.Contains(i)).Select(name => CsvFormula.Lead(name))]);
        var (rejections, fields) = (db.ImportRejections, new List<string?>());
        var (after, rows) = (0, 1);
        await PagedBody.WriteAsync(response, (bom ? "\uFEFF" : "") + first, Read, Write, cancellation);

        IAsyncEnumerable<ImportRejection>? Read(int count)
        {
            if (rows == 0)
            {
                return null;
            }

            rows = 0;
            return rejections.AsNoTracking().Where(r => r.ImportId == job.Id && r.Line > after).OrderBy(r => r.Line).Take(count)
                .AsAsyncEnumerable();
        }

        void Write(IBufferWriter<byte> body, ImportRejection row)
        {
            (after, rows) = (row.Line, rows + 1);
            IEnumerable<string?> own = [Encoding.UTF8.GetString(row.Record)];
            if (job.Csv && row.IsReadable)
            {
                RecordReader.Split(row.Record, (byte)job.Separator[0], fields);
                own = fields.Where((_, i) => !earlier.Contains(i));
            }

            // A cell stands for what it stood for: an import takes off the apostrophe that leads it here.
            string[] cells =
            [
                row.Line.ToString(CultureInfo.InvariantCulture), CsvFormula.Lead(row.Message),
                .. own.Select(field => CsvFormula.Lead(CsvFormula.TakeOff(field ?? ""))),
            ];
            Encoding.UTF8.GetBytes(CustomerCsv.Join(cells), body);
        }
    }
}
