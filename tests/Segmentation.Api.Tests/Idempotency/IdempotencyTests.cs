using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Tests.Segments;
using Segmentation.Api.Tests.Webhooks;

namespace Segmentation.Api.Tests.Idempotency;

/// <summary>A request that is sent again is done once.</summary>
public sealed class IdempotencyTests(IdempotencyWorld world) : IClassFixture<IdempotencyWorld>
{
    private const string Event = """{"type":"order_completed","amount":5}""";

    private static int made;

    private Api Api => world.Api;

    public static TheoryData<string, string, string, string> Effects => new()
    {
        { "customers", """{"email":"NEW@example.com"}""", "SELECT count(*) FROM customers WHERE email = 'NEW@example.com'", "201" },
        { "customers", """{"id":"NEW"}""", "SELECT version FROM customers WHERE id = 'NEW'", "201" },
        { "customers/NEW/events", Event, "SELECT event_count FROM customers WHERE id = 'NEW'", "200" },
        {
            "events", """{"customerId":"NEW","type":"order_completed","amount":5}""", "SELECT event_count FROM customers WHERE id = 'NEW'",
            "200"
        },
        {
            "events?createCustomers=true", """[{"customerId":"NEW","type":"a"},{"customerId":"other"}]""",
            "SELECT event_count FROM customers WHERE id = 'NEW'", "200"
        },
        { "segments", """{"key":"NEW","kind":"manual"}""", "SELECT version FROM segments WHERE key = 'NEW'", "201" },
        { "segments/base/clone", """{"key":"NEW"}""", "SELECT version FROM segments WHERE key = 'NEW'", "201" },
        {
            "segments/combine", """{"operation":"union","keys":["base","rule"],"save":{"key":"NEW"}}""",
            "SELECT version FROM segments WHERE key = 'NEW'", "201"
        },
        {
            "segments/base/members", """{"add":["member"],"remove":["NEW"]}""",
            "SELECT count(*) FROM manual_members m JOIN segments s ON s.id = m.segment_id WHERE s.key = 'base'", "200"
        },
        { "segments/rule/versions/1/restore", "", "SELECT version - 2 FROM segments WHERE key = 'rule'", "200" },
    };

