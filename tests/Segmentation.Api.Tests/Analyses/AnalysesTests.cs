using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Npgsql;
using Segmentation.Api.Analyses;

namespace Segmentation.Api.Tests.Analyses;

/// <summary>Analyses as a resource: asked for, waited for, run one at a time, ended, begun again.</summary>
public sealed class AnalysesTests : IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private readonly ProbeAnalysis.Gate gate = new();
    private readonly List<ApiFixture.Server> servers = [];
    private string connection = "";

    private Api Api => servers[^1].Api;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connection = await databases.CreateDatabaseAsync();
        Start();
    }

    public async Task DisposeAsync()
    {
        gate.Open.Release(1000);
        foreach (var server in servers)
        {
            await server.DisposeAsync();
        }

        await databases.DisposeAsync();
    }

    [Fact]
    public async Task Analysis_EndsWhileItIsWaitedFor_IsAnsweredAndKept()
    {
        (await Api.PutAsync("customers/a", "{}")).Expect(201);
        var made = (await Api.PostAsync("analyses?wait=60", """{"type":"probe","name":"x","does":"warn"}""")).Expect(201);
        var id = made["id"].GetString();
        Assert.Equal($"/api/v1/analyses/{id}", made.Message.Headers.Location!.OriginalString);
        Assert.Equal(("probe", "succeeded", 1.0), (made["type"].GetString(), made["status"].GetString(), made["progress"].GetDouble()));
        Assert.Equal("""{"type":"probe","name":"x","does":"warn","size":7}""", made["request"].GetRawText());
        Assert.Equal("""{"zulu":1,"alpha":1,"small":4.3E-13}""", made["result"].GetRawText());
        Assert.Equal("""[{"code":"short-history","text":"There is little of it."}]""", made["warnings"].GetRawText());
        Assert.Equal(JsonValueKind.Null, made["problem"].ValueKind);
        Assert.True(made["createdAt"].GetDateTimeOffset() <= made["startedAt"].GetDateTimeOffset());
        Assert.True(made["startedAt"].GetDateTimeOffset() <= made["finishedAt"].GetDateTimeOffset());

        Assert.Equal(made.Body, (await Api.GetAsync($"analyses/{id}")).Expect(200).Body);
        Assert.Equal("out", (await Api.GetAsync($"analyses/{id}?show=all")).Expect(200)["result"].GetProperty("left").GetString());
        var other = (await Api.PostAsync("analyses?wait=60&show=all", """{"type":"probe","name":"y"}""")).Expect(201);
        Assert.Equal("out", other["result"].GetProperty("left").GetString());
        Assert.Equal(
            [other["id"].GetString(), id],
            (await Api.AllAsync("analyses?type=probe&status=succeeded", 1)).Select(a => a.GetProperty("id").GetString()));
        Assert.Empty(await Api.AllAsync("analyses?status=failed"));

        // What has ended is asked for anew.
        var again = (await Api.PostAsync("analyses?wait=60", """{"type":"probe","name":"x","does":"warn"}""")).Expect(201);
        Assert.NotEqual(id, again["id"].GetString());
    }

    [Fact]
    public async Task Analyses_RunOneAtATime_InTheirOrder_AndTheSameIsOne()
    {
        var first = await HoldAsync("a");
        Assert.Equal("running", first["status"].GetString());
        var second = (await Api.PostAsync("analyses?wait=0", """{"type":"probe","name":"b","does":"hold"}""")).Expect(202);
        var third = (await Api.PostAsync("analyses?wait=0", """{"type":"probe","name":"c"}""")).Expect(202);
        Assert.Equal(["queued", "queued"], new[] { second, third }.Select(a => a["status"].GetString()));
        Assert.False(second.Json.TryGetProperty("startedAt", out _));

        // By another process, written otherwise, while the one runs and the other waits.
        Start();
        var same = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => servers[i % 2].Api.PostAsync(
            "analyses?wait=0",
            i % 4 < 2
                ? """{"does":"hold","name":"b","type":"probe","size":7}"""
                : """{"type":"probe","name":"a","does":"hold","size":null}""")));
        Assert.Equal(
            new[] { first["id"].GetString(), second["id"].GetString() }.Order(),
            same.Select(a => a.Expect(202)["id"].GetString()).Distinct().Order());
        var fresh = await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
            servers[i % 2].Api.PostAsync("analyses?wait=0", """{"type":"probe","name":"d"}""")));
        Assert.Single(fresh.Select(a => a.Expect(202)["id"].GetString()).Distinct());

        await ReportedAsync(first["id"].GetString()!, 0.25);
        gate.Open.Release(2);
        await EndedAsync(fresh[0]["id"].GetString()!);
        Assert.Equal(["a", "b", "c", "d"], gate.Begun);
        Assert.Equal(1, gate.MostAtOnce);
    }

    [Fact]
    public async Task Delete_StopsWhatRuns_AndForgets()
    {
        var running = await HoldAsync("a");
        var waiting = (await Api.PostAsync("analyses?wait=0", """{"type":"probe","name":"b"}""")).Expect(202)["id"].GetString();
        var watched = Api.PostAsync("analyses?wait=60", """{"type":"probe","name":"a","does":"hold"}""");
        (await Api.DeleteAsync($"analyses/{waiting}")).Expect(204);
        (await Api.DeleteAsync($"analyses/{running["id"].GetString()}")).Expect(204);
        (await Api.DeleteAsync($"analyses/{running["id"].GetString()}")).Expect(204);
        (await Api.GetAsync($"analyses/{running["id"].GetString()}")).Expect(404);
        (await Api.GetAsync($"analyses/{waiting}")).Expect(404);
        await Wait.UntilAsync(() => Task.FromResult(gate.Stopped == 1), "the run is stopped");

        // Unless it was asked for only then, whoever waited for it is told.
        var next = (await Api.PostAsync("analyses?wait=60", """{"type":"probe","name":"c"}""")).Expect(201);
        Assert.Equal("succeeded", next["status"].GetString());
        gate.Open.Release();
        Assert.Contains((await watched).Expect(201)["status"].GetString(), new[] { "cancelled", "succeeded" });
        Assert.DoesNotContain("b", gate.Begun);
    }

    [Theory]
    [InlineData("few", "too-few-data", "A probe needs 30 customers.")]
    [InlineData("fail", "internal", "The service failed. The failure is in its log.")]
    [InlineData("refuse", "internal", "What it needs has changed since it was asked for: name: It is gone.")]
    public async Task Failure_IsToldByItsKind(string does, string kind, string title)
    {
        var failed = (await Api.PostAsync("analyses?wait=60", $$"""{"type":"probe","does":"{{does}}"}""")).Expect(201);
        Assert.Equal("failed", failed["status"].GetString());
        Assert.Equal(JsonValueKind.Null, failed["result"].ValueKind);
        Assert.Equal($"/problems/{kind}", failed["problem"].GetProperty("type").GetString());
        Assert.Equal(title, failed["problem"].GetProperty("title").GetString());
        Assert.Equal(does == "few", failed["problem"].TryGetProperty("needed", out var needed));
        if (does == "few")
        {
            Assert.Equal(30, needed.GetProperty("customers").GetInt32());
            Assert.Equal(0, failed["problem"].GetProperty("found").GetProperty("customers").GetInt32());
        }

        Assert.DoesNotContain("secret", failed.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OneThatTakesTooLong_TimesOut()
    {
        await servers[0].DisposeAsync();
        servers.Add(new(connection, services: s =>
        {
            AddProbe(s);
            s.AddSingleton(new AnalysisOptions { TimeoutMinutes = 0 });
        }));
        var failed = (await Api.PostAsync("analyses?wait=60", """{"type":"probe","does":"sleep"}""")).Expect(201);
        Assert.Equal("/problems/timed-out", failed["problem"].GetProperty("type").GetString());
    }

    [Fact]
    public async Task OneThatARestartCutShort_BeginsAgainOnce()
    {
        var id = (await HoldAsync("a"))["id"].GetString()!;
        await servers[0].DisposeAsync();
        Start();
        await Wait.UntilAsync(() => Task.FromResult(gate.Begun.Count == 2), "it is begun again");
        Assert.Equal("running", (await Api.GetAsync($"analyses/{id}")).Expect(200)["status"].GetString());
        await servers[1].DisposeAsync();
        Start();
        var ended = await EndedAsync(id);
        Assert.Equal("/problems/internal", ended["problem"].GetProperty("type").GetString());
        Assert.Equal(["a", "a"], gate.Begun);

        // With a connection it is the same: the second attempt succeeds.
        var other = (await HoldAsync("b"))["id"].GetString()!;
        await ExecuteAsync(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()
            """);
        gate.Open.Release(2);
        Assert.Equal("succeeded", (await EndedAsync(other))["status"].GetString());
        Assert.Equal(["a", "a", "b", "b"], gate.Begun);
    }

    [Fact]
    public async Task MoreThanAHundredThatWait_AreRefused()
    {
        await HoldAsync("first");
        var taken = await Task.WhenAll(Enumerable.Range(0, 110).Select(i =>
            Api.PostAsync("analyses?wait=0", $$"""{"type":"probe","name":"n{{i.ToString(CultureInfo.InvariantCulture)}}"}""")));
        Assert.Equal(100, taken.Count(a => a.Status == 202));
        var refused = taken.Where(a => a.Status != 202).ToList();
        Assert.All(
            refused, a => Assert.Equal("100 analyses wait already. Send it when one has ended.", a.Expect(429)["title"].GetString()));
        Assert.All(refused, a => Assert.NotNull(a.Message.Headers.RetryAfter));
        (await Api.PostAsync("analyses?wait=0", """{"type":"probe","name":"first","does":"hold"}""")).Expect(202);
    }

    [Fact]
    public async Task Run_SeesOneMoment_AndMembershipIsMaintainedBesides()
    {
        (await Api.PutAsync("segments/all", """{"rule":{"combinator":"and","rules":[]}}""")).Expect(201);
        var id = (await HoldAsync("a"))["id"].GetString()!;
        (await Api.PutAsync("customers/later", "{}")).Expect(201);
        await Wait.UntilAsync(
            async () => (await Api.GetAsync("segments/all/changes"))["items"].EnumerateArray().Any(), "the customer joins meanwhile");
        gate.Open.Release();
        Assert.Equal("""{"zulu":0,"alpha":0,"small":4.3E-13}""", (await EndedAsync(id))["result"].GetRawText());
    }

    [Fact]
    public async Task Outcome_IsWrittenWithItsResult_OrNotAtAll()
    {
        (await Api.PostAsync("analyses?wait=60", """{"type":"probe","does":"write","name":"written"}""")).Expect(201);
        (await Api.GetAsync("attributes/written")).Expect(200);
        var failed = (await Api.PostAsync("analyses?wait=60", """{"type":"probe","does":"write","name":"written"}""")).Expect(201);
        Assert.Equal("failed", failed["status"].GetString());
    }

    [Fact]
    public async Task Results_AreKeptForTheirDays()
    {
        var id = (await Api.PostAsync("analyses?wait=60", """{"type":"probe"}""")).Expect(201)["id"].GetString();
        await servers[0].DisposeAsync();
        await ExecuteAsync("UPDATE analyses SET finished_at = now() - interval '9 days'");
        Start(("Analyses:KeepDays", "10"));
        (await Api.PostAsync("analyses?wait=60", """{"type":"probe"}""")).Expect(201);
        (await Api.GetAsync($"analyses/{id}")).Expect(200);
        await Api.Client.GetAsync("/health/live");
        await servers[1].DisposeAsync();
        Start(("Analyses:KeepDays", "8"));
        await Wait.UntilAsync(async () => (await Api.GetAsync($"analyses/{id}")).Status == 404, "its time is over");
    }

    [Theory]
    [InlineData("[]", "", "An analysis is asked for by a JSON object: {\"type\":\"probe\", …}.")]
    [InlineData("{}", "/type", "An analysis needs a type: probe.")]
    [InlineData("""{"type":5}""", "/type", "An analysis needs a type: probe.")]
    [InlineData("""{"type":"prob"}""", "/type", "\"prob\" is no type of analysis. Known: probe. Did you mean \"probe\"?")]
    [InlineData("""{"type":"fit"}""", "/type", "\"fit\" is no type of analysis. Known: probe.")]
    [InlineData("""{"type":"probe","naem":"x"}""", "/naem", "\"naem\" is not a property here. Did you mean \"name\"?")]
    [InlineData("""{"type":"probe","size":-1}""", "/size", "size must be 0 or more.")]
    [InlineData("""{"type":"probe","size":"x"}""", "/size", "Must be an integer.")]
    [InlineData("""{"type":"probe","asOf":"x"}""", "/asOf", null)]
    [InlineData("""{"type":"probe","name":"a\u0000b"}""", "", "A string has a NUL character in it.")]
    public async Task BadRequest_IsToldWhere(string body, string place, string? text)
    {
        var refused = (await Api.PostAsync("analyses", body)).Expect(400);
        Assert.Equal([place], refused.Faults);
        Assert.Equal(text ?? refused["errors"].GetProperty(place)[0].GetString(), refused["errors"].GetProperty(place)[0].GetString());
        Assert.Empty(await Api.AllAsync("analyses"));
    }

    [Theory]
    [InlineData("POST", "analyses?wait=61", "wait", 400)]
    [InlineData("POST", "analyses?wait=-1", "wait", 400)]
    [InlineData("POST", "analyses?show=x", "show", 400)]
    [InlineData("GET", "analyses?type=prbe", "type", 400)]
    [InlineData("GET", "analyses?status=done", "status", 400)]
    [InlineData("GET", "analyses?cursor=x", "cursor", 400)]
    [InlineData("GET", "analyses/nothing", null, 404)]
    public async Task BadAddress_IsRefused(string method, string path, string? place, int status)
    {
        var refused = (await Api.SendAsync(method, path, method == "POST" ? """{"type":"probe"}""" : null)).Expect(status);
        Assert.Equal(place is null ? [] : [place], refused.Faults);
    }

    private void Start(params (string, string)[] settings) => servers.Add(new(connection, settings, services: AddProbe));

    // No other type is there.
    private void AddProbe(IServiceCollection services) =>
        services.RemoveAll<AnalysisType>().AddSingleton(gate).AddScoped<AnalysisType, ProbeAnalysis>();

    // One that runs until it is let go.
    private async Task<Answer> HoldAsync(string name)
    {
        var begun = gate.Begun.Count;
        var id = (await Api.PostAsync("analyses?wait=0", $$"""{"type":"probe","name":"{{name}}","does":"hold"}""")).Expect(202)["id"];
        await Wait.UntilAsync(() => Task.FromResult(gate.Begun.Count > begun), "it runs");
        return (await Api.GetAsync($"analyses/{id.GetString()}")).Expect(200);
    }

    private Task ReportedAsync(string id, double progress) => Wait.UntilAsync(
        async () => Math.Abs((await Api.GetAsync($"analyses/{id}"))["progress"].GetDouble() - progress) < 1e-9, "its progress is shown");

    private async Task<Answer> EndedAsync(string id)
    {
        Answer? answer = null;
        await Wait.UntilAsync(
            async () => (answer = (await Api.GetAsync($"analyses/{id}")).Expect(200))["status"].GetString() is "succeeded" or "failed",
            "it has ended");
        return answer!;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
