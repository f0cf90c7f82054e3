using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Segmentation.Api.Memberships;
using Segmentation.Api.Rights;
using Segmentation.Local;

namespace Segmentation.Api.Tests.Rights;

/// <summary>A service over a database that can be searched for what should not be in it.</summary>
public sealed class ErasureWorld : IAsyncLifetime
{
    private readonly ApiFixture fixture = new();

    public Api Api => fixture.Api;

    public ApiFixture Fixture => fixture;

    internal NpgsqlDataSource Database { get; private set; } = null!;

    internal ErasureKeeper Keeper => fixture.Host.Services.GetRequiredService<ErasureKeeper>();

    public async Task InitializeAsync()
    {
        await fixture.InitializeAsync();
        Database = NpgsqlDataSource.Create(fixture.ConnectionString);
    }

    public async Task DisposeAsync()
    {
        await Database.DisposeAsync();
        await fixture.DisposeAsync();
    }

    /// <summary>The tables with a row that has a text somewhere, as text or as bytes, and the statistics that have it.</summary>
    public static async Task<List<string>> SearchAsync(NpgsqlDataSource database, string marker)
    {
        List<string> found = [];
        foreach (var table in await ReadAsync(
            database,
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') ORDER BY 1"))
        {
            found.AddRange(await ReadAsync(
                database,
                $"SELECT '{table}' FROM \"{table}\" t WHERE strpos(lower(t::text), $1) > 0 OR strpos(t::text, $2) > 0 LIMIT 1",
                marker, Convert.ToHexStringLower(Encoding.UTF8.GetBytes(marker))));
        }

        found.AddRange(await ReadAsync(
            database,
            """
            SELECT DISTINCT 'pg_stats of ' || tablename FROM pg_stats s
            WHERE schemaname = current_schema() AND strpos(lower(s::text), $1) > 0
            """,
            marker));
        return found;
    }

    public Task<List<string>> SearchAsync(string marker) => SearchAsync(Database, marker);

    /// <summary>The database as pg_dump writes it; null where that is not beside the server's programs on this machine.</summary>
    public async Task<string?> DumpAsync()
    {
        var major = (int)await CountAsync("SELECT current_setting('server_version_num')::bigint / 10000");
        PostgresBinaries binaries;
        try
        {
            binaries = await PostgresBinaries.FindAsync(TestFolder.Options("").BinDirectory, major, CancellationToken.None);
        }
        catch (EmbeddedPostgresException)
        {
            return null;
        }

        if (!File.Exists(binaries.Tool("pg_dump")))
        {
            return null;
        }

        var at = new NpgsqlConnectionStringBuilder(fixture.ConnectionString);
        using var dump = Process.Start(new ProcessStartInfo(
            binaries.Tool("pg_dump"), ["-h", at.Host!, "-p", $"{at.Port}", "-U", at.Username!, "-d", at.Database!])
        {
            RedirectStandardOutput = true,
            Environment = { ["PGPASSWORD"] = at.Password },
        })!;
        var text = await dump.StandardOutput.ReadToEndAsync();
        await dump.WaitForExitAsync();
        Assert.Equal(0, dump.ExitCode);
        return text;
    }

    /// <summary>The log of a private PostgreSQL; null where it is none of this machine's.</summary>
    public async Task<string?> LogAsync()
    {
        await using var command = Database.CreateCommand("SHOW data_directory");
        var file = Path.Combine((string)(await command.ExecuteScalarAsync())!, "server.log");
        if (!File.Exists(file))
        {
            return null;
        }

        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Database.CreateCommand(sql);
        command.CommandTimeout = 600;
        await command.ExecuteNonQueryAsync();
    }

    public async Task<long> CountAsync(string sql)
    {
        await using var command = Database.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public async Task<string> EraseAsync(string id)
    {
        var answer = (await Api.DeleteAsync($"customers/{Uri.EscapeDataString(id)}")).Expect(204);
        return answer.Message.Headers.GetValues("Erasure-Receipt").Single();
    }

    public async Task<(string Receipt, string Id)> AnonymizeAsync(string id)
    {
        var answer = (await Api.PostAsync($"customers/{id}/anonymize", "")).Expect(200);
        return (answer["receipt"].GetString()!, answer["id"].GetString()!);
    }

    /// <summary>Whatever is to be told of it is told, and the receipt complete.</summary>
    public async Task CompleteAsync(string receipt)
    {
        await UntilAsync(
            receipt, left => left.All(l => l.StartsWith("streams", StringComparison.Ordinal)
                || l.StartsWith("webhooks", StringComparison.Ordinal)), "only what is to be told is left");
        await TellAsync();
        await Wait.UntilAsync(
            async () => (await ReceiptAsync(receipt)).Json.TryGetProperty("completedAt", out _), "the receipt is complete");
    }

    /// <summary>Where a text is still found. Of a table that is empty by now, ANALYZE leaves what it had.</summary>
    public async Task<List<string>> SearchAllAsync(string marker)
    {
        await ExecuteAsync("ANALYZE");
        var left = (await SearchAsync(marker)).ToList();
        foreach (var table in left.Where(l => l.StartsWith("pg_stats of ", StringComparison.Ordinal)).ToList())
        {
            if (await CountAsync($"SELECT count(*) FROM {table["pg_stats of ".Length..]}") == 0)
            {
                left.Remove(table);
            }
        }

        return left;
    }

    public async Task<Answer> ReceiptAsync(string receipt) => (await Api.GetAsync($"erasures/{receipt}")).Expect(200);

    /// <summary>Has a day pass for what is told of those who were erased.</summary>
    public async Task TellAsync()
    {
        await ExecuteAsync("DELETE FROM webhook_deliveries WHERE cause = 8");
        await using var connection = await Database.OpenConnectionAsync();
        await MembershipRetention.ForgetAsync(connection, DateTimeOffset.UtcNow.AddDays(1), default);
    }

    public Task UntilAsync(string receipt, Func<string[], bool> remaining, string what) => Wait.UntilAsync(
        async () => remaining(Remaining(await ReceiptAsync(receipt))), what);

    public static string[] Remaining(Answer receipt) => [.. receipt["remaining"].EnumerateArray().Select(r => r.GetString()!)];

    private static async Task<List<string>> ReadAsync(NpgsqlDataSource database, string sql, params string[] parameters)
    {
        await using var command = database.CreateCommand(sql);
        command.Parameters.AddRange(Array.ConvertAll(parameters, p => new NpgsqlParameter { Value = p }));
        List<string> rows = [];
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }
}
