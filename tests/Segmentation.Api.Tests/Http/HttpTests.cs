using System.Diagnostics;
using Npgsql;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Http;

/// <summary>What every route does alike: problems, CORS, health, and what happens when the database is slow or away.</summary>
public sealed class HttpTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static readonly string[] Internals = ["System.", "Microsoft.", "Npgsql", "Segmentation.Api", "Segmentation.Rules",
        "EntityFramework", "JsonException", "   at ", "StackTrace", "SELECT ", "INSERT "];

    private Api Api => fixture.Api;

    [Theory]
    [InlineData("PUT", "segments", "GET, POST")]
    [InlineData("DELETE", "fields", "GET")]
    [InlineData("POST", "customers/x", "DELETE, GET, PATCH, PUT")]
    public async Task MethodNotAllowed_SaysWhichAre(string method, string path, string allowed)
    {
        var answer = (await Api.SendAsync(method, path, "{}")).Expect(405);
        Assert.Equal(allowed, string.Join(", ", answer.Message.Content.Headers.Allow.Order(StringComparer.Ordinal)));
        Assert.Equal(
            $"This address does not support that method; it takes {string.Join(", ", answer.Message.Content.Headers.Allow)}.",
            answer["title"].GetString());
    }

    [Theory]
    [InlineData("GET", "/nowhere", null, null, 404)]
    [InlineData("GET", "/api/v1/nowhere", null, null, 404)]
    [InlineData("GET", "/api/v2/segments", null, null, 404)]
    [InlineData("GET", "segments/no-such", null, null, 404)]
    [InlineData("GET", "customers/no-such", null, null, 404)]
    [InlineData("GET", "attributes/noSuch", null, null, 404)]
    [InlineData("GET", "fields/no.such/values", null, null, 404)]
    [InlineData("POST", "segments/preview/versions/x/restore", "", null, 404)]
    [InlineData("PUT", "segments", "{}", "application/json", 405)]
    [InlineData("DELETE", "fields", null, null, 405)]
    [InlineData("PATCH", "attributes/x", "{}", "application/json", 405)]
    [InlineData("POST", "segments", "{}", "text/plain", 415)]
    [InlineData("POST", "segments", "{}", null, 415)]
    [InlineData("POST", "segments", "{}", "application/xml", 415)]
    [InlineData("POST", "segments/preview", "{}", "application/x-www-form-urlencoded", 415)]
    [InlineData("POST", "customers/import", "a", "application/json", 415)]
    [InlineData("POST", "segments", "{}", "application/json; charset=utf-16", 415)]
    [InlineData("POST", "segments", "", "application/json", 400)]
    [InlineData("POST", "segments", "{", "application/json", 400)]
    [InlineData("POST", "segments", "{\"key\":\"x\",}", "application/json", 400)]
    [InlineData("POST", "segments", "{\"key\":1}", "application/json", 400)]
    [InlineData("POST", "segments", "{\"key\":\"x\",\"rule\":{},\"kind\":\"other\"}", "application/json", 400)]
    [InlineData("POST", "segments", "[1,2]", "application/json", 400)]
    [InlineData("POST", "segments", "not json", "application/json", 400)]
    [InlineData("POST", "segments", "{\"key\":\"\\ud800\"}", "application/json", 400)]
    [InlineData("POST", "segments/preview", "{\"rule\":{\"combinator\":\"and\",\"rules\":[]},\"sampleSize\":1.5}", "application/json", 400)]
    [InlineData(
        "POST", "segments/preview", "{\"rule\":{\"combinator\":\"and\",\"rules\":[]},\"sampleSize\":99999999999}", "application/json", 400)]
    [InlineData(
        "POST", "segments/preview", "{\"rule\":{\"combinator\":\"and\",\"rules\":[]},\"sampleSize\":\"1\"}", "application/json", 400)]
    [InlineData("PUT", "attributes/x", "{\"type\":7}", "application/json", 400)]
    [InlineData("GET", "segments?cursor=AAAA", null, null, 400)]
    [InlineData("GET", "segments?cursor=WyJcdWQ4MDAiXQ", null, null, 400)]
    [InlineData("GET", "attributes?cursor=WyJcdWQ4MDAiXQ", null, null, 400)]
    [InlineData("GET", "customers?cursor=WyJcdWQ4MDAiXQ", null, null, 400)]
    [InlineData("GET", "segments?q=a%00b", null, null, 400)]
    [InlineData("GET", "segments?tag=a%00b", null, null, 400)]
    [InlineData("GET", "fields/customer.email/values?prefix=%00", null, null, 400)]
    public async Task Fault_IsAProblemWithoutInternals(string method, string path, string? body, string? contentType, int status)
    {
        var answer = await Api.SendAsync(method, path, body is null ? null : System.Text.Encoding.UTF8.GetBytes(body), contentType, []);
        AssertProblem(answer.Expect(status));
        Assert.All(answer.Faults, f => Assert.True(
            f.Length == 0 || f[0] == '/' || !path.Contains('/', StringComparison.Ordinal) || path.Contains('?', StringComparison.Ordinal),
            f));
    }

    [Fact]
    public async Task Body_TooLarge_Is413()
    {
        var answer = await Api.PostAsync("segments", Body(Everyone, $"\"description\":\"{new string('x', 1024 * 1024)}\""));
        AssertProblem(answer.Expect(413));
        var rule = All(Is("customer.email", "in", $"[{string.Join(",", Enumerable.Repeat($"\"{new string('x', 500)}\"", 200))}]"));
        Assert.Equal(["/rule"], (await Api.PostAsync("segments/preview", Body(rule))).Expect(400).Faults);
        AssertProblem((await Api.PostAsync("segments/preview", Body(string.Concat(Enumerable.Repeat("[", 500))))).Expect(400));
    }

    [Theory]
    [InlineData("segments", "application/json", 413)]
    [InlineData("segments", "text/plain", 415)]
    [InlineData("nowhere", "application/json", 404)]
    public async Task Body_TooLargeAndStillBeingSent_IsAnsweredAllTheSame(string path, string type, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/{path}") { Content = new SlowContent(40, 64 * 1024) };
        request.Content.Headers.ContentType = new(type);
        using var response = await Api.Client.SendAsync(request);
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task Cors_AllowedOriginOnly_WithExposedHeaders()
    {
        var answer = (await Api.GetAsync("segments", ("Origin", "https://app.example"))).Expect(200);
        Assert.Equal("https://app.example", answer.Message.Headers.GetValues("Access-Control-Allow-Origin").Single());
        var exposed = string.Join(',', answer.Message.Headers.GetValues("Access-Control-Expose-Headers"));
        Assert.All(["ETag", "Location", "Retry-After"], name => Assert.Contains(name, exposed));

        // A problem, too: a browser hides the body of an answer without it.
        foreach (var (path, body, status) in new[] { ("segments/no-such", null, 404), ("segments", "{\"no\":1}", 400) })
        {
            var problem =
                (await Api.SendAsync(body is null ? "GET" : "POST", path, body, headers: ("Origin", "https://app.example"))).Expect(status);
            Assert.Equal("https://app.example", problem.Message.Headers.GetValues("Access-Control-Allow-Origin").Single());
        }

        Assert.False(
            (await Api.GetAsync("segments", ("Origin", "https://evil.example"))).Message.Headers.Contains("Access-Control-Allow-Origin"));
        var preflight = await Api.SendAsync("OPTIONS", "segments/x", null, headers: [("Origin", "https://app.example"),
            ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "if-match,content-type")]);
        Assert.Equal(204, preflight.Status);
        Assert.Contains("PUT", preflight.Message.Headers.GetValues("Access-Control-Allow-Methods").Single());
    }

    [Fact]
    public async Task Service_AnswersHealthAndLeadsToSwagger()
    {
        (await Api.GetAsync("/health/live")).Expect(200);
        (await Api.GetAsync("/health/ready")).Expect(200);
        Assert.Equal("/swagger", (await Api.GetAsync("/")).Expect(302).Message.Headers.Location!.ToString());
        (await Api.GetAsync("/swagger/v1/swagger.json")).Expect(200);
    }

    [Fact]
    public async Task DatabaseAway_Is503WithRetryAfter()
    {
        await using var databases = new Empty();
        var away = await databases.CreateAsync();
        await using var server = new ApiFixture.Server(away);
        (await server.Api.GetAsync("/health/ready")).Expect(200);
        await using (var other = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(away) { Database = "postgres" }))
        {
            await using var drop = other.CreateCommand($"DROP DATABASE {new NpgsqlConnectionStringBuilder(away).Database} WITH (FORCE)");
            await drop.ExecuteNonQueryAsync();
        }

        foreach (var path in new[] { "segments", "segments/x", "segments/x/members", "segments/x/count", "segments/x/explain/y", "fields",
            "customers" })
        {
            var answer = await server.Api.GetAsync(path);
            AssertProblem(answer.Expect(503));
            Assert.True(answer.Message.Headers.RetryAfter is not null, path);
        }

        AssertProblem((await server.Api.PostAsync("segments/preview", Body(Everyone))).Expect(503));
        AssertProblem((await server.Api.PutAsync("segments/x", Body(Everyone))).Expect(503));
        // Its last answer holds for a second.
        await Wait.UntilAsync(async () => (await server.Api.GetAsync("/health/ready")).Status == 503, "the service is not ready");
        (await server.Api.GetAsync("/health/live")).Expect(200);
    }

    [Fact]
    public async Task NotMigrated_EveryRouteSaysSo_UntilItIs()
    {
        await using var databases = new Empty();
        var connectionString = await databases.CreateAsync();
        await using var server = new ApiFixture.Server(connectionString, migrate: false);
        foreach (var path in new[] { "/health/ready", "segments", "customers/x", "fields", "nothing", "/" })
        {
            var answer = (await server.Api.GetAsync(path)).Expect(503);
            AssertProblem(answer);
            Assert.Contains("./run --migrate", answer["title"].GetString(), StringComparison.Ordinal);
            Assert.NotNull(answer.Message.Headers.RetryAfter);
        }

        (await server.Api.PostAsync("segments/preview", Body(Everyone))).Expect(503);
        (await server.Api.GetAsync("/health/live")).Expect(200);

        // Somebody else migrates; this one needs no new start.
        await using (new ApiFixture.Server(connectionString))
        {
            (await server.Api.GetAsync("segments")).Expect(200);
            await Wait.UntilAsync(async () => (await server.Api.GetAsync("/health/ready")).Status == 200, "the service is ready");
        }
    }

    [Fact]
    public async Task MigratedByANewerVersion_EveryRouteSaysSo_AndARunningOneGoesOn()
    {
        await using var databases = new Empty();
        var connectionString = await databases.CreateAsync();
        await using var running = new ApiFixture.Server(connectionString);
        await using (var database = NpgsqlDataSource.Create(connectionString))
        {
            await using var next = database.CreateCommand("INSERT INTO \"__EFMigrationsHistory\" VALUES ('29990101000000_Next', '10')");
            await next.ExecuteNonQueryAsync();
        }

        await using var old = new ApiFixture.Server(connectionString, migrate: false);
        var answer = (await old.Api.GetAsync("segments")).Expect(503);
        Assert.Contains("a newer version", answer["title"].GetString(), StringComparison.Ordinal);
        (await running.Api.GetAsync("segments")).Expect(200);
        (await running.Api.GetAsync("/health/ready")).Expect(200);
    }

    [Fact]
    public async Task SlowStatement_Is504_AndADefinitionIsAnsweredAllTheSame()
    {
        // A draft: it is evaluated whenever it is asked for.
        (await Api.PutAsync("segments/slow", Body(All(Is("demographic.age", ">", "1")), "\"status\":\"draft\""))).Expect(201);
        (await Api.GetAsync("segments/slow/count")).Expect(200);
        await using var server = new ApiFixture.Server(
            fixture.ConnectionString, [("Limits:Heavy:StatementSeconds", "1")], migrate: false);
        (await server.Api.GetAsync("segments/slow/count")).Expect(200);
        await using var locked = await LockCustomersAsync();
        AssertProblem((await server.Api.GetAsync("segments/slow/count")).Expect(504));
        AssertProblem((await server.Api.GetAsync("segments/slow/members")).Expect(504));
        var segment = (await server.Api.GetAsync("segments/slow")).Expect(200);
        Assert.Equal(0, segment["memberCount"].GetInt64());
        Assert.Equal("slow", segment["key"].GetString());
    }

    [Fact]
    public async Task CancelledRequest_StopsItsStatement()
    {
        (await Api.PutAsync("segments/cancelled", Body(All(Is("demographic.age", ">", "1")), "\"status\":\"draft\""))).Expect(201);
        await using var locked = await LockCustomersAsync();
        foreach (var path in new[] { "/api/v1/segments/cancelled/count", "/api/v1/segments/cancelled/members",
            "/api/v1/segments/cancelled/members/x", "/api/v1/segments/cancelled" })
        {
            using var cancel = new CancellationTokenSource();
            var request = Api.Client.GetAsync(path, cancel.Token);
            await UntilAsync(1, path);
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
            await UntilAsync(0, path);
        }
    }

    private static void AssertProblem(Answer answer)
    {
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.Equal(answer.Status, answer["status"].GetInt32());
        Assert.False(string.IsNullOrWhiteSpace(answer["title"].GetString()));
        Assert.All(Internals, name => Assert.DoesNotContain(name, answer.Body));
    }

    // Statements of the service that wait for the lock.
    private async Task UntilAsync(int waiting, string path)
    {
        await using var connection = new NpgsqlConnection(fixture.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("""
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'segmentation' AND wait_event_type = 'Lock'
            """, connection);
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromMinutes(5); await Task.Delay(20))
        {
            if ((long)(await command.ExecuteScalarAsync())! >= waiting && waiting > 0
                || (waiting == 0 && (long)(await command.ExecuteScalarAsync())! == 0))
            {
                return;
            }
        }

        Assert.Fail($"{path}: not {waiting} waiting");
    }

    private async Task<NpgsqlConnection> LockCustomersAsync()
    {
        var connection = new NpgsqlConnection(fixture.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE", connection);
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    private sealed class Empty : IAsyncDisposable
    {
        private readonly TestDatabase databases = new();

        public async Task<string> CreateAsync()
        {
            await databases.InitializeAsync();
            return await databases.CreateDatabaseAsync();
        }

        public async ValueTask DisposeAsync() => await databases.DisposeAsync();
    }

    /// <summary>Comes piece by piece, so that a server could have answered before the last.</summary>
    private sealed class SlowContent(int pieces, int size) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            for (var i = 0; i < pieces; i++)
            {
                await stream.WriteAsync(new byte[size]);
                await stream.FlushAsync();
                await Task.Delay(10);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = pieces * size;
            return true;
        }
    }
}
