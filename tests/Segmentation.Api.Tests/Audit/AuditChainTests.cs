using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Segmentation.Api.Audit;
using Segmentation.Api.Data;

namespace Segmentation.Api.Tests.Audit;

/// <summary>The chain of the audit log: unbroken under load, and broken by whatever else is done to it.</summary>
public sealed class AuditChainTests
{
    private const int Tamperings = 1000;
    private const int Entries = 40;

    private static readonly string[] Kinds =
    [
        "entry", "action", "actor", "resource", "at", "hash", "id", "delete", "insert", "insert after", "swap", "swap whole", "cut",
        "cut and head", "first", "made anew",
    ];

    [Fact]
    public async Task Append_ByManyAtOnce_IsOneUnbrokenChain()
    {
        await using var database = await DatabaseAsync();
        var before = (await HeadAsync(database.Server)).Id;
        await Parallel.ForEachAsync(Enumerable.Range(0, 20), async (worker, cancellation) =>
        {
            await using var connection = await database.Source.OpenConnectionAsync(cancellation);
            for (var i = 0; i < 500; i++)
            {
                await Create($"segments/{worker}-{i}").AppendAsync(connection, cancellation);
            }
        });

        var head = await HeadAsync(database.Server);
        Assert.Equal(before + 10_000, head.Id);
        var verdict = await VerifyAsync(database.Server, new AuditVerification(Head: new AuditHeadClaim(head.Id, head.Hash)));
        Assert.Equal((true, head.Id, null, true), (verdict.Valid, verdict.Checked, verdict.FirstBad, verdict.HeadSeen));
        var part = await VerifyAsync(database.Server, new AuditVerification(5000, 7000));
        Assert.Equal((true, 2001L, null), (part.Valid, part.Checked, part.HeadSeen));
    }

    [Fact]
    public async Task Verify_OfEachTampering_FindsIt()
    {
        await using var database = await DatabaseAsync();
        for (var i = 0; i < Entries; i++)
        {
            await using var connection = await database.Source.OpenConnectionAsync();
            await Create($"segments/{i}").AppendAsync(connection, CancellationToken.None);
        }

        var head = await HeadAsync(database.Server);
        var kept = new AuditVerification(Head: new AuditHeadClaim(head.Id, head.Hash));
        await ExecuteAsync(database, "CREATE TABLE audit_copy AS TABLE audit; CREATE TABLE audit_head_copy AS TABLE audit_head");
        Assert.True((await VerifyAsync(database.Server, kept)).Valid);
        var random = new Random(20261129);
        for (var i = 0; i < Tamperings; i++)
        {
            var kind = Kinds[i % Kinds.Length];
            var (a, b) = (random.Next(1, (int)head.Id), random.Next(1, (int)head.Id));
            b = a == b ? (int)head.Id : b;
            await ExecuteAsync(database, Tamper(kind, Math.Min(a, b), Math.Max(a, b), random));
            if (kind == "made anew")
            {
                await MakeAnewAsync(database);
            }

            var verdict = await VerifyAsync(database.Server, kept);
            Assert.False(verdict.Valid, $"{kind} of {a}, {b} was not found");
            Assert.InRange(verdict.FirstBad ?? 0, 1, head.Id + 2);
            await ExecuteAsync(
                database,
                "DELETE FROM audit; INSERT INTO audit SELECT * FROM audit_copy; "
                + "UPDATE audit_head h SET (id, hash, at) = (SELECT id, hash, at FROM audit_head_copy)");
        }

        Assert.True((await VerifyAsync(database.Server, kept)).Valid);

        // What only a head that was kept elsewhere shows, and that it does.
        await ExecuteAsync(database, Tamper("cut and head", 3, 9, random));
        var without = await VerifyAsync(database.Server, new AuditVerification());
        Assert.Equal((true, null), (without.Valid, without.HeadSeen));
        Assert.Contains("are not found", without.About, StringComparison.Ordinal);
        var with = await VerifyAsync(database.Server, kept);
        Assert.Equal((false, false), (with.Valid, with.HeadSeen));

        // A head that is gone altogether is no fault of the service.
        await ExecuteAsync(database, "DELETE FROM audit_head");
        var headless = await VerifyAsync(database.Server, new AuditVerification());
        Assert.False(headless.Valid);
        Assert.NotNull(headless.FirstBad);
        Assert.Equal(headless.Checked + 1, headless.FirstBad);
    }

