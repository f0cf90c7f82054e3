using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Audit;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;

namespace Segmentation.Api.Customers;

/// <summary>
/// Writes many customers, a line each. Memory is constant: a batch is stored while the next one is read. A batch is read whole before a
/// connection is taken for it, so that none waits for who sends the file.
/// </summary>
public sealed class CustomerImport(
    SegmentationDb db,
    CustomerValidator validator,
    ErasedIds erased,
    SensitiveOptions sensitive,
    AuditLog log,
    CustomerMarks marks,
    TimeProvider time,
    ILogger<CustomerImport> logger)
{
    /// <summary>How many rejected lines the answer lists.</summary>
    public const int MaxErrors = 100;

    // Rejected lines that are kept in memory at most, until they are reported.
    private const int MaxUnreported = 1000;
    private const int MaxUnreportedBytes = 8 * 1024 * 1024;

    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(5);

    private readonly List<LineError> errors = [];
    private List<RejectedLine> unreported = [];
    private long unreportedBytes;
    private Func<ImportCounts, IReadOnlyList<RejectedLine>, Task>? report;
    private IReadOnlyList<string?> header = [];
    private long received;
    private long rejected;
    private long created;
    private long updated;

    /// <summary>A CSV's header as it was read; empty until then.</summary>
    internal IReadOnlyList<string?> Header => header;

    /// <summary>What separates a CSV's fields.</summary>
    internal char Separator { get; private set; } = ',';

    /// <summary>Reads and stores the whole body; of a dry run, reads it and finds what storing it would do.</summary>
    /// <exception cref="ApiProblem">The CSV's header is wrong; nothing was stored.</exception>
    public async Task<ImportResult> RunAsync(Stream body, ImportOptions options, CancellationToken cancellation) =>
        await RunAsync(body, options, await log.FindOriginAsync(cancellation), null, cancellation);

    /// <summary>The same, and tells of each batch how far it is, and which lines were rejected since.</summary>
    /// <param name="origin">Who asked for it.</param>
    internal async Task<ImportResult> RunAsync(
        Stream body, ImportOptions options, AuditOrigin origin, Func<ImportCounts, IReadOnlyList<RejectedLine>, Task>? report,
        CancellationToken cancellation)
    {
        this.report = report;
        var definitions = await db.Attributes.AsNoTracking().ToDictionaryAsync(a => a.Name, cancellation);
        var reader = new RecordReader(body, options.Csv);
        var hidden = options.Hides ? new SensitiveFields(sensitive.Fields, definitions.Values) : SensitiveFields.None;
        if (!hidden.IsEmpty && options.Mode == ImportMode.Replace)
        {
            // It would remove what its sender does not see.
            SensitiveFields.Refuse(
                ["mode"],
                "It would remove the sensitive values that you can't see: take mode=merge, or call with a key that has the scope privacy.");
        }

        var columns = options.Csv ? await ReadHeaderAsync(reader, definitions, hidden, cancellation) : null;
        var parser = CreateParser();
        using var consents = new ImportedConsents(log, marks);
        await using var store = new CustomerImportStore(db, options, definitions, erased, CreateParser(), reader, consents);
        try
        {
            await StoreAllAsync(reader, parser, store, cancellation);
        }
        finally
        {
            // What was stored stays, whatever became of the rest.
            await consents.WriteAsync(origin);
        }

        await store.EndAsync(cancellation);
        return new ImportResult(received, created, updated, rejected, [.. parser.Ignored], [.. errors.OrderBy(e => e.Line)]);

        // One for the lines that come, one for those that are read again while others come.
        CustomerRecordParser CreateParser() => new(validator, columns, options.Mode == ImportMode.Merge, definitions, hidden, time);
    }

    private async Task StoreAllAsync(
        RecordReader reader, CustomerRecordParser parser, CustomerImportStore store, CancellationToken cancellation)
    {
        var table = BulkTable<Customer>.For(db.Model);
        var (batch, other, storing) = (new CustomerImportBatch(table), new CustomerImportBatch(table), Task.CompletedTask);
        var logged = Stopwatch.GetTimestamp();
        try
        {
            while (await reader.ReadAsync(cancellation))
            {
                received++;
                var (fault, id) = (reader.Fault, (string?)null);
                if (fault is null && parser.Parse(reader.Record.Span, reader.Separator, out fault, out id) is { } customer)
                {
                    batch.Add(customer, reader.Line, reader.Record.Span);
                }
                else
                {
                    Reject(reader.Line, fault!, reader.Record.Span, reader.Fault is null, id);
                }

                if (batch.IsFull || unreported.Count >= MaxUnreported || unreportedBytes > MaxUnreportedBytes)
                {
                    await storing;
                    await ReportAsync();
                    storing = StoreAsync(store, batch, cancellation);
                    (batch, other) = (other, batch);
                    batch.Clear();
                    logged = Log(logged);
                }
            }
        }
        finally
        {
            // What is being stored is stored, whatever became of the reading.
            await storing;
        }

        await StoreAsync(store, batch, cancellation);
        await ReportAsync();
    }

    private async Task<CustomerCsv> ReadHeaderAsync(
        RecordReader reader, Dictionary<string, CustomerAttribute> definitions, SensitiveFields hidden, CancellationToken cancellation)
    {
        if (!await reader.ReadAsync(cancellation))
        {
            throw ApiProblem.Invalid("header", "The file is empty: its first line must name the columns.");
        }

        if (reader.Fault is { } unreadable)
        {
            throw ApiProblem.Invalid("header", $"The first line, which names the columns, can't be read. {unreadable}");
        }

        var names = new List<string?>();
        RecordReader.Split(reader.Record.Span, reader.Separator, names);
        (header, Separator) = (names, (char)reader.Separator);
        var columns = CsvColumns.Read(names, reader.Separator, definitions);
        SensitiveFields.Refuse(columns.Where(c => hidden.IsPath(c.Name)).Select(c => $"header/{c.Name}"));
        return new CustomerCsv(columns);
    }

    private void Reject(int line, string message, ReadOnlySpan<byte> record, bool isReadable, string? id)
    {
        lock (errors)
        {
            rejected++;
            if (errors.Count < MaxErrors)
            {
                errors.Add(new LineError(line, message));
            }

            if (report is not null)
            {
                unreported.Add(new RejectedLine(line, message, record.ToArray(), isReadable, id));
                unreportedBytes += record.Length;
            }
        }
    }

    private async Task ReportAsync()
    {
        if (report is null)
        {
            return;
        }

        List<RejectedLine> lines;
        ImportCounts counts;
        lock (errors)
        {
            (lines, unreported, unreportedBytes) = (unreported, [], 0);
            counts = new ImportCounts(received, created, updated, rejected);
        }

        await report(counts, lines);
    }

    private async Task StoreAsync(CustomerImportStore store, CustomerImportBatch batch, CancellationToken cancellation)
    {
        if (batch.IsEmpty)
        {
            return;
        }

        var stored = await store.StoreAsync(batch, cancellation);
        foreach (var (line, message, isKept) in stored.Rejected)
        {
            // Of who was erased nothing is kept: neither the line nor whose it is.
            Reject(line.Number, message, isKept ? batch.Record(line) : [], isKept, isKept ? line.Id : null);
        }

        created += stored.Created;
        updated += stored.Updated;
    }

    // Numbers alone: lines are personal data.
    private long Log(long last)
    {
        if (Stopwatch.GetElapsedTime(last) < LogInterval)
        {
            return last;
        }

        logger.LogInformation(
            "Import: {Received} lines read, {Created} customers created, {Updated} updated, {Rejected} rejected", received, created,
            updated, rejected);
        return Stopwatch.GetTimestamp();
    }
}