    [Theory]
    [MemberData(nameof(Effects))]
    public async Task Post_SentAgain_IsDoneOnceAndAnsweredTheSame(string path, string body, string effect, string status)
    {
        await SetUpAsync();
        var id = $"new-{Interlocked.Increment(ref made)}";
        (path, body, effect) = (Fill(path), Fill(body), Fill(effect));
        var key = ("Idempotency-Key", $"key-{id}");

        var first = (await SendAsync(Api, path, body, key)).Expect(int.Parse(status, CultureInfo.InvariantCulture));
        Assert.False(first.Message.Headers.Contains("Idempotency-Replayed"));
        foreach (var api in new[] { Api, world.Other })
        {
            var again = (await SendAsync(api, path, body, key)).Expect(first.Status);
            Assert.Equal(["true"], again.Message.Headers.GetValues("Idempotency-Replayed"));
            Assert.Equal(
                (first.Body, first.ETag, first.Message.Headers.Location, first.ContentType),
                (again.Body, again.ETag, again.Message.Headers.Location, again.ContentType));
        }

        Assert.Equal("1", await TextAsync(effect));

        // Another key is another request; without one nothing is kept.
        await SendAsync(Api, path, body, ("Idempotency-Key", $"\"{id}-2\""));
        Assert.True((await SendAsync(Api, path, body, ("Idempotency-Key", $"{id}-2"))).Message.Headers.Contains("Idempotency-Replayed"));

        if (body.Length > 0)
        {
            var other = (await SendAsync(Api, path, body + " ", key)).Expect(409);
            Assert.EndsWith("/problems/idempotency-key-reused", other["type"].GetString(), StringComparison.Ordinal);
        }

        string Fill(string text) => text.Replace("NEW", id, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_ToBothAtOnce_OneIsDoneAndTheOthersAreToldOrAskedToWait()
    {
        var body = $$"""{"email":"{{Guid.NewGuid()}}@example.com"}""";
        var key = ("Idempotency-Key", $"{Guid.NewGuid()}");
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(i => SendAsync(i % 2 == 0 ? Api : world.Other, "customers", body, key)));
        var done = answers.Where(a => a.Status == 201).ToList();
        Assert.Single(done.Select(a => a.Body).Distinct());
        Assert.Single(done, a => !a.Message.Headers.Contains("Idempotency-Replayed"));
        Assert.All(
            answers.Except(done),
            a => Assert.EndsWith("request-in-progress", a.Expect(409)["type"].GetString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Post_WhileAnotherIsAnswered_Is409AndCanBeSentAgain()
    {
        var body = $$"""{"email":"{{Guid.NewGuid()}}@example.com"}""";
        var (key, probe) = ($"{Guid.NewGuid()}", $"{Guid.NewGuid()}");
        (await SendAsync(Api, "customers", body, ("Idempotency-Key", probe))).Expect(201);
        await using (var connection = await world.Database.OpenConnectionAsync())
        {
            // What another process that is answering it has: the record, uncommitted.
            await using var transaction = await connection.BeginTransactionAsync();
            await using var insert = new NpgsqlCommand(
                "INSERT INTO idempotency (scope_hash, fingerprint, is_secret, mentions, created_at) VALUES ($1, $1, false, '{}', now())",
                connection,
                transaction);
            insert.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = Scope(key) });
            await insert.ExecuteNonQueryAsync();
            var waiting = (await SendAsync(Api, "customers", body, ("Idempotency-Key", key))).Expect(409);
            Assert.EndsWith("/problems/request-in-progress", waiting["type"].GetString(), StringComparison.Ordinal);
            Assert.Equal("1", waiting.Message.Headers.RetryAfter!.ToString());
        }

        (await SendAsync(Api, "customers", body, ("Idempotency-Key", key))).Expect(201);
    }

    [Fact]
    public async Task Post_Refused_IsNotKept_ConflictIs()
    {
        var id = $"kept-{Guid.NewGuid()}";
        var key = ("Idempotency-Key", id);
        (await SendAsync(Api, "customers", """{"nothing":1}""", key)).Expect(400);
        (await SendAsync(Api, "customers", """{"demographic":{"children":-1}}""", key)).Expect(400);
        (await SendAsync(Api, "segments/nowhere/clone", """{"key":"x"}""", key)).Expect(404);
        (await SendAsync(Api, "segments/nowhere/clone", """{"key":"y"}""", key)).Expect(404);
        (await SendAsync(Api, "customers", $$"""{"id":"{{id}}"}""", key)).Expect(201);

        // What it was in conflict with has gone, and the answer is what it was.
        var taken = ("Idempotency-Key", $"{id}-taken");
        var first = (await SendAsync(Api, "customers", $$"""{"id":"{{id}}","email":"a@example.com"}""", taken)).Expect(409);
        (await Api.DeleteAsync($"customers/{id}")).Expect(204);
        var again = await SendAsync(Api, "customers", $$"""{"id":"{{id}}","email":"a@example.com"}""", ("Idempotency-Key", $"{id}-new"));
        again.Expect(201);
        Assert.Contains("taken", first["title"].GetString(), StringComparison.Ordinal);

        var name = $"kept-{Guid.NewGuid():N}"[..20];
        (await SendAsync(Api, "segments", $$"""{"key":"{{name}}","kind":"manual"}""", ("Idempotency-Key", $"{name}-1"))).Expect(201);
        var conflict = (await SendAsync(Api, "segments", $$"""{"key":"{{name}}","kind":"manual","goal":"x"}""", ("Idempotency-Key", name)))
            .Expect(409);
        (await Api.DeleteAsync($"segments/{name}")).Expect(204);
        var replayed = (await SendAsync(Api, "segments", $$"""{"key":"{{name}}","kind":"manual","goal":"x"}""", ("Idempotency-Key", name)))
            .Expect(409);
        Assert.Equal(
            (conflict.Body, "application/problem+json", "true"),
            (replayed.Body, replayed.ContentType, replayed.Message.Headers.GetValues("Idempotency-Replayed").Single()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\"\"")]
    [InlineData("a b")]
    [InlineData("a\tb")]
    [InlineData("256")]
    public async Task Post_MalformedKey_Is400(string key) => Assert.Equal(
        ["Idempotency-Key"],
        (await SendAsync(Api, "customers", "{}", ("Idempotency-Key", key == "256" ? new string('k', 256) : key))).Expect(400).Faults);

    [Theory]
    [InlineData("events", "application/x-ndjson", """{"customerId":"a","type":"b"}""")]
    [InlineData("customers/import", "application/x-ndjson", """{"id":"lines"}""")]
    [InlineData("customers/import", "text/csv", "id\nlines")]
    public async Task Post_Lines_Is400(string path, string type, string body)
    {
        var refused = (await Api.SendAsync("POST", path, body, type, ("Idempotency-Key", "k"))).Expect(400);
        Assert.Contains("lines are upserts already", refused.Body, StringComparison.Ordinal);
        (await Api.SendAsync("POST", path, body, type)).Expect(200);
    }

    [Fact]
    public async Task Elsewhere_IsIgnored()
    {
        foreach (var _ in Enumerable.Range(0, 2))
        {
            var preview = await Api.PostAsync("segments/preview", RuleJson.Body(RuleJson.Everyone), ("Idempotency-Key", "elsewhere"));
            Assert.False(preview.Expect(200).Message.Headers.Contains("Idempotency-Replayed"));
        }

        (await Api.PutAsync("customers/elsewhere", "{}", ("Idempotency-Key", "not a key"))).Expect(201);
    }

    [Fact]
    public async Task Post_LargeAnswer_IsKeptToo()
    {
        var id = $"large-{Guid.NewGuid()}";
        var interests = string.Join(',', Enumerable.Range(0, 100).Select(i => $"\"{i}{new string('ü', 190)}\""));
        var body = $$$"""{"id":"{{{id}}}","psychographic":{"interests":[{{{interests}}}],"values":[{{{interests}}}]}}""";
        var key = ("Idempotency-Key", id);
        var first = (await SendAsync(Api, "customers", body, key)).Expect(201);
        Assert.True(Encoding.UTF8.GetByteCount(first.Body) > 64 * 1024);
        var again = (await SendAsync(Api, "customers", body, key)).Expect(201);
        Assert.Equal((first.Body, first.ETag, first.Message.Headers.Location), (again.Body, again.ETag, again.Message.Headers.Location));
        (await Api.DeleteAsync($"customers/{id}")).Expect(204);
    }

    [Fact]
    public async Task Erasure_TakesTheCustomersRecordsWithIt()
    {
        var id = $"erased-{Guid.NewGuid()}";
        var count = $"SELECT count(*) FROM idempotency WHERE mentions @> ARRAY[{Mentions.Hash(id)}]";
        (await SendAsync(Api, "customers", $$"""{"id":"{{id}}"}""", ("Idempotency-Key", $"{id}-1"))).Expect(201);
        (await SendAsync(Api, $"customers/{id}/events", Event, ("Idempotency-Key", $"{id}-2"))).Expect(200);
        (await SendAsync(Api, "events", $$"""[{"customerId":"{{id}}","type":"a"}]""", ("Idempotency-Key", $"{id}-3"))).Expect(200);
        (await SendAsync(Api, "customers", """{"id":"somebody-else"}""", ("Idempotency-Key", $"{id}-4"))).Expect(201);
        Assert.Equal("3", await TextAsync(count));
        (await Api.DeleteAsync($"customers/{id}")).Expect(204);
        Assert.Equal("0", await TextAsync(count));
        Assert.True((await SendAsync(Api, "customers", """{"id":"somebody-else"}""", ("Idempotency-Key", $"{id}-4"))).Expect(201)
            .Message.Headers.Contains("Idempotency-Replayed"));
        (await Api.DeleteAsync("customers/somebody-else")).Expect(204);
    }

    [Fact]
    public async Task Post_ADayLater_IsDoneAgain_AndSwept()
    {
        var key = $"{Guid.NewGuid()}";
        const string Body = """{"customerId":"day-later","type":"a"}""";
        foreach (var times in new[] { 1, 1, 2 })
        {
            if (times == 2)
            {
                await MembershipSql.RunAsync(world.Database, "UPDATE idempotency SET created_at = created_at - interval '24 hours'");
            }

            (await SendAsync(Api, "events", Body, ("Idempotency-Key", key))).Expect(200);
            Assert.Equal($"{times}", await TextAsync("SELECT event_count FROM customers WHERE id = 'day-later'"));
        }

        await using var db = world.Context();
        var before = await db.IdempotencyRecords.CountAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await new IdempotencyStore(db, clock).SweepAsync(CancellationToken.None);
        Assert.InRange(await db.IdempotencyRecords.CountAsync(), 1, before);
        clock.Advance(IdempotencyStore.Kept + TimeSpan.FromMinutes(1));
        await new IdempotencyStore(db, clock).SweepAsync(CancellationToken.None);
        Assert.Equal(0, await db.IdempotencyRecords.CountAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Post_Webhook_ShowsItsSecretAgainOnlyWhereItIsEncrypted(bool hasKeyFile)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, new byte[32]);
        await using var server = new ApiFixture.Server(
            world.ConnectionString, hasKeyFile ? [("Secrets:KeyFile", file)] : []);
        var body = $$"""{"url":"https://shop.example/{{Guid.NewGuid()}}","enabled":false}""";
        var key = ("Idempotency-Key", $"{Guid.NewGuid()}");
        var first = (await SendAsync(server.Api, "webhooks", body, key)).Expect(201);
        var secret = first["secret"].GetString()!;
        var again = await SendAsync(server.Api, "webhooks", body, key);
        if (hasKeyFile)
        {
            Assert.Equal((201, first.Body), (again.Status, again.Body));
        }
        else
        {
            Assert.Equal(
                $"It was made, and its secret was shown once: {first.Message.Headers.Location}", again.Expect(409)["title"].GetString());
        }

        Assert.Equal("0", await TextAsync($"SELECT count(*) FROM idempotency WHERE position('{secret}'::bytea IN body) > 0"));
        var id = first["id"].GetString();
        await MembershipSql.RunAsync(world.Database, $"""
            INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version,
              joined, cause, at, queued_at, done_at, message_id, state, attempts)
            SELECT key, 1, 'c', 'vip', 'VIP', 1, true, 2, now(), now(), now(), gen_random_uuid(), 2, 11 FROM webhooks WHERE id = '{id}'
            """);
        foreach (var replayed in new[] { false, true })
        {
            var replay = (await SendAsync(server.Api, $"webhooks/{id}/replay", "{}", key)).Expect(200);
            Assert.Equal(
                (1, replayed), (replay["queued"].GetInt32(), replay.Message.Headers.Contains("Idempotency-Replayed")));
        }

        (await Api.DeleteAsync($"webhooks/{id}")).Expect(204);
        File.Delete(file);
    }

    [Fact]
    public async Task Document_SaysWhereAKeyIsHonored()
    {
        var document = (await Api.GetAsync("/swagger/v1/swagger.json")).Expect(200).Json;
        Assert.Equal(
            [
                "ApiKeys_Create", "ApiKeys_Rotate", "Customers_AddEvent", "Customers_Create", "Events_Create",
                "Experiments_Archive", "Experiments_Create", "Experiments_Restore", "Experiments_Start", "Experiments_Stop",
                "Exposures_Create",
                "Placements_Create", "Playbooks_Clone", "Playbooks_Create", "Playbooks_Restore", "Segments_ChangeMembers",
                "Segments_Clone", "Segments_Combine", "Segments_Create", "Segments_Restore", "Webhooks_Create", "Webhooks_Replay",
                "Webhooks_ReplayOne",
            ],
            document.GetProperty("paths").EnumerateObject().SelectMany(p => p.Value.EnumerateObject().Select(o => o.Value))
                .Where(o => o.TryGetProperty("parameters", out var parameters)
                    && parameters.EnumerateArray().Any(p => p.GetProperty("name").GetString() == "Idempotency-Key"))
                .Select(o => o.GetProperty("operationId").GetString()!).Order(StringComparer.Ordinal));
    }

    // What the others act on.
    private async Task SetUpAsync()
    {
        await Api.PutAsync("customers/member", "{}");
        await Api.PutAsync("segments/base", """{"kind":"manual"}""");
        await Api.DeleteAsync("segments/base/members/member");
        await Api.DeleteAsync("segments/rule");
        await Api.PutAsync("segments/rule", RuleJson.Body(RuleJson.Everyone));
        (await Api.PatchAsync("segments/rule", """{"goal":"other"}""")).Expect(200);
    }

    private Task<string> TextAsync(string sql) => MembershipSql.ScalarAsync<string>(world.Database, $"SELECT ({sql})::text");

    private static Task<Answer> SendAsync(Api api, string path, string body, (string Name, string Value) key) =>
        api.SendAsync("POST", path, body.Length == 0 ? null : body, "application/json", key);

    private static byte[] Scope(string key) => SHA256.HashData(
        Encoding.UTF8.GetBytes($"None\n\nPOST\n/api/v1/customers\n{key}"));
}