    [Fact]
    public async Task Log_EvenForItsOwner_IsOnlyAddedTo()
    {
        await using var database = await DatabaseAsync();
        await using var service = NpgsqlDataSource.Create(TestDatabase.ConnectAs("segmentation_app", database.ConnectionString));
        await using (var connection = await service.OpenConnectionAsync())
        {
            await Create("segments/mine").AppendAsync(connection, CancellationToken.None);
        }

        var month = (string)(await database.Source.CreateCommand(
            "SELECT c.relname::text FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'audit'::regclass")
            .ExecuteScalarAsync())!;
        foreach (var statement in new[]
        {
            "UPDATE audit SET action = 'x'", "DELETE FROM audit", "TRUNCATE audit", $"UPDATE {month} SET action = 'x'",
            $"DELETE FROM {month}", $"TRUNCATE {month}", "DELETE FROM audit_head", "TRUNCATE audit_head",
        })
        {
            foreach (var source in new[] { database.Source, service })
            {
                var refused = await Assert.ThrowsAsync<PostgresException>(() => source.CreateCommand(statement).ExecuteNonQueryAsync());
                Assert.Equal("42501", refused.SqlState);
            }
        }

        foreach (var statement in new[]
        {
            "INSERT INTO audit SELECT * FROM audit", "UPDATE audit_head SET id = 0", "ALTER TABLE audit DISABLE TRIGGER ALL",
            "DROP TABLE audit", $"DROP TABLE {month}", "SET session_replication_role = replica",
        })
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => service.CreateCommand(statement).ExecuteNonQueryAsync());
            Assert.Equal("42501", refused.SqlState);
        }
    }

    [Fact]
    public async Task Prune_OfOldMonths_LeavesAChainThatSaysSo()
    {
        await using var database = await DatabaseAsync();
        var now = DateTimeOffset.UtcNow;

        // Nobody can append to the past: as if the log began long ago.
        await ExecuteAsync(
            database, "DELETE FROM audit; UPDATE audit_head SET id = 0, hash = decode(repeat('00', 32), 'hex'), at = '-infinity'");
        foreach (var days in new[] { 900, 800, 799, 10, 0 })
        {
            await using var connection = await database.Source.OpenConnectionAsync();
            await Create($"segments/{days}", now.AddDays(-days)).AppendAsync(connection, CancellationToken.None);
        }

        Assert.True((await VerifyAsync(database.Server, new AuditVerification())).Valid);
        Assert.InRange(await AuditPruning.RunAsync(database.ConnectionString, 730, now, CancellationToken.None), 2, 3);
        Assert.Equal(0, await AuditPruning.RunAsync(database.ConnectionString, 730, now, CancellationToken.None));
        var verdict = await VerifyAsync(database.Server, new AuditVerification());
        Assert.Equal((true, 3L), (verdict.Valid, verdict.Checked)); // 10 days, now, and that it was pruned.
        var entry = (await database.Server.Api.GetAsync("audit?action=audit.prune")).Expect(200)["items"][0];
        Assert.Equal(3, entry.GetProperty("after").GetProperty("lastId").GetInt64());

        // Another beginning than that which was pruned is no beginning.
        await ExecuteAsync(database, "DELETE FROM audit WHERE id = 4");
        var cut = await VerifyAsync(database.Server, new AuditVerification());
        Assert.Equal((false, 1L), (cut.Valid, cut.FirstBad));
    }

    [Fact]
    public async Task PruneAudit_DropsWhatIsOlderThanTheSettingSays_AsTheOwnerAlone()
    {
        await using var database = await DatabaseAsync();
        var now = DateTimeOffset.UtcNow;
        await ExecuteAsync(
            database, "DELETE FROM audit; UPDATE audit_head SET id = 0, hash = decode(repeat('00', 32), 'hex'), at = '-infinity'");
        foreach (var days in new[] { 400, 300, 0 })
        {
            await using var connection = await database.Source.OpenConnectionAsync();
            await Create($"segments/{days}", now.AddDays(-days)).AppendAsync(connection, CancellationToken.None);
        }

        string service = $"--ConnectionStrings:Segmentation={TestDatabase.ConnectAs(DatabaseRoles.App, database.ConnectionString)}",
            owner = $"--ConnectionStrings:SegmentationOwner={database.ConnectionString}";
        Assert.Equal(1, await Startup.RunAsync(["--prune-audit", service, "--Audit:KeepDays=340"]));
        Assert.Equal(3, await CountAsync());
        Assert.Equal(0, await Startup.RunAsync(["--prune-audit", service, owner, "--Audit:KeepDays=340"]));
        Assert.Equal(3, await CountAsync()); // One is gone, and one says so.
        Assert.Equal(0, await Startup.RunAsync(["--prune-audit", service, owner, "--Audit:KeepDays=340"]));
        Assert.Equal(3, await CountAsync());
        Assert.True((await VerifyAsync(database.Server, new AuditVerification())).Valid);

        async Task<long> CountAsync()
        {
            await using var count = database.Source.CreateCommand("SELECT count(*) FROM audit WHERE resource <> 'settings'");
            return (long)(await count.ExecuteScalarAsync())!;
        }
    }

    private static string Tamper(string kind, int a, int b, Random random) => kind switch
    {
        "entry" => $"UPDATE audit SET entry = overlay(entry placing '~' from {random.Next(1, 60)} for 1) WHERE id = {a}",
        "action" => $"UPDATE audit SET action = 'other' WHERE id = {a}",
        "actor" => $"UPDATE audit SET actor = 'other' WHERE id = {a}",
        "resource" => $"UPDATE audit SET resource = 'other' WHERE id = {a}",
        "at" => $"UPDATE audit SET at = at + interval '1 microsecond' WHERE id = {a}",
        "hash" => random.Next(32) is var place
            ? $"UPDATE audit SET hash = set_byte(hash, {place}, get_byte(hash, {place}) # 255) WHERE id = {a}" : "",
        "id" => $"UPDATE audit SET id = {b + 1000} WHERE id = {a}",
        "delete" => $"DELETE FROM audit WHERE id = {a}",
        "insert" => "INSERT INTO audit SELECT id, at + interval '1 microsecond', actor, action, resource, entry, hash FROM audit "
            + $"WHERE id = {a}",
        "insert after" => "INSERT INTO audit SELECT (SELECT id + 1 FROM audit_head), at, actor, action, resource, entry, hash FROM audit "
            + $"WHERE id = {a}",
        "swap" => $"UPDATE audit x SET (entry, hash) = (SELECT entry, hash FROM audit_copy WHERE id = {a} + {b} - x.id) "
            + $"WHERE id IN ({a}, {b})",
        "swap whole" => $"UPDATE audit SET id = -1 WHERE id = {a}; UPDATE audit SET id = {a} WHERE id = {b}; "
            + $"UPDATE audit SET id = {b} WHERE id = -1",
        "cut" => $"DELETE FROM audit WHERE id > {a}",
        "cut and head" => $"DELETE FROM audit WHERE id > {a}; "
            + $"UPDATE audit_head SET (id, hash, at) = (SELECT id, hash, at FROM audit WHERE id = {a})",
        "first" => $"DELETE FROM audit WHERE id <= {a}",
        "made anew" => "UPDATE audit SET resource = 'other', "
            + $"entry = regexp_replace(entry, '\"resource\":\".*\"', '\"resource\":\"other\"') WHERE id = {a}",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    // By somebody who knows how it is made.
    private static async Task MakeAnewAsync(Database database)
    {
        var entries = new List<(long Id, string Entry)>();
        await using (var reader = await database.Source.CreateCommand("SELECT id, entry FROM audit ORDER BY id").ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                entries.Add((reader.GetInt64(0), reader.GetString(1)));
            }
        }

        var hash = new byte[32];
        var sql = new StringBuilder();
        foreach (var (id, entry) in entries)
        {
            hash = SHA256.HashData([.. hash, .. Encoding.UTF8.GetBytes(entry)]);
            sql.Append($"UPDATE audit SET hash = '\\x{Convert.ToHexString(hash)}' WHERE id = {id};");
        }

        await ExecuteAsync(database, sql.Append($"UPDATE audit_head SET hash = '\\x{Convert.ToHexString(hash)}'").ToString());
        Assert.True((await VerifyAsync(database.Server, new AuditVerification())).Valid);
    }

    private static AuditEntry Create(string resource, DateTimeOffset? at = null) => AuditEntry.Create(
        at ?? DateTimeOffset.UtcNow, new AuditActor("key", "abc", "Ä \"name\""), "segments.change", resource, "r-1",
        new JsonObject { ["id"] = 0, ["at"] = "\",\"id\":0," }, new JsonArray(1.5, "ü", null));

    private static async Task<AuditHead> HeadAsync(ApiFixture.Server server)
    {
        await using var scope = server.Services.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<AuditReader>().ReadHeadAsync(CancellationToken.None);
    }

    private static async Task<AuditVerdict> VerifyAsync(ApiFixture.Server server, AuditVerification what)
    {
        await using var scope = server.Services.CreateAsyncScope();
        return (await scope.ServiceProvider.GetRequiredService<AuditReader>().VerifyAsync(what, CancellationToken.None)).Verdict;
    }

    // As a superuser, who can do without the triggers.
    private static async Task ExecuteAsync(Database database, string sql)
    {
        await using var command = database.Source.CreateCommand(
            $"BEGIN; SET LOCAL session_replication_role = replica; {sql}; COMMIT");
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<Database> DatabaseAsync()
    {
        var databases = new TestDatabase();
        await databases.InitializeAsync();
        var connectionString = await databases.CreateDatabaseAsync();
        return new Database(
            databases, connectionString, NpgsqlDataSource.Create(connectionString), new ApiFixture.Server(connectionString));
    }

    private sealed record Database(TestDatabase Databases, string ConnectionString, NpgsqlDataSource Source, ApiFixture.Server Server)
        : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            await Source.DisposeAsync();
            await Databases.DisposeAsync();
        }
    }
}
