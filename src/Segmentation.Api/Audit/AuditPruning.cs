using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Audit;

/// <summary>Drops whole months of the log that are older than they are kept; only the tables' owner can.</summary>
internal static class AuditPruning
{
    /// <returns>How many months went.</returns>
    public static async Task<int> RunAsync(string ownerConnection, int keepDays, DateTimeOffset now, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(ownerConnection);
        await connection.OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);

        // Whoever appends waits for the head first, and for a month's table after it.
        await ExecuteAsync("SELECT 1 FROM audit_head FOR UPDATE");
        await using var list = new NpgsqlCommand(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'audit'::regclass ORDER BY 1",
            connection);
        var all = await list.ReadAllAsync(r => r.GetString(0), cancellation);
        var months = all.TakeWhile(m => MonthEnd(m) <= now.AddDays(-keepDays)).ToList();
        if (months is [])
        {
            return 0;
        }

        await using var read = new NpgsqlCommand($"SELECT id, hash FROM {months[^1]} ORDER BY id DESC LIMIT 1", connection);
        var (id, hash) = (await read.ReadAllAsync(r => (r.GetInt64(0), (byte[])r[1]), cancellation)).Single();
        foreach (var month in months)
        {
            await ExecuteAsync($"DROP TABLE {month}");
        }

        var after = new JsonObject { ["lastId"] = id, ["lastHash"] = Convert.ToHexStringLower(hash) };
        await AuditEntry.Create(now, AuditActor.Service, AuditReader.Pruned, "audit", null, null, after)
            .AppendAsync(connection, cancellation);
        await transaction.CommitAsync(cancellation);
        return months.Count;

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(cancellation);
        }
    }

    // audit_202611: the first instant of the next month.
    private static DateTimeOffset MonthEnd(string table) =>
        DateTimeOffset.ParseExact(table[^6..], "yyyyMM", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal).AddMonths(1);
}
