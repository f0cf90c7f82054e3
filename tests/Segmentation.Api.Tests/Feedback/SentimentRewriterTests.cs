using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Feedback;

namespace Segmentation.Api.Tests.Feedback;

/// <summary>How stored texts follow another model: whatever happens meanwhile, in the end they are what ingest would have stored.</summary>
public sealed class SentimentRewriterTests : IAsyncLifetime
{
    private const int Customers = 1_300;

    private readonly TestDatabase databases = new();
    private readonly List<ApiFixture.Server> servers = [];
    private string connection = "";

    private ApiFixture.Server Server => servers[^1];

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connection = await databases.CreateDatabaseAsync();
        Start();
    }

    public async Task DisposeAsync()
    {
        foreach (var server in servers)
        {
            await server.DisposeAsync();
        }

        await databases.DisposeAsync();
    }

    [Fact]
    public async Task Rewriting_KilledAnywhere_EndsAsIngestWouldHaveIt_AndWritesNothingTwice()
    {
        var events = MakeEvents().ToList();
        await SendAsync("old", events);
        await RatedTexts.PutInForceAsync(Server.Services, RatedTexts.Teach(1));
        var rewriter = NewRewriter();
        Assert.True(await rewriter.StepAsync(default));
        Assert.Equal((0, true), await ReadProgressAsync());
        Assert.True(await rewriter.StepAsync(default));
        var (reached, _) = await ReadProgressAsync();
        Assert.InRange(reached!.Value, 1, long.MaxValue);

        // Another process, of which each attempt ends somewhere.
        Start();
        rewriter = NewRewriter();
        var random = new Random(5);
        for (var more = true; more;)
        {
            using var end = new CancellationTokenSource(TimeSpan.FromMilliseconds(random.Next(1, 150)));
            try
            {
                more = await rewriter.StepAsync(end.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.True(end.IsCancellationRequested);
            }
        }

        Assert.Null((await ReadProgressAsync()).Reached);
        await SendAsync("new", events);
        await AreAlikeAsync();

        // All over again: not a row is another.
        var before = await ReadRowsAsync();
        await ExecuteAsync("UPDATE sentiment_model SET rewritten_to = 0");
        await FinishAsync();
        Assert.Equal(before, await ReadRowsAsync());

        // Another one, whose rewriting begins while the one before is under way; and none at all.
        await RatedTexts.PutInForceAsync(Server.Services, RatedTexts.Teach(2));
        await NewRewriter().StepAsync(default);
        await NewRewriter().StepAsync(default);
        await RatedTexts.PutInForceAsync(Server.Services, RatedTexts.Teach(3));
        await FinishAsync();
        await SendAsync("newer", events);
        await AreAlikeAsync();
        await RatedTexts.PutInForceAsync(Server.Services, null);
        await FinishAsync();
        await SendAsync("newest", events);
        await AreAlikeAsync();
        Assert.Equal(0, await ReadAsync<long>("SELECT count(*) FROM events WHERE sentiment_source = 'model'"));
        Assert.True(await ReadAsync<long>("SELECT count(*) FROM events WHERE sentiment_source = 'words'") > 0);
    }

    [Fact]
    public async Task Event_StoredByTheModelBefore_IsFoundByTheRewriting()
    {
        await RatedTexts.PutInForceAsync(Server.Services, RatedTexts.Teach(1));
        await using var source = NpgsqlDataSource.Create(connection);
        await using var other = await source.OpenConnectionAsync();
        await using var held = await other.BeginTransactionAsync();
        await ExecuteAsync("LOCK TABLE unscored_customers IN EXCLUSIVE MODE", other);

        // It has been assessed, and is not stored yet: another model waits, in vain as long as that takes.
        var sending = SendAsync("held", ["""{"text":"It is good"}"""]);
        await Wait.UntilAsync(async () => await IsAsync("locktype = 'advisory' AND mode = 'ShareLock' AND granted"), "it is assessed");
        Assert.False(await NewRewriter().StepAsync(default));
        Assert.Equal((null, false), await ReadProgressAsync());
        await held.RollbackAsync();
        await sending;
        Assert.Equal("words", await ReadAsync<string>("SELECT sentiment_source FROM events"));
        await FinishAsync();
        Assert.Equal("model", await ReadAsync<string>("SELECT sentiment_source FROM events"));
        Assert.True(await ReadAsync<bool>("SELECT sentiment = sentiment_mean1 FROM events JOIN customers ON key = customer_key"));
    }

    [Fact]
    public async Task Event_ThatComesDuringTheChange_IsStoredByTheNewModel()
    {
        await SendAsync("before", ["""{"text":"It is good"}"""]); // The one before is known.
        await using var source = NpgsqlDataSource.Create(connection);
        await using var other = await source.OpenConnectionAsync();
        await using var change = await other.BeginTransactionAsync();
        await SentimentModels.HoldAsync(other, default);
        await using (var command = new NpgsqlCommand("UPDATE sentiment_model SET version = 1, changes = 1, weights = $1", other))
        {
            command.Parameters.AddWithValue(RatedTexts.Teach(1).ToBytes());
            await command.ExecuteNonQueryAsync();
        }

        var sending = SendAsync("during", ["""{"text":"das ist kaputt"}"""]);
        await Wait.UntilAsync(async () => await IsAsync("locktype = 'advisory' AND mode = 'ShareLock' AND NOT granted"), "it waits");
        await change.CommitAsync();
        await sending;
        Assert.Equal(
            RatedTexts.Teach(1).Score("das ist kaputt"),
            await ReadAsync<decimal>("SELECT sentiment FROM events WHERE sentiment_source = 'model'"));
    }

    // Of each customer up to three, of all kinds.
    private static IEnumerable<string?> MakeEvents()
    {
        var random = new Random(9);
        for (var i = 0; i < 3 * Customers; i++)
        {
            var said = RatedTexts.Say(random, random.Next(2) == 0);
            var (text, loud) = (JsonSerializer.Serialize(said), JsonSerializer.Serialize(said.ToUpperInvariant()));
            yield return random.Next(9) switch
            {
                0 => $$"""{"nps":{{random.Next(12)}},"text":{{text}}}""",
                1 => $$"""{"nps":"9","csat":1e400,"text":{{loud}}}""",
                2 => """{"text":"It is GOOD"}""",
                3 => """{"text":"good"}""",
                4 => """{"text":"42 !!"}""",
                5 => """{"text":{"text":"gut"},"nps":11}""",
                6 => i % 2 == 0 ? """{"text":""}""" : null,
                _ => $$"""{"text":{{text}},"Text":"x"}""",
            };
        }
    }

    private void Start() => servers.Add(new ApiFixture.Server(
        connection, services: s => s.Remove(s.Single(d => d.ImplementationType == typeof(SentimentRewriter)))));

    private SentimentRewriter NewRewriter() => ActivatorUtilities.CreateInstance<SentimentRewriter>(Server.Services);

    private async Task FinishAsync()
    {
        while (await NewRewriter().StepAsync(default))
        {
        }

        Assert.Equal((null, await ReadAsync<bool>("SELECT count(*) > 0 FROM model_versions WHERE in_force")), await ReadProgressAsync());
    }

    private async Task SendAsync(string prefix, List<string?> properties)
    {
        if (properties.Count > 1)
        {
            var profiles = Enumerable.Range(0, Customers)
                .Select(i => $$"""{"id":"{{prefix}}-{{i}}"{{(i % 3 == 0 ? ",\"demographic\":{\"language\":\"en\"}" : "")}}}""");
            (await Server.Api.SendAsync("POST", "customers/import", string.Join('\n', profiles), "application/x-ndjson")).Expect(200);
        }

        foreach (var part in properties.Index().Chunk(1000))
        {
            var events = part.Select(e => $$"""
                {"id":"e{{e.Index}}","customerId":"{{prefix}}-{{e.Index % Customers}}",
                "type":"{{(e.Index % 10 == 7 ? "Feedback" : "feedback")}}",
                "occurredAt":"2026-0{{1 + (e.Index % 7)}}-01T00:00:00Z"{{(e.Item is null ? "" : $",\"properties\":{e.Item}")}}}
                """);
            (await Server.Api.PostAsync("events?createCustomers=true", $"[{string.Join(',', events)}]")).Expect(200);
        }
    }

    // Of each customer and its likes the events and the means are the same.
    private async Task AreAlikeAsync()
    {
        Assert.Equal(0, await ReadAsync<long>(
            """
            SELECT count(*) FROM (
                SELECT split_part(c.id, '-', 2), e.id, count(DISTINCT (e.sentiment, e.sentiment_source)) AS kinds
                FROM events e JOIN customers c ON c.key = e.customer_key GROUP BY 1, 2) AS alike WHERE kinds > 1
            """));
        Assert.Equal(0, await ReadAsync<long>(
            """
            SELECT count(*) FROM (
                SELECT count(DISTINCT (sentiment_at1, sentiment_mean1, sentiment_at2, sentiment_mean2, sentiment_at3, sentiment_mean3)) AS k
                FROM customers GROUP BY split_part(id, '-', 2)) AS alike WHERE k > 1
            """));
    }

    private async Task<string> ReadRowsAsync() => await ReadAsync<string>(
        """
        SELECT (SELECT md5(string_agg(xmin::text, ',' ORDER BY customer_key, id)) FROM events)
            || (SELECT md5(string_agg(xmin::text, ',' ORDER BY key)) FROM customers)
        """);

    private async Task<(long? Reached, bool HasModel)> ReadProgressAsync()
    {
        await using var scope = Server.Services.CreateAsyncScope();
        var state = await scope.ServiceProvider.GetRequiredService<SegmentationDb>().SentimentStates.AsNoTracking().SingleAsync();
        return (state.RewrittenTo, state.Weights is not null);
    }

    private Task<bool> IsAsync(string held) => ReadAsync<bool>($"SELECT count(*) > 0 FROM pg_locks WHERE {held} "
        + "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");

    private async Task<T> ReadAsync<T>(string sql)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    private async Task ExecuteAsync(string sql, NpgsqlConnection? on = null)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var own = on is null ? await source.OpenConnectionAsync() : null;
        await using var command = new NpgsqlCommand(sql, on ?? own);
        await command.ExecuteNonQueryAsync();
    }
}
