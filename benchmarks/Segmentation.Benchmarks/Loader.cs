using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Local;
using Segmentation.Rules.Values;

namespace Segmentation.Benchmarks;

/// <summary>Fills the database once, and finds it filled the next time.</summary>
internal static class Loader
{
    public const ulong Seed = 20_260_101;

    // A load that a crash cuts off is begun again, so nothing needs to be safe while it runs. With this WAL level COPY into a table
    // truncated by the same transaction writes none.
    private static readonly Dictionary<string, string> Reckless = new()
    {
        ["fsync"] = "off",
        ["wal_level"] = "minimal",
        ["max_wal_senders"] = "0",
        ["max_wal_size"] = "64GB",
        ["maintenance_work_mem"] = "2GB",
        ["autovacuum"] = "off",
    };

    /// <summary>Starts the private server on a database of the size asked for.</summary>
    /// <returns>The server, with the settings that ./run gives it.</returns>
    public static async Task<EmbeddedPostgres> StartAsync(Options options)
    {
        var server = await EmbeddedPostgres.StartAsync(
            new EmbeddedOptions { DataDirectory = options.Data }, NullLogger.Instance, CancellationToken.None);
        if (await IsLoadedAsync(server.ConnectionString, options))
        {
            await MigrateAsync(server.ConnectionString);
            return server;
        }

        await server.DisposeAsync();
        await using (var loading = await EmbeddedPostgres.StartAsync(
            new EmbeddedOptions { DataDirectory = options.Data, Settings = Reckless }, NullLogger.Instance, CancellationToken.None))
        {
            await LoadAsync(loading.ConnectionString, options);
        }

        NpgsqlConnection.ClearAllPools();
        return await EmbeddedPostgres.StartAsync(
            new EmbeddedOptions { DataDirectory = options.Data }, NullLogger.Instance, CancellationToken.None);
    }

    private static async Task<bool> IsLoadedAsync(string connectionString, Options options)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var exists = source.CreateCommand("SELECT to_regclass('bench_load')::text");
        if (await exists.ExecuteScalarAsync() is null or DBNull)
        {
            return false;
        }

        await using var command = source.CreateCommand("SELECT now FROM bench_load WHERE customers = $1 AND events = $2 AND seed = $3");
        command.Parameters.AddRange(new NpgsqlParameter[]
        {
            new() { Value = (long)options.Customers }, new() { Value = options.Events }, new() { Value = (long)Seed }
        });
        return await command.ExecuteScalarAsync() is DateTime;
    }

    private static SegmentationDb Open(string connectionString) =>
        new(new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql(connectionString, o => o.CommandTimeout(0)).Options);

    private static async Task MigrateAsync(string connectionString)
    {
        await using var db = Open(connectionString);
        await db.Database.MigrateAsync();
    }

    private static async Task LoadAsync(string connectionString, Options options)
    {
        var clock = Stopwatch.StartNew();
        await MigrateAsync(connectionString);
        await using var db = Open(connectionString);
        await db.Database.OpenConnectionAsync();
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        Console.Error.WriteLine($"Loading {options.Customers:N0} customers and {options.Events:N0} events into {options.Data}");

        // The keys are indexes too.
        var indexes = await TableAsync(connection, """
            SELECT CASE WHEN x.conname IS NULL THEN format('DROP INDEX %I', i.relname)
                    ELSE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', t.oid::regclass, x.conname) END,
                CASE WHEN x.conname IS NULL THEN pg_get_indexdef(i.oid)
                    ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', t.oid::regclass, x.conname, pg_get_constraintdef(x.oid)) END
            FROM pg_index JOIN pg_class i ON i.oid = indexrelid JOIN pg_class t ON t.oid = indrelid
                LEFT JOIN pg_constraint x ON x.conindid = i.oid AND x.contype = 'p'
            WHERE t.relname = 'events' ORDER BY x.conname IS NULL, i.relname
            """);
        var now = LocalTime.Truncate(DateTimeOffset.UtcNow);
        await using (var transaction = await db.Database.BeginTransactionAsync())
        {
            await ExecuteAsync(connection, "TRUNCATE customers, events, segments, attributes CASCADE");
            foreach (var (drop, _) in indexes)
            {
                await ExecuteAsync(connection, drop);
            }

            db.Attributes.AddRange(SampleAttributes.Define(now));
            await db.SaveChangesAsync();
            await SampleData.CopyAsync(
                connection, db.Model, new SampleGenerator(Seed, options.Customers, options.Events, now), CancellationToken.None);
            Console.Error.WriteLine($"  copied after {clock.Elapsed.TotalSeconds:0} s");
            foreach (var (_, create) in indexes)
            {
                await ExecuteAsync(connection, create);
                Console.Error.WriteLine($"  {create} after {clock.Elapsed.TotalSeconds:0} s");
            }

            await transaction.CommitAsync();
        }

        await ExecuteAsync(connection, "VACUUM (FREEZE, ANALYZE) customers");
        await ExecuteAsync(connection, "VACUUM (FREEZE, ANALYZE) events");
        await ExecuteAsync(connection, "CHECKPOINT");
        await ExecuteAsync(connection, "DROP TABLE IF EXISTS bench_load");
        await ExecuteAsync(connection, "CREATE TABLE bench_load (customers bigint, events bigint, seed bigint, now timestamptz)");
        await using var mark = new NpgsqlCommand("INSERT INTO bench_load VALUES ($1, $2, $3, $4)", connection);
        mark.Parameters.AddRange(new NpgsqlParameter[]
        {
            new() { Value = (long)options.Customers }, new() { Value = options.Events }, new() { Value = (long)Seed },
            new() { Value = now, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz },
        });
        await mark.ExecuteNonQueryAsync();
        Console.Error.WriteLine($"  loaded in {clock.Elapsed.TotalSeconds:0} s");
    }

    public static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<List<(string, string)>> TableAsync(NpgsqlConnection connection, string sql)
    {
        List<(string, string)> rows = [];
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            rows.Add((reader.GetString(0), reader.GetString(1)));
        }

        return rows;
    }
}
