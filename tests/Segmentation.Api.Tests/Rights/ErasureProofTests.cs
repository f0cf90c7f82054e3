using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Segmentation.Api.Rights;
using Segmentation.Api.Tests.Experiments;
using Segmentation.Api.Tests.Playbooks;

namespace Segmentation.Api.Tests.Rights;

/// <summary>
/// Marked values in every place that somebody can be in; erased; and then a search of all that the database holds, table by table and,
/// where there is pg_dump, in its dump; and of the log of a private PostgreSQL.
/// </summary>
/// <remarks>That the log of the service has none of it, over every operation: <see cref="Http.PrivateLogTests"/>.</remarks>
public sealed class ErasureProofTests(ErasureWorld world) : IClassFixture<ErasureWorld>
{
    private static readonly DateTimeOffset Past = DateTimeOffset.UtcNow.AddDays(-3);

    private Api Api => world.Api;

    [Fact]
    public async Task Erased_OfMarkedValuesInEveryPlace_NoneIsLeft()
    {
        var id = NewId();
        (await Api.PostAsync("webhooks", """{"url":"https://receiver.invalid/hook"}""")).Expect(201);
        foreach (var write in Writes(id))
        {
            await write();
        }

        await Wait.UntilAsync(
            async () => await world.CountAsync($"SELECT count(*) FROM webhook_deliveries WHERE customer_id = '{id}'") > 0,
            "somebody is told of it");
        await world.ExecuteAsync("ANALYZE");
        var held = await world.SearchAsync(id);
        string[] places =
        [
            "customers", "consent_records", "events", "experiment_units", "exposure_reports", "idempotency", "import_rejections",
            "impressions", "segment_versions", "visitor_links", "webhook_deliveries", "pg_stats of events",
        ];
        Assert.Equal(places.Where(p => !held.Contains(p)), []);
        Assert.True((await world.DumpAsync())?.Contains(id, StringComparison.Ordinal) ?? true);
        Assert.NotEqual("", await world.LogAsync());

        await EraseAndSearchAsync(id);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Erased_AfterAnyWrites_NothingIsLeft(int seed)
    {
        var random = new Random(seed);
        var id = NewId();
        var writes = Writes(id);
        for (var i = 0; i < 12; i++)
        {
            await writes[random.Next(writes.Length)]();
            if (random.Next(6) == 0)
            {
                // One that comes back as a new person is erased again.
                (await Api.DeleteAsync($"customers/{id}")).Expect(204);
            }
        }

        (await Api.PutAsync($"customers/{id}", "{}")).Expect(200, 201);
        await EraseAndSearchAsync(id);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Anonymized_AfterAnyWrites_NothingTellsWhoItWas(int seed)
    {
        var random = new Random(seed);
        var id = NewId();
        var writes = Writes(id, mayStay: "x");
        for (var i = 0; i < 12; i++)
        {
            await writes[random.Next(writes.Length)]();
        }

        (await Api.PutAsync($"customers/{id}", $$"""{"email":"{{id}}@example.com"}""")).Expect(200, 201);
        (await Api.DeleteAsync($"segments/m-{id[2..10]}")).Expect(204, 404);
        var (receipt, anonymous) = await world.AnonymizeAsync(id);
        (await Api.GetAsync($"customers/{id}/data")).Expect(404);
        await world.CompleteAsync(receipt);
        Assert.Equal([], await world.SearchAllAsync(id));
        Assert.DoesNotContain(id, string.Concat(await Api.AllAsync("audit", 1000)), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(id, (await Api.GetAsync($"customers/{anonymous}/data")).Expect(200).Body, StringComparison.Ordinal);
        Assert.DoesNotContain(anonymous, string.Concat(await Api.AllAsync("audit", 1000)), StringComparison.Ordinal);
        Assert.DoesNotContain(anonymous, (await world.ReceiptAsync(receipt)).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reapplied_AfterABackupIsRestored_ErasesAgainWhomTheListHas()
    {
        var databases = new TestDatabase();
        await databases.InitializeAsync();
        var list = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.txt");
        try
        {
            var (gone, back, stays) = (NewId(), NewId(), NewId());
            var now = await databases.CreateDatabaseAsync();
            await using (var server = new ApiFixture.Server(now))
            {
                foreach (var id in new[] { gone, back, stays })
                {
                    (await server.Api.PutAsync($"customers/{id}", "{}")).Expect(201);
                    (await server.Api.PostAsync("events", $$"""{"customerId":"{{id}}","type":"a"}""")).Expect(200);
                }

                await Wait.UntilAsync(async () => await CountAsync(now, "SELECT count(*) FROM mark_key") == 1, "there is a key of marks");
            }

            var backup = await databases.CreateDatabaseAsync(now);
            await using (var server = new ApiFixture.Server(now, [("Privacy:ErasureListFile", list)]))
            {
                (await server.Api.DeleteAsync($"customers/{gone}")).Expect(204);
                (await server.Api.DeleteAsync($"customers/{back}")).Expect(204);
                await server.Services.GetRequiredService<ErasureKeeper>().WriteListAsync(default);
            }

            Assert.DoesNotContain(gone, await File.ReadAllTextAsync(list), StringComparison.Ordinal);
            await using (var server = new ApiFixture.Server(backup, [("Privacy:ErasureListFile", list)]))
            {
                // Whoever starts the service first does not lose the list.
                await Wait.UntilAsync(async () => await CountAsync(backup, "SELECT count(*) FROM erased") == 2, "the list is read");
                Assert.Equal(3, (await File.ReadAllLinesAsync(list)).Length);

                // Signed up again, on the database that was restored: a new person.
                await ExecuteAsync(backup, $"UPDATE customers SET created_at = now() + interval '1 minute' WHERE id = '{back}'");

                Assert.Equal(1, await ErasureList.ReapplyAsync(server.Services, default));

                (await server.Api.GetAsync($"customers/{gone}")).Expect(404);
                (await server.Api.GetAsync($"customers/{back}")).Expect(200);
                (await server.Api.GetAsync($"customers/{stays}")).Expect(200);
                var late = $$"""{"customerId":"{{gone}}","type":"a","occurredAt":"{{Past:O}}"}""";
                (await server.Api.PostAsync("events", late)).Expect(400);
                Assert.Equal(0, await ErasureList.ReapplyAsync(server.Services, default));
                var receipts = (await server.Api.GetAsync("erasures")).Expect(200);
                Assert.Equal("service", receipts["items"][0].GetProperty("by").GetString());

                // One that was written with another key names nobody, and says so.
                var text = await File.ReadAllTextAsync(list);
                await File.WriteAllTextAsync(list, text.Replace("hmac:", "hmac:0", StringComparison.Ordinal));
                await Assert.ThrowsAsync<InvalidDataException>(() => ErasureList.ReapplyAsync(server.Services, default));

                // Nor is it done where there is no list.
                File.Delete(list);
                await Assert.ThrowsAsync<InvalidDataException>(() => ErasureList.ReapplyAsync(server.Services, default));
            }
        }
        finally
        {
            File.Delete(list);
            await databases.DisposeAsync();
        }
    }

    private async Task EraseAndSearchAsync(string id)
    {
        var receipt = await world.EraseAsync(id);
        (await Api.GetAsync($"customers/{id}")).Expect(404);
        (await Api.GetAsync($"customers/{id}/data")).Expect(404);
        await world.CompleteAsync(receipt);
        Assert.Equal([], await world.SearchAllAsync(id));
        var hex = Convert.ToHexStringLower(Encoding.UTF8.GetBytes(id));
        foreach (var text in new[] { await world.DumpAsync() ?? "", await world.LogAsync() ?? "" })
        {
            Assert.DoesNotContain(id, text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(hex, text, StringComparison.OrdinalIgnoreCase);
        }

        Assert.DoesNotContain(id, string.Concat(await Api.AllAsync("audit", 1000)), StringComparison.OrdinalIgnoreCase);
    }

    // Each is to be repeatable, and to work whether there is the customer or not.
    // What an anonymous customer keeps is marked as the parameter says.
    private Func<Task>[] Writes(string id, string? mayStay = null)
    {
        var stays = mayStay ?? id;
        var tag = id[2..10];
        return
        [
            async () => (await Api.PostAsync(
                "customers", $$"""{"id":"{{id}}","lastName":"{{id}}"}""", ("Idempotency-Key", $"{id}-{Guid.NewGuid():N}")))
                .Expect(201, 409),
            async () => (await Api.PutAsync(
                $"customers/{id}",
                $$"""
                {"email":"{{id}}@Example.com","firstName":"{{id}}","demographic":{"occupation":"{{stays}}"},
                 "psychographic":{"interests":["{{stays}}"]},"consents":{"email":{"granted":true} } }
                """)).Expect(200, 201),
            async () => (await Api.PostAsync(
                $"customers/{id}/events",
                $$$"""
                {"id":"{{{id}}}-e","type":"{{{stays}}}","channel":"{{{stays}}}",
                 "properties":{"comment":"{{{id}}}","text":"{{{id}}} is bad"} }
                """,
                ("Idempotency-Key", $"{id}-{Guid.NewGuid():N}"))).Expect(200),
            async () => (await Api.PostAsync(
                "events", $$"""[{"customerId":"{{id}}","type":"a"},{"customerId":"other-{{tag}}","type":"a"}]""",
                ("Idempotency-Key", $"{id}-{Guid.NewGuid():N}"))).Expect(200),
            async () => (await Api.SendAsync(
                "POST", "events", $$"""
                {"customerId":"other-{{tag}}","type":"feedback_given"}
                {"customerId":"{{id}}","type":"feedback_given","properties":{"comment":"{{id}} was here","nps":3} }
                """, "application/x-ndjson")).Expect(200),
            async () => (await Api.SendAsync("POST", "customers/import?recreate=true", $"id,email\n{id},{id}@example.com\n", "text/csv"))
                .Expect(200),
            async () =>
            {
                var job = (await Api.SendAsync(
                    "POST", "customers/import", $"id,email,demographic.birthDate\n{id},{id}@example.com,31.12.1990\n", "text/csv",
                    ("Prefer", "respond-async"))).Expect(202);
                await Wait.UntilAsync(
                    async () => (await Api.GetAsync(job.Message.Headers.Location!.OriginalString))["state"].GetString() == "completed",
                    "the import has ended");
            },
            async () =>
            {
                (await Api.PutAsync("purposes/newsletter", """{"basis":"consent"}""")).Expect(200, 201);
                (await Api.PutAsync(
                    $"customers/{id}/consents/newsletter",
                    $$"""{"granted":true,"source":"form","policyVersion":"3","evidence":"{{id}} agreed"}""")).Expect(200, 404);
            },
            async () =>
            {
                (await Api.PutAsync($"segments/m-{tag}", """{"name":"m","status":"active","kind":"manual"}""")).Expect(200, 201);
                (await Api.PutAsync($"segments/m-{tag}/members/{id}", "{}")).Expect(200, 201, 204, 404);
            },
            async () =>
            {
                // A rule that names it, and one that no longer does.
                await PutRuleAsync(id.ToUpperInvariant());
                await PutRuleAsync("nobody");
            },
            async () =>
            {
                var placement = await Api.MakePlacementAsync("string");
                var playbook = await Api.MakePlaybookAsync($$"""{"key":"a","placement":"{{placement}}","content":"x"}""");
                await Api.SeeAsync(
                    $"v-{id}", [$"play:{placement}/{playbook}@1/a"], customer: id, visit: $"visit-{id}", id: $"report-{Guid.NewGuid():N}");
            },
            async () =>
            {
                var experiment = await Api.MakeExperimentAsync(start: true);
                var unit = (await Api.FindUnitsAsync(experiment, "treated", 1))[0];
                await Api.SeeAsync(unit, [$"experiment:{experiment}@1=treated"], customer: id, id: $"report-{id}");
            },
        ];

        async Task PutRuleAsync(string value) => (await Api.PutAsync(
            $"segments/r-{tag}",
            $$"""
            {"name":"r","status":"draft","rule":{"combinator":"and","rules":[
              {"field":"customer.id","operator":"=","value":"{{value}}"}]} }
            """)).Expect(200, 201);
    }

    private static string NewId() => $"mk{Guid.NewGuid():N}";

    private static async Task<long> CountAsync(string connectionString, string sql)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var command = database.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
