using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.Rights;
using Segmentation.Api.Tests.Playbooks;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Rights;

/// <summary>Events and customers go when their time is over; what events added up to stays.</summary>
public sealed partial class RetentionTests : IAsyncLifetime
{
    private const int Days = 100;

    private static readonly string[] Types = ["order_completed", "order_refunded", "feedback", "page_viewed"];

    private readonly TestDatabase databases = new();
    private string connectionString = "";

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connectionString = await databases.CreateDatabaseAsync();
    }

    public Task DisposeAsync() => databases.DisposeAsync();

    [Fact]
    public async Task Events_OlderThanTheyAreKept_Go_AndWhatTheyAddedUpToStays()
    {
        var now = DateTimeOffset.UtcNow;
        string[] sums, past;
        await using (var before = new ApiFixture.Server(connectionString))
        {
            await SendAsync(before.Api, now, customers: 40, seed: 7);
            (await before.Api.PostAsync("segments", Segment("viewers", Viewed(300)))).Expect(201);
            (await before.Api.PostAsync("segments", Segment("lately", Viewed(30)))).Expect(201);
            await Wait.UntilAsync(
                async () => await CountAsync("SELECT count(*) FROM memberships WHERE left_batch IS NULL") > 20, "members");
            sums = await SumsAsync();
            past = await PastAsync(before.Api, now);
        }

        // Nothing changes before the first night.
        Assert.True(await CountAsync($"SELECT count(*) FROM events WHERE occurred_at < now() - interval '{Days} days'") > 100);
        await using var server = new ApiFixture.Server(connectionString, [("Retention:EventsDays", $"{Days}")]);
        await Wait.UntilAsync(
            async () => await CountAsync($"SELECT count(*) FROM events WHERE occurred_at < now() - interval '{Days + 1} days'") == 0,
            "the old events' end");
        Assert.True(await CountAsync("SELECT count(*) FROM events") > 100);
        Assert.Equal(sums, await SumsAsync());
        Assert.Equal(past, await PastAsync(server.Api, now));

        // Who is a member by events that went leaves, because time passed; nobody leaves that window which is kept.
        await Wait.UntilAsync(
            async () => await CountAsync(
                "SELECT count(*) FROM memberships m JOIN segments s ON s.id = m.segment_id WHERE s.key = 'viewers' AND left_batch IS NULL")
                == await CountAsync(
                    "SELECT count(DISTINCT customer_key) FROM events WHERE type = 'page_viewed'"),
            "memberships by what is kept");
        // Or, of one that was scored in the same second, by that.
        Assert.Subset(
            new HashSet<long> { (long)MembershipCause.Time, (long)MembershipCause.Score },
            (await ListAsync("SELECT DISTINCT left_cause::bigint FROM memberships WHERE left_batch IS NOT NULL")).ToHashSet());
        Assert.Equal(0, await CountAsync(
            "SELECT count(*) FROM memberships m JOIN segments s ON s.id = m.segment_id WHERE s.key = 'lately' AND left_batch IS NOT NULL"));

        // The latest feedback is that of which the events are kept.
        Assert.Equal(0, await CountAsync(
            """
            SELECT count(*) FROM customers c WHERE sentiment_at1 IS DISTINCT FROM
                (SELECT max(occurred_at) FROM events e WHERE e.customer_key = c.key AND e.sentiment IS NOT NULL)
            """));

        // A late event adds to what stayed.
        var (count, value) = (await CountAsync("SELECT event_count FROM customers WHERE id = 'c0'"), await ValueAsync());
        (await server.Api.PostAsync("events", Event("c0", "late", "order_completed", now.AddDays(-Days + 1), 5))).Expect(200);
        Assert.Equal(count + 1, await CountAsync("SELECT event_count FROM customers WHERE id = 'c0'"));
        Assert.Equal(value + 5, await ValueAsync());

        async Task<decimal> ValueAsync() =>
            (await server.Api.GetAsync("customers/c0")).Expect(200)["value"].GetProperty("lifetimeValue").GetDecimal();
    }

    [Fact]
    public async Task AsOf_BeforeTheHorizon_IsRefusedWhereverItIsTaken_AndSoAreEventsOfBefore()
    {
        await using var server = new ApiFixture.Server(connectionString, [("Retention:EventsDays", $"{Days}")]);
        var api = server.Api;
        (await api.PutAsync("customers/c", "{}")).Expect(201);
        (await api.PostAsync("segments", Segment("s", Viewed(30)))).Expect(201);
        (await api.PostAsync("segments", Segment("t", Viewed(60)))).Expect(201);
        var (before, after) = (DateTimeOffset.UtcNow.AddDays(-Days).AddMinutes(-1), DateTimeOffset.UtcNow.AddDays(-Days).AddHours(1));
        var (old, kept) = (Text(before), Text(after));
        foreach (var path in new[]
        {
            "segments/s/members", "segments/s/count", "segments/s/members/c", "segments/s/explain/c", "customers/c/segments",
            "rfm", "segments/s/retention", "segments/s/feedback", "segments/s/performance", "portfolio", "segments/s/forecast",
            "segments/s/brief",
        })
        {
            var refused = (await api.GetAsync($"{path}?asOf={old}")).Expect(400);
            Assert.Equal((path, "asOf"), (path, Assert.Single(refused.Faults)));
            Assert.Contains("is no longer kept", refused.Body, StringComparison.Ordinal);
            Assert.NotEqual("asOf", (await api.GetAsync($"{path}?asOf={kept}")).Faults.FirstOrDefault());
        }

        // Of what counts events the stretch has to be kept, too; what is told from stored membership is right however old it is.
        var placement = await api.MakePlacementAsync("string");
        var playbook = await api.MakePlaybookAsync($$"""{"key":"a","placement":"{{placement}}","content":"x"}""");
        foreach (var path in new[]
        {
            "segments/s/performance", "segments/s/retention", "segments/s/feedback", $"playbooks/{playbook}/report",
        })
        {
            var refused = (await api.GetAsync($"{path}?from={old}")).Expect(400);
            Assert.Equal((path, "from"), (path, Assert.Single(refused.Faults)));
            Assert.Contains("is no longer kept", refused.Body, StringComparison.Ordinal);
            refused = (await api.GetAsync($"{path}?to={old}")).Expect(400);
            Assert.Equal((path, "to"), (path, Assert.Single(refused.Faults)));
            (await api.GetAsync(path)).Expect(200);
        }

        (await api.GetAsync($"segments/s/performance?from={kept}")).Expect(200);
        Assert.Equal(["days"], (await api.GetAsync($"portfolio?days={Days + 1}")).Expect(400).Faults);
        Assert.Equal(90, (await api.GetAsync("portfolio")).Expect(200)["days"].GetInt32());
        foreach (var path in new[] { "segments/s/trend", "segments/s/changes", "customers/c/changes" })
        {
            (await api.GetAsync($"{path}?from={old}")).Expect(200);
        }

        (await api.GetAsync($"segments/s/forecast?membership=rule")).Expect(200);
        (await api.GetAsync($"segments/s/brief")).Expect(200);
        foreach (var (path, body, pointer) in new[]
        {
            ("segments/preview", Body(All(), $"\"asOf\":\"{old}\""), "/asOf"),
            ("segments/compile", Body(All(), $"\"asOf\":\"{old}\""), "/asOf"),
            ("segments/transitions", $$"""{"states":["s"],"at":["{{old}}","{{old}}"],"asOf":"{{old}}"}""", "/asOf"),
            ("segments/transitions", $$"""{"states":["s","t"],"at":["{{old}}","{{kept}}"],"membership":"rule"}""", "/at"),
            ("analyses?wait=0", $$"""{"type":"rfm","asOf":"{{old}}"}""", "/asOf"),
            ("decisions", $$"""{"visitorId":"v","at":"{{old}}"}""", "/at"),
            ("events", Event("c", "1", "page_viewed", before), "/occurredAt"),
        })
        {
            var refused = (await api.PostAsync(path, body)).Expect(400);
            Assert.Equal((path, pointer), (path, Assert.Single(refused.Faults)));
            Assert.Contains("is no longer kept", refused.Body, StringComparison.Ordinal);
        }

        (await api.PostAsync("segments/preview", Body(All(), $"\"asOf\":\"{kept}\""))).Expect(200);
        var both = $"[{Event("c", "2", "page_viewed", before)},{Event("c", "3", "page_viewed", after)}]";
        var some = (await api.PostAsync("events", both)).Expect(200);
        Assert.Equal((1, 1), (some["stored"].GetInt32(), some["rejected"].GetInt32()));
    }

    [Fact]
    public async Task Horizon_OfEventsThatWereDeleted_Holds_WhenTheyAreToBeKeptLonger()
    {
        await using (var before = new ApiFixture.Server(connectionString, [("Retention:EventsDays", "10")]))
        {
            await Wait.UntilAsync(async () => await CountAsync("SELECT count(*) FROM event_horizon") == 1, "a night");
        }

        await using var server = new ApiFixture.Server(connectionString);
        var preview = $"\"asOf\":\"{Text(DateTimeOffset.UtcNow.AddDays(-11))}\"";
        Assert.Equal(["/asOf"], (await server.Api.PostAsync("segments/preview", Body(All(), preview))).Expect(400).Faults);
        preview = $"\"asOf\":\"{Text(DateTimeOffset.UtcNow.AddDays(-9))}\"";
        (await server.Api.PostAsync("segments/preview", Body(All(), preview))).Expect(200);
    }

    [Fact]
    public async Task Customers_WithoutASignOfLife_AreErased_AndNobodyElse()
    {
        var now = DateTimeOffset.UtcNow;
        await using (var before = new ApiFixture.Server(connectionString))
        {
            foreach (var id in new[] { "gone", "seen", "active", "new", "restricted" })
            {
                (await before.Api.PutAsync($"customers/{id}", "{}")).Expect(201);
            }

            foreach (var name in new[] { "gone", "seen", "GONE" })
            {
                (await before.Api.PutAsync(
                    "segments/named", Segment("named", All(Is("customer.id", "=", $"\"{name}\""))))).Expect(200, 201);
            }

            (await before.Api.PutAsync("customers/restricted/restriction", """{"reason":"a lawsuit"}""")).Expect(200);
            (await before.Api.PostAsync("events", Event("gone", "1", "page_viewed", now.AddDays(-300)))).Expect(200);
            (await before.Api.PostAsync("events", Event("active", "1", "page_viewed", now.AddDays(-5)))).Expect(200);
            await ExecuteAsync(
                """
                UPDATE customers SET created_at = now() - interval '400 days', updated_at = now() - interval '201 days' WHERE id <> 'new';
                UPDATE customers SET last_seen_at = now() - interval '199 days' WHERE id = 'seen'
                """);
        }

        await using var server = new ApiFixture.Server(connectionString, [("Retention:InactiveCustomersDays", "200")]);
        await Wait.UntilAsync(async () => (await server.Api.GetAsync("customers/gone")).Status == 404, "an erasure");
        foreach (var id in new[] { "seen", "active", "new", "restricted" })
        {
            (await server.Api.GetAsync($"customers/{id}")).Expect(200);
        }

        // Definitions are looked through behind it, for all who went.
        await server.Services.GetRequiredService<ErasureKeeper>().RecheckDefinitionsAsync(CancellationToken.None);
        var receipt = Assert.Single(await server.Api.AllAsync("erasures", 10));
        Assert.Contains("segments/named", receipt.GetProperty("remaining").EnumerateArray().Select(r => r.GetString()));
        Assert.Equal(1, receipt.GetProperty("removed").GetProperty("definitions").GetInt32());
        Assert.Equal(
            ["GONE", "[erased]", "seen"],
            (await server.Api.AllAsync("segments/named/versions", 10))
                .Select(v => v.GetProperty("definition").GetProperty("rule").GetProperty("rules")[0].GetProperty("value").GetString())
                .Order(StringComparer.Ordinal));

        var entry = Assert.Single(await server.Api.AllAsync("audit?action=customers.erase", 10));
        Assert.Equal(
            ("system", "service"),
            (entry.GetProperty("actor").GetProperty("kind").GetString(), entry.GetProperty("actor").GetProperty("id").GetString()));
    }

    private static string Text(DateTimeOffset at) => at.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Event(string customer, string id, string type, DateTimeOffset at, decimal? amount = null, int? score = null) =>
        JsonSerializer.Serialize(new
        {
            id,
            customerId = customer,
            type,
            occurredAt = at,
            amount,
            properties = score is null ? null : new { nps = score },
        });

    private static string Segment(string key, string rule) => $$"""{"key":"{{key}}","name":"{{key}}","rule":{{rule}}}""";

    private static string Viewed(int days)
    {
        var since = $$"""{"mode":"relative","anchor":"now","offset":-{{days}},"unit":"day"}""";
        var events = All(Is("type", "=", "\"page_viewed\""), Is("occurredAt", ">=", since));
        return All($$"""{"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":{{events}}}""");
    }

    // Of each age, so that some customers have events of before the horizon alone.
    private static async Task SendAsync(Api api, DateTimeOffset now, int customers, int seed)
    {
        var random = new Random(seed);
        var lines = Enumerable.Range(0, customers).SelectMany(c => Enumerable.Range(0, 12).Select(i =>
        {
            var type = Types[random.Next(Types.Length)];
            var at = now.AddDays(-random.Next(c % 4 == 0 ? Days + 5 : 2, 280)).AddSeconds(-random.Next(40_000));
            decimal? amount = type.StartsWith("order", StringComparison.Ordinal) ? random.Next(1, 10_000) / 100m : null;
            return Event($"c{c}", $"{i}", type, at, amount, type == "feedback" ? random.Next(11) : null);
        }));
        (await api.SendAsync("POST", "events?createCustomers=true", string.Join('\n', lines), "application/x-ndjson")).Expect(200);
    }

    // Whom rules over the sums match at instants that are kept, by the statement; and one by one, in memory.
    private static async Task<string[]> PastAsync(Api api, DateTimeOffset now)
    {
        List<string> found = [];
        foreach (var days in new[] { Days - 1, 50, 1 })
        {
            var asOf = $"\"asOf\":\"{Text(now.AddDays(-days))}\",\"sampleSize\":100";
            foreach (var rule in new[]
            {
                Is("behavioral.eventCount", ">=", "8"), Is("value.lifetimeValue", ">", "120"), Is("value.orderCount", ">=", "2"),
                Is("value.averageOrderValue", "<", "50"), Is("value.firstOrderAt", "<", $"\"{Text(now.AddDays(-150))}\""),
                Is("value.lastOrderAt", "<", $"\"{Text(now.AddDays(-Days - 20))}\""),
                Is("behavioral.lastEventAt", "<", $"\"{Text(now.AddDays(-Days - 20))}\""),
                Is("behavioral.lastFeedbackAt", "<", $"\"{Text(now.AddDays(-Days - 20))}\""),
                Is("value.percentile", ">=", "70"),
            })
            {
                var answer = (await api.PostAsync("segments/preview", Body(All(rule), asOf))).Expect(200);
                Assert.True(answer["count"].GetInt64() > 0 || days == 1, rule);
                found.Add($"{days} {rule} " + string.Join(' ', answer["sample"].EnumerateArray()
                    .Select(c => c.ValueKind == JsonValueKind.String ? c.GetString() : c.GetProperty("id").GetString()).Order()));
            }

            found.Add($"{days} {(await api.GetAsync($"rfm?asOf={Text(now.AddDays(-days))}")).Expect(200)["customers"]}");
        }

        return [.. found];
    }

    private Task<string[]> SumsAsync() => ListTextsAsync(
        """
        SELECT concat_ws('|', id, event_count, first_event_at, last_event_at, first_seen_at, last_seen_at, order_count, order_amount,
            lifetime_value, first_order_at, last_order_at, last_feedback_at) FROM customers ORDER BY id
        """);

    private async Task<long> CountAsync(string sql) => (await ListAsync(sql)).Single();

    private async Task<List<long>> ListAsync(string sql)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var command = database.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        List<long> rows = [];
        while (await reader.ReadAsync())
        {
            rows.Add(Convert.ToInt64(reader.GetValue(0), CultureInfo.InvariantCulture));
        }

        return rows;
    }

    private async Task<string[]> ListTextsAsync(string sql)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var command = database.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        List<string> rows = [];
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return [.. rows];
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
