using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Memberships;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Http;

/// <summary>Classes of work: what each has, what is too much for it, and that none waits for another.</summary>
public sealed class WorkClassTests(WorkClassTests.FullServers servers) : IClassFixture<WorkClassTests.FullServers>
{
    private static readonly string Rule = All(Is("demographic.age", ">", "1"));

    private readonly ApiFixture fixture = servers.Fixture;

    /// <summary>Each request, and the classes whose places it takes: some turn out to be heavy.</summary>
    public static TheoryData<string, string, string?, string> Requests => new()
    {
        { "POST", "segments/preview", $$"""{"rule":{{Rule}}}""", "Heavy" },
        { "GET", "segments/draft/members", null, "Point, Heavy" },
        { "GET", "segments/active/members?live=true", null, "Point, Heavy" },
        { "GET", "segments/active/members?asOf=2020-01-01T00:00:00Z", null, "Point, Heavy" },
        { "GET", "segments/active/count?live=true", null, "Point, Heavy" },
        { "GET", "segments/draft/count", null, "Point, Heavy" },
        { "GET", "customers/one/segments?live=true", null, "Point, Heavy" },
        { "GET", "customers/one/segments?asOf=2020-01-01T00:00:00Z", null, "Point, Heavy" },
        { "GET", "segments/active/members/one?live=true", null, "Point, Heavy" },
        { "GET", "segments/active/explain/one", null, "Heavy" },
        { "POST", "segments/overlap", """{"keys":["active","draft"]}""", "Heavy" },
        { "POST", "segments/combine", """{"operation":"union","keys":["active","draft"]}""", "Heavy" },
        { "POST", "segments/compile", $$"""{"rule":{{Rule}}}""", "Heavy" },
        { "GET", "fields/geographic.city/values", null, "Heavy" },
        { "GET", "segments/active/trend", null, "Heavy" },
        { "GET", "segments/active/flows?to=draft", null, "Heavy" },
        { "GET", "customers/export", null, "Export" },
        { "GET", "segments/active/members?format=csv", null, "Point, Export" },
        { "GET", "segments/active/members?format=ndjson&live=true", null, "Point, Export" },
        { "DELETE", "customers/gone", null, "Bulk" },
        { "POST", "segments/manual/members", Ids(101), "Point, Bulk" },
        { "POST", "events", Events(101), "Bulk" },
        { "GET", "segments/active/stream", null, "Stream" },
        { "GET", "customers/one", null, "Point" },
        { "GET", "segments", null, "Point" },
        { "GET", "segments/active/members", null, "Point" },
        { "POST", "segments/manual/members", Ids(1), "Point" },
        { "POST", "events", Events(1), "Point" },
        { "POST", "events", Events(100), "Point" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Request_TakesPlacesOfItsClassesAlone(string method, string path, string? body, string classes)
    {
        var own = classes.Split(", ").Select(Enum.Parse<WorkClass>).ToList();
        foreach (var (full, server) in servers.ByClass.Where(s => own.Contains(s.Key) || !own.Contains(WorkClass.Stream)))
        {
            var answer = await server.Api.SendAsync(method, path, body);
            if (!own.Contains(full))
            {
                Assert.InRange(answer.Status, 200, 299);
                continue;
            }

            answer.Expect(503);
            Assert.StartsWith("The service is busy", answer["title"].GetString(), StringComparison.Ordinal);
            Assert.Equal("1", Assert.Single(answer.Message.Headers.GetValues("Retry-After")));
        }
    }

    [Fact]
    public async Task Lines_AreBulk()
    {
        await using var server = new ApiFixture.Server(
            fixture.ConnectionString, [("Limits:Bulk:AtOnce", "1"), ("Limits:Bulk:Waiting", "0")], migrate: false);
        using (await server.Services.GetRequiredService<WorkClasses>().EnterAsync(WorkClass.Bulk, null, default))
        {
            (await server.Api.SendAsync("POST", "events", """{"customerId":"l","type":"t"}""", "application/x-ndjson")).Expect(503);
            (await server.Api.SendAsync("POST", "customers/import", "id\nl", "text/csv")).Expect(503);
        }

        (await server.Api.SendAsync("POST", "customers/import", "id\nl", "text/csv")).Expect(200);
    }

    [Fact]
    public async Task Waiting_GetsThePlaceThatIsFreed_AndNotMoreThanMayWait()
    {
        using var classes = new WorkClasses(new Limits { Heavy = Small(atOnce: 1, waiting: 1, seconds: 600) }, TimeProvider.System);
        var first = await classes.EnterAsync(WorkClass.Heavy, null, default);
        var second = classes.EnterAsync(WorkClass.Heavy, null, default).AsTask();
        Assert.False(second.IsCompleted);
        Assert.Equal(503, (await RefusedAsync(classes, null)).Status);

        first.Dispose();
        using var place = await second;
    }

    [Fact]
    public async Task Waiting_TooLong_Is503()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        using var classes = new WorkClasses(new Limits { Heavy = Small(atOnce: 1, waiting: 1, seconds: 5) }, clock);
        using var first = await classes.EnterAsync(WorkClass.Heavy, null, default);
        var second = RefusedAsync(classes, null);
        clock.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(second.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(503, (await second).Status);
    }

    [Fact]
    public async Task Key_WithItsShare_Is429_AndAnotherGoesOn()
    {
        using var classes = new WorkClasses(new Limits { Heavy = Small(atOnce: 4, waiting: 0, seconds: 0) }, TimeProvider.System);
        using var one = await classes.EnterAsync(WorkClass.Heavy, "a", default);
        using var two = await classes.EnterAsync(WorkClass.Heavy, "a", default);
        var refused = await RefusedAsync(classes, "a");
        Assert.Equal((429, (int?)1), (refused.Status, refused.RetryAfter));

        (await classes.EnterAsync(WorkClass.Heavy, "b", default)).Dispose();
        two.Dispose();
        (await classes.EnterAsync(WorkClass.Heavy, "a", default)).Dispose();
    }

    [Theory]
    [InlineData(WorkClass.Point, 5, 2)]
    [InlineData(WorkClass.Heavy, 30, 2)]
    [InlineData(WorkClass.Bulk, 60, 10)]
    [InlineData(WorkClass.Export, 60, 10)]
    [InlineData(WorkClass.Stream, 10, 2)]
    [InlineData(WorkClass.Keeper, 600, 600)]
    [InlineData(WorkClass.Health, 1, 1)]
    public async Task Connection_HasTheLimitsOfItsClass_AtTheServer(WorkClass work, int statement, int @lock)
    {
        await using var server = new ApiFixture.Server(fixture.ConnectionString, migrate: false);
        await using var scope = server.Services.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Work>().Begin(work);
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        await using var source = scope.ServiceProvider.GetRequiredService<Work>().Source.CreateConnection();
        foreach (var connection in new[] { (NpgsqlConnection)db.Database.GetDbConnection(), source })
        {
            await connection.OpenAsync();
            Assert.Equal(
                $"{statement * 1000} {@lock * 1000} 15000 2000",
                await ScalarAsync(connection, """
                    SELECT string_agg(setting, ' ' ORDER BY place) FROM unnest(ARRAY['statement_timeout', 'lock_timeout',
                      'idle_in_transaction_session_timeout', 'client_connection_check_interval']) WITH ORDINALITY AS n (name, place)
                    JOIN pg_settings USING (name)
                    """));
        }
    }

    [Fact]
    public async Task Connections_WithLimitsOfTheirOwn_KeepThem()
    {
        var given = new NpgsqlConnectionStringBuilder(fixture.ConnectionString) { Options = "-c lock_timeout=7s" };
        await using var server = new ApiFixture.Server(given.ConnectionString, migrate: false);
        await using var connection = await server.Services.GetRequiredService<DataSources>()[WorkClass.Point].OpenConnectionAsync();
        Assert.Equal("7s 5s", await ScalarAsync(
            connection, "SELECT current_setting('lock_timeout') || ' ' || current_setting('statement_timeout')"));
    }

    [Fact]
    public async Task ContextThatWasLeftOpen_IsOfUseToTheNextAllTheSame()
    {
        await using var server = new ApiFixture.Server(fixture.ConnectionString, migrate: false);
        for (var i = 0; i < 3; i++)
        {
            await using var scope = server.Services.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
            Assert.Equal(1, await db.Database.SqlQuery<int>($"SELECT 1 AS \"Value\"").SingleAsync());
            await db.Database.OpenConnectionAsync();
        }
    }

    [Fact]
    public async Task EmptyPool_Is503Busy_AndNotATimeout()
    {
        await using var server = new ApiFixture.Server(
            new NpgsqlConnectionStringBuilder(fixture.ConnectionString) { Timeout = 1 }.ConnectionString,
            [("Limits:Heavy:Pool", "1")], migrate: false);
        await using var only = await server.Services.GetRequiredService<DataSources>()[WorkClass.Heavy].OpenConnectionAsync();
        var answer = (await server.Api.PostAsync("segments/preview", $$"""{"rule":{{Rule}}}""")).Expect(503);
        Assert.StartsWith("The service is busy: no connection", answer["title"].GetString());
        Assert.Equal("1", Assert.Single(answer.Message.Headers.GetValues("Retry-After")));
        (await server.Api.GetAsync("segments?limit=1")).Expect(200);
        (await server.Api.GetAsync("/health/ready")).Expect(200);
    }

    [Fact]
    public async Task LockedTable_Is503Busy_AndOtherClassesGoOn()
    {
        await using var server = new ApiFixture.Server(fixture.ConnectionString, [("Limits:Point:LockSeconds", "1")], migrate: false);
        await using var connection = new NpgsqlConnection(fixture.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE", connection);
        await command.ExecuteNonQueryAsync();
        var answer = (await server.Api.GetAsync("customers/one")).Expect(503);
        Assert.StartsWith("The service is busy: what this needs is locked", answer["title"].GetString());
        (await server.Api.GetAsync("segments?limit=1")).Expect(200);
        (await server.Api.GetAsync("/health/ready")).Expect(200);
    }

    [Theory]
    [InlineData("segments/active/members?live=true&format=ndjson")]
    [InlineData("segments/draft/members?format=csv")]
    [InlineData("customers/export")]
    public async Task Download_OfASlowStatement_EndsWithTheLimitOfItsClass(string path)
    {
        await using var server = new ApiFixture.Server(
            fixture.ConnectionString, [("Limits:Export:StatementSeconds", "1"), ("Limits:Export:LockSeconds", "60")], migrate: false);
        await using var connection = new NpgsqlConnection(fixture.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE", connection);
        await command.ExecuteNonQueryAsync();
        (await server.Api.GetAsync(path)).Expect(504);
    }

    [Fact]
    public async Task ManyHeavyRequests_AreRefused_AndCheapOnesAnswerMeanwhile()
    {
        await using var server = new ApiFixture.Server(
            fixture.ConnectionString,
            [("Limits:Heavy:AtOnce", "2"), ("Limits:Heavy:Waiting", "4"), ("Limits:Heavy:LockSeconds", "600"),
                ("Limits:Heavy:StatementSeconds", "600"), ("Limits:Heavy:WaitSeconds", "600")], migrate: false);
        await using var connection = new NpgsqlConnection(fixture.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE", connection);
        await command.ExecuteNonQueryAsync();
        var previews = Enumerable.Range(0, 120)
            .Select(_ => server.Api.PostAsync("segments/preview", $$"""{"rule":{{Rule}}}""")).ToList();
        for (var refused = 0; refused < 114;)
        {
            refused = previews.Count(p => p.IsCompleted);
            (await server.Api.GetAsync("segments?limit=1")).Expect(200);
        }

        (await server.Api.GetAsync("/health/ready")).Expect(200);
        await connection.CloseAsync();
        Assert.Equal([(200, 6), (503, 114)], (await Task.WhenAll(previews)).CountBy(a => a.Status).Select(c => (c.Key, c.Value)).Order());
    }

    [Fact]
    public async Task Ready_WhereTheDatabaseHangs_Is503WithinTwoSeconds()
    {
        await using var server = new ApiFixture.Server(fixture.ConnectionString, [("Limits:Health:Pool", "1")], migrate: false);
        (await server.Api.GetAsync("/health/ready")).Expect(200);
        await using var only = await server.Services.GetRequiredService<DataSources>()[WorkClass.Health].OpenConnectionAsync();
        await Wait.UntilAsync(
            async () => (await server.Api.GetAsync("/health/ready")).Status == 503, "its last answer, which holds for a second, is over");
        var answer = (await server.Api.GetAsync("/health/ready")).Expect(503);
        Assert.Equal("The database does not answer.", answer["title"].GetString());
        (await server.Api.GetAsync("/health/live")).Expect(200);
    }

    [Fact]
    public void Pools_FitAPostgresAsItIs() => Assert.Null(new Limits().FindFault(100, MembershipLeadership.Connections));

    [Fact]
    public void Pools_ThatAreTooMany_AreRefusedAtTheStart()
    {
        Assert.StartsWith(
            "The service has up to 10", new Limits { Point = Small(1, 1, 1, pool: 10_000) }.FindFault(10_009, 0), StringComparison.Ordinal);
        Assert.ThrowsAny<InvalidOperationException>(
            () => new ApiFixture.Server(fixture.ConnectionString, [("Limits:Point:Pool", "10000")], migrate: false));
    }

    private static ClassLimits Small(int atOnce, int waiting, int seconds, int pool = 1) => new()
    {
        AtOnce = atOnce,
        Waiting = waiting,
        WaitSeconds = seconds,
        PerKey = 2,
        StatementSeconds = 1,
        LockSeconds = 1,
        Pool = pool,
    };

    private static async Task<Segmentation.Api.Http.ApiProblem> RefusedAsync(WorkClasses classes, string? key) =>
        await Assert.ThrowsAsync<Segmentation.Api.Http.ApiProblem>(async () => await classes.EnterAsync(WorkClass.Heavy, key, default));

    private static async Task<string> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (string)(await command.ExecuteScalarAsync())!;
    }

    private static string Ids(int count) =>
        $$"""{"add":[{{string.Join(',', Enumerable.Range(0, count).Select(i => $"\"nobody{i}\""))}}]}""";

    private static string Events(int count) => $"[{string.Join(',', Enumerable.Range(0, count).Select(i =>
        $$"""{"id":"w{{i}}","customerId":"one","type":"seen","occurredAt":"2026-01-01T00:00:00Z"}"""))}]";

