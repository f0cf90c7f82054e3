using System.Text;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Privacy;

namespace Segmentation.Api.Customers;

/// <summary>What is known of imports in the background, in tables that every process reads.</summary>
public sealed class ImportJobs(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, ErasedIds erasedIds, TimeProvider time)
{
    /// <summary>How long after its end an import and its rejected lines are kept: they are personal data.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(7);

    /// <summary>How often a process says which imports it has.</summary>
    public static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(2);

    /// <summary>An import of which nothing was heard for as long has lost its process.</summary>
    public static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(30);

    // Rejected lines of one import that are kept.
    private const int MaxKept = 100_000;
    private const long MaxKeptBytes = 64 * 1024 * 1024;

    private static readonly string Open =
        $"state IN ({string.Join(", ", Enum.GetValues<ImportState>().Where(s => !HasEnded(s)).Select(s => (int)s))})";

    public static bool HasEnded(ImportState state) => state is not (ImportState.Waiting or ImportState.Running);

    /// <summary>Begins an import that waits.</summary>
    /// <returns>False when it has been canceled meanwhile.</returns>
    public async Task<bool> StartAsync(string id, CancellationToken cancellation) => await database.ExecuteAsync(
        $"UPDATE imports SET state = {(int)ImportState.Running}, started_at = $2, alive_at = $2 WHERE id = $1 AND {Open}",
        cancellation, Id(id), Now()) > 0;

    /// <summary>Says that this process still has these imports.</summary>
    /// <returns>Those that are to stop.</returns>
    public Task<List<string>> BeatAsync(string[] ids, CancellationToken cancellation) => database.QueryAsync(
        $"""
        WITH alive AS (UPDATE imports SET alive_at = $2 WHERE id = ANY ($1) AND {Open} RETURNING id)
        SELECT own.id FROM unnest($1) own (id) WHERE own.id NOT IN (SELECT id FROM alive)
        """,
        row => row.GetString(0), cancellation, SqlParameter.Create(ids, NpgsqlDbType.Array | NpgsqlDbType.Text), Now());

