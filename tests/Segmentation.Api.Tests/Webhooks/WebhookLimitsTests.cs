using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Tests.Webhooks;

/// <summary>How many webhooks there may be, what the service disables, and what of their secrets is in the database.</summary>
public sealed class WebhookLimitsTests : IAsyncLifetime
{
    private const string Hook = """{"url":"https://shop.example/hooks"}""";
    private readonly TestDatabase databases = new();
    private readonly string keyFile = Path.GetTempFileName();
    private string connectionString = null!;
    private NpgsqlDataSource database = null!;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connectionString = await databases.CreateDatabaseAsync();
        database = NpgsqlDataSource.Create(connectionString);
    }

    public async Task DisposeAsync()
    {
        await database.DisposeAsync();
        await databases.DisposeAsync();
        File.Delete(keyFile);
    }

    [Fact]
    public async Task Post_AtOnceMoreThanThereMayBe_TheRestIs409()
    {
        await using var server = new ApiFixture.Server(connectionString);
        await MembershipSql.RunAsync(database, $"""
            INSERT INTO webhooks (id, url, segments, secret, enabled, version, created_at, updated_at)
            SELECT gen_random_uuid(), 'https://shop.example/', ARRAY[]::text[], 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', false, 1,
              now(), now()
            FROM generate_series(1, {Limits.MaxWebhooks - 3})
            """);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => server.Api.PostAsync("webhooks", Hook)));
        Assert.Equal((3, 5), (answers.Count(a => a.Status == 201), answers.Count(a => a.Status == 409)));
        Assert.Contains("at most 100", answers.First(a => a.Status == 409)["title"].GetString(), StringComparison.Ordinal);
        (await server.Api.DeleteAsync($"webhooks/{answers.First(a => a.Status == 201)["id"].GetString()}")).Expect(204);
        (await server.Api.PostAsync("webhooks", Hook)).Expect(201);
    }

    [Fact]
    public async Task Patch_OneThatTheServiceDisabled_HasItToldAgain()
    {
        await using var server = new ApiFixture.Server(connectionString);
        var path = $"webhooks/{(await server.Api.PostAsync("webhooks", Hook)).Expect(201)["id"].GetString()}";
        Assert.False((await server.Api.GetAsync(path)).Json.TryGetProperty("disabledReason", out _));
        await DisableAsync();
        var read = (await server.Api.GetAsync(path)).Expect(200);
        Assert.Equal((false, "Because."), (read["enabled"].GetBoolean(), read["disabledReason"].GetString()));

        // What was read can be put back and changes nothing; other changes leave it disabled, with the reason.
        Assert.Equal(read.ETag, (await server.Api.PutAsync(path, read.Body)).Expect(200).ETag);
        Assert.Equal("Because.", (await server.Api.PatchAsync(path, """{"description":"x"}""")).Expect(200)["disabledReason"].GetString());
        var enabled = (await server.Api.PatchAsync(path, """{"enabled":true}""")).Expect(200);
        Assert.False(enabled.Json.TryGetProperty("disabledReason", out _));
        Assert.True(await MembershipSql.ScalarAsync<bool>(database, "SELECT enabled AND failing_since IS NULL FROM webhooks"));

        await DisableAsync();
        Assert.True((await server.Api.PutAsync(path, Hook)).Expect(200)["enabled"].GetBoolean());
        Assert.True(await MembershipSql.ScalarAsync<bool>(database, "SELECT enabled AND failing_since IS NULL FROM webhooks"));

        Task<int> DisableAsync() => MembershipSql.RunAsync(
            database, "UPDATE webhooks SET enabled = false, disabled_reason = 'Because.', failing_since = now() - interval '3 days'");
    }

    [Fact]
    public async Task Secrets_WithAKeyFile_AreEncryptedInTheDatabaseAndThoseOfBeforeToo()
    {
        await using var receiver = await Receiver.StartAsync();
        string id, secret;
        await using (var plain = new ApiFixture.Server(connectionString, Settings()))
        {
            var made = (await plain.Api.PostAsync("webhooks", $$"""{"url":"{{receiver.Url}}","enabled":false}""")).Expect(201);
            (id, secret) = (made["id"].GetString()!, made["secret"].GetString()!);
            Assert.Equal(secret, await StoredAsync("secret"));
        }

        await File.WriteAllTextAsync(keyFile, Convert.ToBase64String(new byte[32]));
        await using (var first = new ApiFixture.Server(connectionString, Settings(keyFile)))
        {
            Assert.Matches("^aes256gcm:[0-9a-f]{8}:", await StoredAsync("secret"));
            Assert.Equal(1, await MembershipSql.ScalarAsync<int>(database, "SELECT version FROM webhooks"));
            await SignsAsync(first.Api, secret);
            var rotated = (await first.Api.PatchAsync($"webhooks/{id}", """{"secret":null}""")).Expect(200)["secret"].GetString()!;
            Assert.StartsWith("whsec_", rotated, StringComparison.Ordinal);
            Assert.Matches("^aes256gcm:", await StoredAsync("previous_secret"));
            await SignsAsync(first.Api, rotated, secret);
            Assert.Equal("\"2\"", (await first.Api.PatchAsync($"webhooks/{id}", $$"""{"secret":"{{rotated}}"}""")).Expect(200).Version);
            (secret, var before) = (rotated, secret);

            // Another key, with the old one below: both secrets are encrypted anew, and the old key can go.
            var old = await StoredAsync("secret");
            await File.WriteAllTextAsync(
                keyFile, $"{Convert.ToBase64String([.. Enumerable.Repeat((byte)1, 32)])}\n{Convert.ToBase64String(new byte[32])}\n");
            await using var second = new ApiFixture.Server(connectionString, Settings(keyFile));
            Assert.NotEqual(old.Split(':')[1], (await StoredAsync("secret")).Split(':')[1]);
            Assert.NotEqual(old.Split(':')[1], (await StoredAsync("previous_secret")).Split(':')[1]);
            await SignsAsync(second.Api, secret, before);
        }

        async Task SignsAsync(Api api, params string[] secrets)
        {
            (await api.SendAsync("POST", $"webhooks/{id}/test", null)).Expect(200);
            var received = receiver.All.Last();
            Assert.Equal(
                string.Join(' ', secrets.Select(s =>
                    WebhookSignatureTests.Sign(s[6..], received.Id, received.Timestamp, received.Body))),
                received.Signature);
        }
    }

    [Fact]
    public async Task Replay_DeadLettersThatWereOvertaken_StayDead()
    {
        await using var server = new ApiFixture.Server(connectionString);
        var id = (await server.Api.PostAsync("webhooks", """{"url":"https://shop.example/hooks","enabled":false}""")).Expect(201)["id"]
            .GetString();
        var hook = await MembershipSql.ScalarAsync<int>(database, "SELECT key FROM webhooks");
        var other = await MembershipSql.ScalarAsync<int>(database, "SELECT key + 1 FROM webhooks");

        // Joined and dead; then left and delivered, dead, pending, of another segment, of another webhook; the segment's end, and after it.
        long[] expected =
        [
            await RowAsync(hook, "b", 2), await RowAsync(hook, "b", 2), await RowAsync(hook, "c", 2), await RowAsync(hook, "d", 2),
            await RowAsync(hook, "e", 2),
        ];
        var overtaken = new[] { await RowAsync(hook, "a", 2), await RowAsync(hook, "f", 2, "ended") };
        await RowAsync(hook, "a", 1);
        await RowAsync(hook, "c", 0);
        await RowAsync(hook, "d", 1, "elsewhere");
        await RowAsync(other, "e", 1);
        await MembershipSql.RunAsync(database, $"""
            UPDATE webhook_deliveries SET customer_id = NULL, customer_key = hashtextextended('ended', 1)
            WHERE id = {await RowAsync(hook, "x", 1, "ended")}
            """);
        expected = [.. expected, await RowAsync(hook, "f", 2, "ended")];

        Assert.Equal(6, (await server.Api.SendAsync("POST", $"webhooks/{id}/replay", null)).Expect(200)["queued"].GetInt32());
        await using var command = database.CreateCommand("SELECT array_agg(id ORDER BY id) FROM webhook_deliveries WHERE state = 0");
        var pending = (long[])(await command.ExecuteScalarAsync())!;
        Assert.Equal(expected, pending.Where(p => expected.Contains(p)));
        Assert.DoesNotContain(pending, p => overtaken.Contains(p));

        // By itself it can be sent again, and since an instant everything is.
        Assert.Equal(
            2 + 3,
            (await server.Api.PostAsync($"webhooks/{id}/replay", """{"since":"2026-01-01T00:00:00Z"}""")).Expect(200)["queued"].GetInt32());

        Task<long> RowAsync(int webhook, string customer, int state, string segment = "vip") => MembershipSql.ScalarAsync<long>(
            database,
            $"""
            INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version,
              joined, cause, at, queued_at, next_attempt_at, done_at, message_id, state, attempts)
            VALUES ({webhook}, hashtextextended('{customer}', 0), '{customer}', '{segment}', 'VIP', 3, true, 1, now(), now(),
              CASE WHEN {state} = 0 THEN now() END, CASE WHEN {state} > 0 THEN now() END, gen_random_uuid(), {state}, 0) RETURNING id
            """);
    }

    private static (string Key, string Value)[] Settings(string? file = null) =>
    [
        ("Webhooks:AllowHttp", "true"), ("Webhooks:AllowPrivateAddresses", "true"), ("Secrets:KeyFile", file ?? ""),
    ];

    private Task<string> StoredAsync(string column) => MembershipSql.ScalarAsync<string>(database, $"SELECT {column} FROM webhooks");
}
