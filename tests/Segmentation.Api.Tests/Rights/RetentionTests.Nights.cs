using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Segmentation.Api.Events;
using Segmentation.Api.Rights;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Rights;

public sealed partial class RetentionTests
{
    [Fact]
    public async Task AsOf_WhileANightStillDeletes_IsRight()
    {
        await using var server = new ApiFixture.Server(
            connectionString, [("Revenue:OrderTypes:0", "a_order"), ("Revenue:OrderTypes:1", "b_order")]);
        var (api, now) = (server.Api, DateTimeOffset.UtcNow);
        DateTimeOffset oldest = now.AddDays(-150), older = now.AddDays(-120);
        (await api.PostAsync("events", $"[{string.Join(',', Enumerable.Range(0, 10).SelectMany(i => new[]
        {
            Event($"c{i}", "1", "a_order", older.AddHours(-i), 1), Event($"c{i}", "2", "b_order", oldest.AddHours(-i), 1),
        }))}]")).Expect(200);
        foreach (var (key, rule) in new[]
        {
            ("first", Is("value.firstOrderAt", "<", $"\"{Text(now.AddDays(-130))}\"")),
            ("last", Is("value.lastOrderAt", ">", $"\"{Text(now.AddDays(-130))}\"")),
            ("event", Is("behavioral.lastEventAt", ">", $"\"{Text(now.AddDays(-130))}\"")),
        })
        {
            (await api.PostAsync("segments", Segment(key, All(rule)))).Expect(201);
        }

        // Of the two types the first goes, and then the night ends.
        await ExecuteAsync(
            """
            CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stopped'; END $$;
            CREATE TRIGGER stop BEFORE DELETE ON events FOR EACH ROW WHEN (OLD.type = 'b_order') EXECUTE FUNCTION stop()
            """);
        await using var database = NpgsqlDataSource.Create(connectionString);
        using var throttle = new IngestThrottle();
        using var watch = Watch(database);
        var stopped = Old(server, database, watch, throttle, new RevenueOptions { OrderTypes = ["a_order", "b_order"] });
        await Assert.ThrowsAsync<PostgresException>(() => stopped.DeleteAsync(CancellationToken.None));
        Assert.Equal(10, await CountAsync("SELECT count(*) FROM events"));
        Assert.Equal(10, await CountAsync("SELECT sum(forgotten_order_count)::bigint FROM customers"));

        // By the statement, in memory, and in RFM's thresholds.
        var asOf = Text(now.AddDays(-Days + 1));
        foreach (var key in new[] { "first", "last", "event" })
        {
            Assert.Equal((key, 10), (key, (await api.GetAsync($"segments/{key}/count?asOf={asOf}")).Expect(200)["count"].GetInt32()));
        }

        var segments = (await api.GetAsync($"customers/c1/segments?asOf={asOf}")).Expect(200).Body;
        Assert.All(["first", "last", "event"], key => Assert.Contains($"\"{key}\"", segments, StringComparison.Ordinal));
        var rfm = (await api.PostAsync("analyses?wait=30", $$"""{"type":"rfm","asOf":"{{asOf}}"}""")).Expect(200, 201)["result"];
        Assert.All(
            rfm.GetProperty("thresholds").GetProperty("lastOrderAt").EnumerateArray(),
            at => Assert.True(at.GetDateTimeOffset() > older.AddDays(-1)));
    }

    [Fact]
    public async Task Delete_CutShort_LosesNothing_AndTheNextRunGoesOn()
    {
        const int events = 25_000;
        await using var server = new ApiFixture.Server(connectionString);
        var now = DateTimeOffset.UtcNow;
        (await server.Api.SendAsync(
            "POST", "events?createCustomers=true", string.Join('\n', Enumerable.Range(0, events)
                .Select(i => Event($"c{i % 50}", $"{i}", "order_completed", now.AddDays(-200), 1))), "application/x-ndjson")).Expect(200);
        await using var database = NpgsqlDataSource.Create(connectionString);
        using var watch = Watch(database);
        using var throttle = new IngestThrottle();
        var old = Old(server, database, watch, throttle, new RevenueOptions());
        using (var crash = new CancellationTokenSource())
        {
            var running = old.DeleteAsync(crash.Token);
            await Wait.UntilAsync(async () => await CountAsync("SELECT count(*) FROM events") < events, "the first ones' end");
            await crash.CancelAsync();
            await running.ContinueWith(_ => { }, TaskScheduler.Default);
        }

        Assert.Equal(
            events,
            await CountAsync("SELECT (SELECT count(*) FROM events) + (SELECT sum(forgotten_order_count)::bigint FROM customers)"));
        await old.DeleteAsync(CancellationToken.None);
        Assert.Equal(0, await old.DeleteAsync(CancellationToken.None));
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM events"));
        foreach (var sum in new[] { "event_count", "order_count", "order_amount", "lifetime_value" })
        {
            Assert.Equal(events, await CountAsync($"SELECT sum({sum})::bigint FROM customers"));
            Assert.Equal(events, await CountAsync($"SELECT sum(forgotten_{sum})::bigint FROM customers"));
        }
    }

    private static EventHorizonWatch Watch(NpgsqlDataSource database) => new(
        database, new EventHorizon(new RetentionOptions { EventsDays = Days }, TimeProvider.System), TimeProvider.System,
        NullLogger<EventHorizonWatch>.Instance);

    private static OldEvents Old(
        ApiFixture.Server server, NpgsqlDataSource database, EventHorizonWatch watch, IngestThrottle throttle, RevenueOptions revenue) =>
        new(
            database, watch, new RetentionOptions { EventsDays = Days }, revenue, new FeedbackOptions(),
            new RetentionThrottle(throttle, server.Services.GetRequiredService<IServiceScopeFactory>()), TimeProvider.System);
}