    /// <summary>Records how far an import is, and the lines that were rejected since; those that are too many are counted alone.</summary>
    internal async Task ReportAsync(
        ImportProgress job, ImportCounts counts, IReadOnlyList<RejectedLine> lines, CancellationToken cancellation)
    {
        List<RejectedLine> kept = [];
        foreach (var line in lines.TakeWhile(l => job.Kept < MaxKept && job.KeptBytes + l.Record.Length <= MaxKeptBytes))
        {
            kept.Add(line);
            (job.Kept, job.KeptBytes) = (job.Kept + 1, job.KeptBytes + line.Record.Length);
        }

        await using var connection = await database.OpenConnectionAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        kept = job.Recreate ? kept : await ForgetErasedAsync(connection, kept, cancellation);
        await using var command = new NpgsqlCommand(
            """
            WITH job AS (
                UPDATE imports SET received = $2, created = $3, updated = $4, rejected = $5, kept = $6, header = $7, separator = $8
                WHERE id = $1 RETURNING id)
            INSERT INTO import_rejections (import_id, line, message, record, is_readable, customer_id, mentions)
            SELECT job.id, l.line, l.message, l.record, l.readable, l.customer, l.mentions::bigint[]
            FROM job, unnest($9, $10, $11, $12, $13, $14) AS l (line, message, record, readable, customer, mentions)
            """,
            connection);
        NpgsqlParameter[] parameters =
        [
            Id(job.Id), SqlParameter.Create(counts.Received), SqlParameter.Create(counts.Created), SqlParameter.Create(counts.Updated),
            SqlParameter.Create(counts.Rejected), SqlParameter.Create(job.Kept),
            SqlParameter.Create(job.Header.Select(Storable).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text),
            SqlParameter.Create(job.Separator.ToString()),
            SqlParameter.Create(kept.Select(l => l.Line).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer),
            SqlParameter.Create(kept.Select(l => Storable(l.Message)).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text),
            SqlParameter.Create(kept.Select(l => l.Record).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bytea),
            SqlParameter.Create(kept.Select(l => l.IsReadable).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Boolean),
            SqlParameter.Create(
                kept.Select(l => CustomerIds.CanExist(l.CustomerId) ? l.CustomerId : null).ToArray(),
                NpgsqlDbType.Array | NpgsqlDbType.Text),
            SqlParameter.Create(
                kept.Select(l => $"{{{string.Join(',', FindMentions(l, job).Distinct())}}}").ToArray(),
                NpgsqlDbType.Array | NpgsqlDbType.Text),
        ];
        command.Parameters.AddRange(parameters);
        await command.ExecuteNonQueryAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    // Of who was erased and is nobody now, neither the line is kept nor whose it is. Whoever is being erased is waited for, and whoever
    // erases waits for these lines.
    private async Task<List<RejectedLine>> ForgetErasedAsync(
        NpgsqlConnection connection, List<RejectedLine> lines, CancellationToken cancellation)
    {
        string[] ids = [.. lines.Select(l => l.CustomerId).OfType<string>().Where(CustomerIds.CanExist).Distinct(StringComparer.Ordinal)];
        await using var command = new NpgsqlCommand(
            "SELECT id FROM customers WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE", connection);
        command.Parameters.Add(SqlParameter.Create(ids, NpgsqlDbType.Array | NpgsqlDbType.Text));
        var present = await command.ReadAllAsync(r => r.GetString(0), cancellation);
        var gone = await erasedIds.FindAnyAsync(connection, [.. ids.Except(present, StringComparer.Ordinal)], cancellation);
        return gone.Count == 0 ? lines : lines.ConvertAll(l => l.CustomerId is { } id && gone.ContainsKey(id)
            ? l with { Record = [], IsReadable = false, CustomerId = null }
            : l);
    }

    // A CSV's fields, an NDJSON's strings; and words, by which a line is found that is neither.
    private static IEnumerable<long> FindMentions(RejectedLine line, ImportProgress job)
    {
        var found = Mentions.InWords(Encoding.UTF8.GetString(line.Record));
        if (job.Header.Count == 0)
        {
            return found.Concat(Mentions.In(line.Record));
        }

        List<string?> fields = [];
        if (line.IsReadable)
        {
            RecordReader.Split(line.Record, (byte)job.Separator, fields);
        }

        return found.Concat(fields.OfType<string>().SelectMany(f => Mentions.Hashes(f.Trim())));
    }

    /// <summary>Records the end of an import; that it was canceled stays.</summary>
    public Task EndAsync(
        string id, ImportState state, IEnumerable<string> ignored, string? error, CancellationToken cancellation) => database.ExecuteAsync(
        $"UPDATE imports SET state = $3, ignored = $4, error = $5, finished_at = $2, alive_at = $2 WHERE id = $1 AND {Open}",
        cancellation,
        Id(id), Now(), SqlParameter.Create((int)state),
        SqlParameter.Create(ignored.Select(Storable).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text),
        new NpgsqlParameter
        {
            Value = error is null ? DBNull.Value : Storable(error[..Math.Min(error.Length, ImportJob.ErrorMaxLength)]),
            NpgsqlDbType = NpgsqlDbType.Text,
        });

    /// <summary>Has an import stop where it is, or forgets one that has ended, with its rejected lines.</summary>
    public async Task CancelAsync(string id, CancellationToken cancellation)
    {
        var stopped = await database.ExecuteAsync(
            $"UPDATE imports SET state = {(int)ImportState.Canceled}, finished_at = $2 WHERE id = $1 AND {Open} AND alive_at > $3",
            cancellation, Id(id), Now(), SqlParameter.Create(time.GetUtcNow() - MaxSilence));
        if (stopped == 0)
        {
            await database.ExecuteAsync("DELETE FROM imports WHERE id = $1", cancellation, Id(id));
        }
    }

    /// <summary>Forgets imports whose time is over, and what dry runs left behind whose process was killed.</summary>
    public async Task SweepAsync(CancellationToken cancellation)
    {
        var end = time.GetUtcNow() - Retention;
        await database.ExecuteAsync("DELETE FROM imports WHERE alive_at < $1", cancellation, SqlParameter.Create(end));
        await database.ExecuteAsync(
            "DELETE FROM seen_in_dry_runs WHERE import_id < $1", cancellation, SqlParameter.Create(Guid.CreateVersion7(end)));
    }

    // PostgreSQL holds neither a NUL nor half a surrogate pair.
    private static string Storable(string? text) =>
        Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text ?? "")).Replace('\0', '?');

    private NpgsqlParameter Now() => SqlParameter.Create(time.GetUtcNow());

    private static NpgsqlParameter Id(string id) => SqlParameter.Create(id);
}

/// <summary>How far an import of this process is.</summary>
/// <param name="recreate">Whether it makes those anew who were erased.</param>
internal sealed class ImportProgress(string id, bool recreate)
{
    public string Id => id;
    public bool Recreate => recreate;
    public int Kept { get; set; }
    public long KeptBytes { get; set; }
    public IReadOnlyList<string?> Header { get; set; } = [];
    public char Separator { get; set; } = ',';
}
