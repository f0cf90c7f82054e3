using System.Text.Json;
using Npgsql;
using Segmentation.Api.Tests.Segments;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Tests.Webhooks;

/// <summary>The API, free to call receivers on the loopback address.</summary>
public sealed class WebhooksApi : IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private ApiFixture.Server server = null!;

    public Api Api => server.Api;

    internal NpgsqlDataSource Database { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        var connectionString = await databases.CreateDatabaseAsync();
        server = new ApiFixture.Server(
            connectionString,
            [("Webhooks:AllowHttp", "true"), ("Webhooks:AllowPrivateAddresses", "true"), ("Streams:HeartbeatSeconds", "1")]);
        Database = NpgsqlDataSource.Create(connectionString);
    }

    public async Task DisposeAsync()
    {
        await Database.DisposeAsync();
        await server.DisposeAsync();
        await databases.DisposeAsync();
    }
}

/// <summary>Webhooks over HTTP.</summary>
public sealed class WebhooksTests(WebhooksApi api) : IClassFixture<WebhooksApi>
{
    private const string Url = "https://shop.example/hooks?x=1";

    private Api Api => api.Api;

    [Fact]
    public async Task Post_Webhook_IsCreatedAndItsSecretShownOnce()
    {
        var answer = (await Api.PostAsync("webhooks", $$"""{"url":"{{Url}}"}""")).Expect(201);
        var id = answer["id"].GetString()!;
        Assert.Equal(7, Guid.Parse(id).Version);
        Assert.Equal($"/api/v1/webhooks/{id}", new Uri(Api.Client.BaseAddress!, answer.Message.Headers.Location!).AbsolutePath);
        Assert.Equal("\"1\"", answer.Version);
        Assert.NotNull(WebhookSignature.Decode(answer["secret"].GetString()!));
        Assert.Equal((Url, true, 0, 0, 0), (
            answer["url"].GetString(),
            answer["enabled"].GetBoolean(),
            answer["segments"].GetArrayLength(),
            answer["pending"].GetInt32(),
            answer["dead"].GetInt32()));

        var read = (await Api.GetAsync($"webhooks/{id}")).Expect(200);
        Assert.False(read.Json.TryGetProperty("secret", out _));
        var put = (await Api.PutAsync($"webhooks/{id}", read.Body, ("If-Match", read.ETag!))).Expect(200);
        Assert.Equal((read.ETag, read.Body), (put.ETag, put.Body)); // What GET returned can be put back, and changes nothing.
    }

    [Fact]
    public async Task PutAndPatch_ChangeVersionsAndRotateTheSecret()
    {
        (await Api.PutAsync("segments/hook-seg", RuleJson.Body(RuleJson.Everyone))).Expect(201);
        var created = await Api.PostAsync("webhooks", $$"""
            {"url":"{{Url}}","segments":["hook-seg","hook-seg"],"description":" d ","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
            """);
        var made = created.Expect(201);
        var path = $"webhooks/{made["id"].GetString()}";
        Assert.Equal(["hook-seg"], made["segments"].EnumerateArray().Select(s => s.GetString()));
        Assert.Equal(("d", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), (made["description"].GetString(), made["secret"].GetString()));

        var patched = (await Api.PatchAsync(path, """{"enabled":false,"description":null}""", ("If-Match", "\"1\""))).Expect(200);
        Assert.Equal(("\"2\"", false), (patched.Version, patched["enabled"].GetBoolean()));
        Assert.False(patched.Json.TryGetProperty("secret", out _) || patched.Json.TryGetProperty("description", out _));
        (await Api.PatchAsync(path, "{}", ("If-Match", "\"1\""))).Expect(412);
        (await Api.PutAsync(path, $$"""{"url":"{{Url}}"}""", ("If-Match", "\"1\""))).Expect(412);
        (await Api.DeleteAsync(path, ("If-Match", "\"1\""))).Expect(412);

        var rotated = (await Api.PatchAsync(path, """{"secret":null}""")).Expect(200);
        Assert.NotEqual("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", rotated["secret"].GetString());
        Assert.Equal("\"3\"", rotated.Version);
        var given =
            (await Api.PutAsync(path, $$"""{"url":"{{Url}}","secret":"whsec_{{Convert.ToBase64String(new byte[32])}}"}""")).Expect(200);
        Assert.Equal(
            ("\"4\"", $"whsec_{Convert.ToBase64String(new byte[32])}", true),
            (given.Version, given["secret"].GetString(), given["enabled"].GetBoolean()));

        // A segment that was deleted may stay in the list; another that does not exist may not be added.
        (await Api.PatchAsync(path, """{"segments":["hook-seg"]}""")).Expect(200);
        (await Api.DeleteAsync("segments/hook-seg")).Expect(204);
        (await Api.PatchAsync(path, """{"description":"x"}""")).Expect(200);
        Assert.Equal(["/segments/1"], (await Api.PatchAsync(path, """{"segments":["hook-seg","nowhere"]}""")).Expect(400).Faults);
        (await Api.DeleteAsync(path)).Expect(204);
        (await Api.DeleteAsync(path)).Expect(204);
        (await Api.GetAsync(path)).Expect(404);
    }