    /// <summary>A service for each class, on one database, which has no place left of it.</summary>
    public sealed class FullServers : IAsyncLifetime
    {
        private readonly List<IDisposable> taken = [];

        public ApiFixture Fixture { get; } = new();

        public Dictionary<WorkClass, ApiFixture.Server> ByClass { get; } = [];

        public async Task InitializeAsync()
        {
            await Fixture.InitializeAsync();
            await Fixture.Api.PutAsync("customers/one", """{"demographic":{"birthDate":"1990-01-01"}}""");
            (await Fixture.Api.PutAsync("segments/active", Body(Rule))).Expect(201);
            (await Fixture.Api.PutAsync("segments/draft", Body(Rule, "\"status\":\"draft\""))).Expect(201);
            (await Fixture.Api.PutAsync("segments/manual", """{"kind":"manual"}""")).Expect(201);
            await Wait.UntilAsync(
                async () => (await Fixture.Api.GetAsync("segments/active"))["state"].GetProperty("status").GetString() == "ready",
                "active is built");
            foreach (var work in Enum.GetValues<WorkClass>().Except([WorkClass.Keeper, WorkClass.Health]))
            {
                var server = new ApiFixture.Server(
                    Fixture.ConnectionString, [($"Limits:{work}:AtOnce", "1"), ($"Limits:{work}:Waiting", "0")], migrate: false);
                ByClass.Add(work, server);
                taken.Add(await server.Services.GetRequiredService<WorkClasses>().EnterAsync(work, null, default));
            }
        }

        public async Task DisposeAsync()
        {
            taken.ForEach(t => t.Dispose());
            foreach (var server in ByClass.Values)
            {
                await server.DisposeAsync();
            }

            await Fixture.DisposeAsync();
        }
    }
}