    [Theory]
    [InlineData("{}", "/url")]
    [InlineData("""{"url":""}""", "/url")]
    [InlineData("""{"url":"/relative"}""", "/url")]
    [InlineData("""{"url":"ftp://x.example/"}""", "/url")]
    [InlineData("""{"url":"file:///etc/passwd"}""", "/url")]
    [InlineData("""{"url":"https://user:pass@x.example/"}""", "/url")]
    [InlineData("""{"url":"https://x.example/#a"}""", "/url")]
    [InlineData("""{"url":"https://x.example/a b"}""", "/url")]
    [InlineData("""{"url":"https://x.example/\u0000"}""", "/url")]
    [InlineData("""{"url":5}""", "/url")]
    [InlineData("""{"url":"https://x.example","secret":"abc"}""", "/secret")]
    [InlineData("""{"url":"https://x.example","segments":["No Key"]}""", "/segments/0")]
    [InlineData("""{"url":"https://x.example","segments":[null]}""", "/segments/0")]
    [InlineData("""{"url":"https://x.example","segments":["a\u0000"]}""", "/segments/0")]
    [InlineData("""{"url":"https://x.example","segments":["not-there"]}""", "/segments/0")]
    [InlineData("""{"url":"https://x.example","segments":"a"}""", "/segments")]
    [InlineData("""{"url":"https://x.example","description":"\u0000"}""", "/description")]
    [InlineData("""{"url":"https://x.example","enabled":"yes"}""", "/enabled")]
    [InlineData("""{"uri":"https://x.example"}""", "/uri")]
    [InlineData("[]", "")]
    [InlineData("null", "")]
    public async Task Body_Malformed_Is400AtItsPointer(string body, string pointer)
    {
        var path = $"webhooks/{(await Api.PostAsync("webhooks", $$"""{"url":"{{Url}}"}""")).Expect(201)["id"].GetString()}";
        Assert.Equal([pointer], (await Api.PostAsync("webhooks", body)).Expect(400).Faults);
        Assert.Equal([pointer], (await Api.PutAsync(path, body)).Expect(400).Faults);
        if (body is not ("{}" or "null"))
        {
            Assert.Equal([pointer], (await Api.PatchAsync(path, body)).Expect(400).Faults);
        }

        Assert.Equal("\"1\"", (await Api.GetAsync(path)).Version);
    }

    [Theory]
    [InlineData("GET", "webhooks/x")]
    [InlineData("GET", "webhooks/01900000-0000-7000-8000-000000000000")]
    [InlineData("PUT", "webhooks/01900000-0000-7000-8000-000000000000")]
    [InlineData("PATCH", "webhooks/x")]
    [InlineData("POST", "webhooks/x/test")]
    [InlineData("POST", "webhooks/x/replay")]
    [InlineData("GET", "webhooks/x/deliveries")]
    [InlineData("POST", "webhooks/x/deliveries/y/replay")]
    public async Task Unknown_Webhook_Is404(string method, string path) =>
        (await Api.SendAsync(
            method,
            path,
            method == "GET" || path.EndsWith("test", StringComparison.Ordinal) ? null : method == "PUT" ? $$"""{"url":"{{Url}}"}""" : "{}"))
            .Expect(404);

    [Fact]
    public async Task List_Webhooks_ByPageEachOnce()
    {
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            ids.Add((await Api.PostAsync("webhooks", $$"""{"url":"{{Url}}"}""")).Expect(201)["id"].GetString()!);
        }

        var listed = (await Api.AllAsync("webhooks", limit: 2)).Select(w => w.GetProperty("id").GetString()!).ToList();
        Assert.Equal(listed.Order(StringComparer.Ordinal).Distinct(), listed);
        Assert.Equal(ids.Order(StringComparer.Ordinal), listed.Intersect(ids));
        (await Api.GetAsync("webhooks?cursor=zzz")).Expect(400);
        (await Api.GetAsync("webhooks?limit=0")).Expect(400);
    }

    [Fact]
    public async Task Test_Webhook_SaysWhatCameBack()
    {
        await using var receiver = await Receiver.StartAsync();
        receiver.AnswerStatus(_ => System.Net.HttpStatusCode.Accepted);
        var made = (await Api.PostAsync("webhooks", $$"""{"url":"{{receiver.Url}}","enabled":false}""")).Expect(201);
        var path = $"webhooks/{made["id"].GetString()}/test";
        var answer = (await Api.SendAsync("POST", path, null)).Expect(200);
        Assert.Equal(202, answer["status"].GetInt32());
        Assert.True(answer["elapsedMs"].GetDouble() > 0);
        Assert.False(answer.Json.TryGetProperty("error", out _));
        var received = Assert.Single(receiver.All);
        Assert.Equal(
            ("webhook.test", "{}"), (received.Json.GetProperty("type").GetString(), received.Json.GetProperty("data").GetRawText()));
        Assert.Equal(
            WebhookSignatureTests.Sign(made["secret"].GetString()![6..], received.Id, received.Timestamp, received.Body),
            received.Signature);

        receiver.AnswerStatus(_ => System.Net.HttpStatusCode.NotFound);
        answer = (await Api.SendAsync("POST", path, null)).Expect(200);
        Assert.Equal((404, "It answered 404."), (answer["status"].GetInt32(), answer["error"].GetString()));
        await receiver.DisposeAsync();
        answer = (await Api.SendAsync("POST", path, null)).Expect(200);
        Assert.Equal("The connection was refused.", answer["error"].GetString());
        Assert.False(answer.Json.TryGetProperty("status", out _));

        // Until the receiver has changed over, both secrets sign.
        await using var other = await Receiver.StartAsync();
        var rotated =
            (await Api.PatchAsync($"webhooks/{made["id"].GetString()}", $$"""{"secret":null,"url":"{{other.Url}}"}""")).Expect(200);
        (await Api.SendAsync("POST", path, null)).Expect(200);
        received = Assert.Single(other.All);
        Assert.Equal(
            string.Join(' ', new[] { rotated, made }.Select(m =>
                WebhookSignatureTests.Sign(m["secret"].GetString()![6..], received.Id, received.Timestamp, received.Body))),
            received.Signature);
    }

    [Fact]
    public async Task Deliveries_ByState_NewestFirst_AndReplayed()
    {
        // Not enabled, so that the dispatcher skips it.
        var id = (await Api.PostAsync("webhooks", $$"""{"url":"{{Url}}","enabled":false}""")).Expect(201)["id"].GetString()!;
        await MembershipSql.RunAsync(api.Database, $"""
            INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version,
              joined, cause, at, queued_at, next_attempt_at, done_at, message_id, state, attempts, last_status, last_error)
            SELECT w.key, n, 'c-' || n, 'vip', 'VIP', 1, n % 2 = 0, 2, t, now(), CASE WHEN n <= 3 THEN now() END,
              CASE WHEN n > 3 THEN now() END,
              gen_random_uuid(), (n - 1) / 3, n, 500, 'It answered 500.'
            FROM webhooks w, generate_series(1, 9) n,
              LATERAL (SELECT '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 hour') AS x (t) WHERE w.id = '{id}'
            """);
        var read = (await Api.GetAsync($"webhooks/{id}")).Expect(200);
        Assert.Equal((3, 3), (read["pending"].GetInt32(), read["dead"].GetInt32()));
        Assert.Equal(
            (3, 3),
            (await Api.AllAsync("webhooks")).Where(w => w.GetProperty("id").GetString() == id)
                .Select(w => (w.GetProperty("pending").GetInt32(), w.GetProperty("dead").GetInt32())).Single());

        Assert.Equal(
            Enumerable.Range(1, 9).Reverse().Select(n => $"c-{n}"),
            (await Api.AllAsync($"webhooks/{id}/deliveries", 2)).Select(d => d.GetProperty("customerId").GetString()));
        var dead = await Api.AllAsync($"webhooks/{id}/deliveries?state=dead", 2);
        Assert.Equal(["c-9", "c-8", "c-7"], dead.Select(d => d.GetProperty("customerId").GetString()));
        Assert.Equal(("vip", "left", "dead", 9, 500, "It answered 500."), (
            dead[0].GetProperty("segment").GetString(), dead[0].GetProperty("change").GetString(), dead[0].GetProperty("state").GetString(),
            dead[0].GetProperty("attempts").GetInt32(),
            dead[0].GetProperty("lastStatus").GetInt32(),
            dead[0].GetProperty("lastError").GetString()));
        Assert.False(dead[0].TryGetProperty("nextAttemptAt", out _));
        (await Api.GetAsync($"webhooks/{id}/deliveries?state=lost")).Expect(400);

        var one = (await Api.PostAsync($"webhooks/{id}/deliveries/{dead[0].GetProperty("messageId").GetString()}/replay", "{}"))
            .Expect(200);
        Assert.Equal(("pending", 0, "c-9"), (one["state"].GetString(), one["attempts"].GetInt32(), one["customerId"].GetString()));
        Assert.True(one.Json.TryGetProperty("nextAttemptAt", out _));
        (await Api.PostAsync($"webhooks/{id}/deliveries/{WebhookDelivery.MessageName(Guid.NewGuid())}/replay", "{}")).Expect(404);
        (await Api.PostAsync($"webhooks/{id}/deliveries/x/replay", "{}")).Expect(404);

        Assert.Equal(2, (await Api.SendAsync("POST", $"webhooks/{id}/replay", null)).Expect(200)["queued"].GetInt32()); // All dead letters.
        Assert.Equal(0, (await Api.PostAsync($"webhooks/{id}/replay", "{}")).Expect(200)["queued"].GetInt32());
        // Of the delivered 4, 5 and 6.
        Assert.Equal(
            2, (await Api.PostAsync($"webhooks/{id}/replay", """{"since":"2026-01-01T05:00:00Z"}""")).Expect(200)["queued"].GetInt32());
        Assert.Equal(["/since"], (await Api.PostAsync($"webhooks/{id}/replay", """{"since":"2026-01-01"}""")).Expect(400).Faults);
        Assert.Equal(
            (8, 0),
            ((await Api.GetAsync($"webhooks/{id}"))["pending"].GetInt32(), (await Api.GetAsync($"webhooks/{id}"))["dead"].GetInt32()));
    }
}

/// <summary>With the default settings.</summary>
public sealed class WebhookAddressTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    [Theory]
    [InlineData("http://127.0.0.1:5432/")]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("http://[::1]/")]
    [InlineData("http://localhost:8080/")]
    [InlineData("http://0x7f000001/")]
    public async Task Post_PrivateAddress_Is400(string url) =>
        Assert.Equal(["/url"], (await fixture.Api.PostAsync("webhooks", JsonSerializer.Serialize(new { url }))).Expect(400).Faults);

    [Fact]
    public async Task Post_Http_Is400WithTheSettingsForDevelopment()
    {
        foreach (var url in new[] { "http://shop.example/hooks", "HTTP://shop.example/hooks" })
        {
            var refused = (await fixture.Api.PostAsync("webhooks", JsonSerializer.Serialize(new { url }))).Expect(400);
            var said = Assert.Single(refused["errors"].GetProperty("/url").EnumerateArray()).GetString();
            Assert.Contains("--Webhooks:AllowHttp=true --Webhooks:AllowPrivateAddresses=true", said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Test_NameOfNoAddress_SaysSo()
    {
        var id = (await fixture.Api.PostAsync("webhooks", """{"url":"https://nowhere.invalid/"}""")).Expect(201)["id"].GetString();
        var answer = (await fixture.Api.SendAsync("POST", $"webhooks/{id}/test", null)).Expect(200);
        Assert.Contains("address", answer["error"].GetString(), StringComparison.Ordinal);
    }
}
