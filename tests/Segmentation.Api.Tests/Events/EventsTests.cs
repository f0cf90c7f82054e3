using System.Globalization;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Npgsql;

namespace Segmentation.Api.Tests.Events;

/// <summary>Events over HTTP: each stored once, and what they add up to at once.</summary>
public sealed class EventsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Ndjson = "application/x-ndjson";
    private static int made;

    private Api Api => fixture.Api;

    [Fact]
    public async Task Post_One_IsStoredAndListedAsSent()
    {
        var id = NewId();
        var answer = (await Api.PostAsync("events", $$"""
            {"id":"e1","customerId":"{{id}}","type":"Order_Completed","occurredAt":"2024-05-01T10:00:00.123456Z","amount":19.90,
             "currency":"eur","channel":"Web Shop","properties":{"Category":"Shoes","n":1.50,"nested":{"list":["A",null,true]} } }
            """)).Expect(200);
        Assert.Equal((1, 1, 0, 0), Counts(answer.Json));
        var e = Assert.Single(await Api.AllAsync($"customers/{id}/events"));
        Assert.Equal($"e1 {id} Order_Completed 2024-05-01T10:00:00.123456Z 19.90 EUR Web Shop", string.Join(
            ' ',
            new[] { "id", "customerId", "type", "occurredAt", "amount", "currency", "channel" }.Select(n => e.GetProperty(n).ToString())));
        Assert.Equal(
            """{"n":1.50,"nested":{"list":["A",null,true]},"Category":"Shoes"}""", JsonSerializer.Serialize(e.GetProperty("properties")));
        Assert.Equal("order_completed web shop shoes a", await ScalarAsync("""
            SELECT type || ' ' || channel || ' ' || (properties->>'Category') || ' ' || (properties#>>'{nested,list,0}')
            FROM events JOIN customers ON key = customer_key WHERE customers.id = $1
            """, id));

        var customer = (await Api.GetAsync($"customers/{id}")).Expect(200);
        Assert.Equal(19.9m, customer["value"].GetProperty("lifetimeValue").GetDecimal());
        Assert.Equal(1, customer["value"].GetProperty("orderCount").GetInt32());
        Assert.Equal("2024-05-01T10:00:00.123456Z", customer["firstSeenAt"].GetString());
        Assert.Equal("\"1\"", customer.Version);
    }

    [Fact]
    public async Task Post_SameIdAgain_KeepsTheFirst()
    {
        var (a, b) = (NewId(), NewId());
        (await Api.PostAsync("events", $$"""{"id":"e","customerId":"{{a}}","type":"order_completed","amount":10}""")).Expect(200);
        Assert.Equal(
            (1, 0, 1, 0),
            Counts((await Api.PostAsync("events", $$"""{"id":"e","customerId":"{{a}}","type":"order_completed","amount":99}"""))
                .Expect(200).Json));
        Assert.Equal((3, 1, 2, 0), Counts((await Api.PostAsync("events", $$"""
            [{"id":"e","customerId":"{{b}}","type":"order_completed","amount":1},
             {"id":"e","customerId":"{{b}}","type":"order_completed","amount":2},{"id":"e","customerId":"{{a}}","type":"x"}]
            """)).Expect(200).Json));
        Assert.Equal("10", (await ValueAsync(a)).GetProperty("lifetimeValue").GetRawText());
        Assert.Equal("1", (await ValueAsync(b)).GetProperty("lifetimeValue").GetRawText());
    }

    [Fact]
    public async Task Post_OrdersAndRefundsOutOfOrder_AddUp()
    {
        var id = NewId();
        foreach (var (type, amount, at) in new[] { ("order_completed", "50.25", "2024-03-01"), ("ORDER_COMPLETED", "null", "2024-01-01"),
            ("order_completed", "-10", "2024-02-01"), ("order_refunded", "-5.25", "2024-04-01"), ("Order_Refunded", "5", "2023-12-01"),
            ("view", "1000", "2025-01-01") })
        {
            (await Api.PostAsync($"customers/{id}/events", $$"""{"type":"{{type}}","amount":{{amount}},"occurredAt":"{{at}}T00:00:00Z"}"""))
                .Expect(200);
        }

        var customer = (await Api.GetAsync($"customers/{id}")).Expect(200);
        var value = customer["value"];
        Assert.Equal(30.00m, value.GetProperty("lifetimeValue").GetDecimal());
        Assert.Equal(3, value.GetProperty("orderCount").GetInt32());
        Assert.Equal(13.41666667m, value.GetProperty("averageOrderValue").GetDecimal());
        Assert.Equal(
            ("2024-01-01T00:00:00Z", "2024-03-01T00:00:00Z"),
            (value.GetProperty("firstOrderAt").GetString(), value.GetProperty("lastOrderAt").GetString()));
        Assert.Equal("""{"lastEventAt":"2025-01-01T00:00:00Z","eventCount":6}""", customer["behavioral"].GetRawText());
        Assert.Equal(
            ("2023-12-01T00:00:00Z", "2025-01-01T00:00:00Z"), (customer["firstSeenAt"].GetString(), customer["lastSeenAt"].GetString()));
    }

    public static TheoryData<string, string[]> Invalid => new()
    {
        { "{}", ["/customerId", "/type"] },
        { """{"customerId":"a/b","type":"x"}""", ["/customerId"] },
        { """{"customerId":"ID","type":"  "}""", ["/type"] },
        { """{"customerId":"ID","type":5}""", ["/type"] },
        { $$"""{"customerId":"ID","type":"{{new string('x', 129)}}","channel":"{{new string('x', 129)}}","id":""}""",
            ["/channel", "/id", "/type"] },
        { """{"customerId":"ID","type":"a\u0000"}""", ["/type"] },
        { """{"customerId":"ID","type":"x","id":"a\u0001"}""", ["/id"] },
        { """{"customerId":"ID","type":"x","occurredAt":"2999-01-01T00:00:00Z"}""", ["/occurredAt"] },
        { """{"customerId":"ID","type":"x","occurredAt":"2024-01-01"}""", ["/occurredAt"] },
        { """{"customerId":"ID","type":"x","amount":"5"}""", ["/amount"] },
        { """{"customerId":"ID","type":"x","amount":1e18}""", ["/amount"] },
        { """{"customerId":"ID","type":"x","currency":"EURO"}""", ["/currency"] },
        { """{"customerId":"ID","type":"x","currency":"€€€"}""", ["/currency"] },
        { """{"customerId":"ID","type":"x","properties":[]}""", ["/properties"] },
        { """{"customerId":"ID","type":"x","properties":{"a":"b\u0000"}}""", ["/properties"] },
        { """{"customerId":"ID","type":"x","properties":{"a\u0000":1}}""", ["/properties"] },
        { """{"customerId":"ID","type":"x","properties":{"a":"\udc00"}}""", ["/properties"] },
        { $$$"""{"customerId":"ID","type":"x","properties":{"a":{{{new string('[', 10)}}}{{{new string(']', 10)}}}}}""", ["/properties"] },
        { $$$"""{"customerId":"ID","type":"x","properties":{"a":"{{{new string('x', 33_000)}}}"}}""", ["/properties"] },
        { """{"customerId":"ID","type":"x","properties":{"a":1,"a":2}}""", ["*"] },
        { """{"customerId":"ID","type":"x","properties":{"a":{"b":1,"b":2}}}""", ["*"] },
        { """{"customerId":"ID","type":"x","propertys":{}}""", ["/propertys"] },
        { """{"customerId":"\ud800","type":"x"}""", ["*"] },
        { "5", ["*"] },
        { "null", [""] },
        { "{", [""] },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public async Task Post_InvalidOne_Returns400WithPointers(string body, string[] pointers)
    {
        var answer = (await Api.PostAsync("events", body.Replace("ID", NewId()))).Expect(400);
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.DoesNotContain("System.", answer.Body);
        if (pointers is not ["*"])
        {
            Assert.Equal(pointers, answer.Faults);
        }
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public async Task Post_InvalidAmongOthers_IsRejectedAlone(string body, string[] pointers)
    {
        var id = NewId();
        var good = $$"""{"customerId":"{{id}}","type":"view"}""";
        body = body.Replace("ID", id);
        var lines = (await Api.SendAsync("POST", "events", $"{good}\n\n{body}\r\n{good}", Ndjson)).Expect(200).Json;
        Assert.Equal((3, 2, 0, 1), Counts(lines));
        Assert.Equal(3, Assert.Single(lines.GetProperty("errors").EnumerateArray()).GetProperty("line").GetInt32());
        if (body != "{")
        {
            var array = (await Api.PostAsync("events", $"[{good},{body},{good}]")).Expect(200).Json;
            Assert.Equal((3, 2, 0, 1), Counts(array));
            var error = Assert.Single(array.GetProperty("errors").EnumerateArray());
            Assert.Equal(1, error.GetProperty("index").GetInt32());
            Assert.StartsWith("/1", error.GetProperty("pointer").GetString(), StringComparison.Ordinal);
            Assert.True(
                pointers is [""] or ["*"] || error.GetProperty("message").GetString()!.Contains(pointers[0][1..], StringComparison.Ordinal),
                error.GetRawText());
        }
    }

    [Fact]
    public async Task Post_SlightlyAhead_IsStoredAsNow()
    {
        var id = NewId();
        var ahead = DateTimeOffset.UtcNow.AddMinutes(4).ToString("O", CultureInfo.InvariantCulture);
        (await Api.PostAsync("events", $$"""{"customerId":"{{id}}","type":"x","occurredAt":"{{ahead}}"}""")).Expect(200);
        Assert.InRange(
            Assert.Single(await Api.AllAsync($"customers/{id}/events")).GetProperty("occurredAt").GetDateTimeOffset(),
            DateTimeOffset.UtcNow.AddMinutes(-1),
            DateTimeOffset.UtcNow);
    }

    [Fact]
    public async Task Post_UnknownCustomerNotToBeCreated_IsRejected()
    {
        var (known, unknown) = (NewId(), NewId());
        (await Api.PutAsync($"customers/{known}", "{}")).Expect(201);
        var answer = (await Api.PostAsync(
            "events?createCustomers=false", $$"""[{"customerId":"{{unknown}}","type":"x"},{"customerId":"{{known}}","type":"x"}]"""))
            .Expect(200).Json;
        Assert.Equal((2, 1, 0, 1), Counts(answer));
        Assert.Equal(0, answer.GetProperty("errors")[0].GetProperty("index").GetInt32());
        Assert.Equal("/0/customerId", answer.GetProperty("errors")[0].GetProperty("pointer").GetString());
        Assert.Equal(
            ["/customerId"],
            (await Api.PostAsync("events?createCustomers=false", $$"""{"customerId":"{{unknown}}","type":"x"}""")).Expect(400).Faults);
        (await Api.GetAsync($"customers/{unknown}")).Expect(404);
        (await Api.PostAsync("events?createCustomers=maybe", "{}")).Expect(400);
    }

    [Fact]
    public async Task Post_OtherCustomerThanThePath_Returns400() =>
        Assert.Equal(
            ["/customerId"],
            (await Api.PostAsync($"customers/{NewId()}/events", """{"customerId":"other","type":"x"}""")).Expect(400).Faults);

    [Fact]
    public async Task Post_TooMany_Returns400_AndOtherMediaType415()
    {
        Assert.Equal([""], (await Api.PostAsync("events", $"[{string.Join(',', Enumerable.Repeat("0", 10_001))}]")).Expect(400).Faults);
        (await Api.SendAsync("POST", "events", "x", "text/csv")).Expect(415);
        (await Api.PostAsync("events", $"\"{new string('x', 17 * 1024 * 1024)}\"", ("Expect", "100-continue"))).Expect(413);
        Assert.Equal((0, 0, 0, 0), Counts((await Api.PostAsync("events", "[]")).Expect(200).Json));
    }

    [Fact]
    public async Task Post_SumsPastWhatCanBeReadBack_RefusesTheEventsThatDoIt()
    {
        var (id, other) = (NewId(), NewId());
        var big = $$"""{"customerId":"{{id}}","type":"order_completed","amount":600000000000000000}""";
        var answer = (await Api.PostAsync(
            "events", $$"""[{"customerId":"{{other}}","type":"x"},{{big}},{{big}},{"customerId":"{{other}}","type":"y"}]"""))
            .Expect(200).Json;
        Assert.Equal((4, 3, 0, 1), Counts(answer));
        Assert.Equal(600000000000000000m, (await ValueAsync(id)).GetProperty("lifetimeValue").GetDecimal());
        Assert.Equal(["/amount"], (await Api.PostAsync("events", big)).Expect(400).Faults);
    }

    [Fact]
    public async Task List_NewestFirst_SeesEachOnce()
    {
        var id = NewId();
        (await Api.SendAsync(
            "POST",
            "events",
            string.Join('\n', Enumerable.Range(0, 23).Select(i =>
                $$"""{"id":"e {{i:00}}","customerId":"{{id}}","type":"x","occurredAt":"2024-01-{{(i / 2) + 1:00}}T00:00:00Z"}""")),
            Ndjson)).Expect(200);
        var events = await Api.AllAsync($"customers/{id}/events", limit: 4);
        Assert.Equal(Enumerable.Range(0, 23).Reverse().Select(i => $"e {i:00}"), events.Select(e => e.GetProperty("id").GetString()));
        Assert.Equal(["cursor"], (await Api.GetAsync($"customers/{id}/events?cursor=WyJ4Il0")).Expect(400).Faults);
    }

    [Fact]
    public async Task Post_Ndjson_ManyBatches_CountsAreExact()
    {
        var id = NewId();
        var body = string.Join(
            '\n',
            Enumerable.Range(0, 12_345)
                .Select(i => $$"""{"id":"{{i % 12_000}}","customerId":"{{id}}-{{i % 100}}","type":"order_completed","amount":0.01}"""));
        Assert.Equal((12_345, 12_000, 345, 0), Counts((await Api.SendAsync("POST", "events", body, Ndjson)).Expect(200).Json));
        Assert.Equal(12_000L, await ScalarAsync("SELECT sum(event_count) FROM customers WHERE id LIKE $1", $"{id}-%"));
        Assert.Equal(120.00m, await ScalarAsync("SELECT sum(lifetime_value) FROM customers WHERE id LIKE $1", $"{id}-%"));
        await AssertCountersAsync();
    }

    [Fact]
    public async Task Post_SameEventsAtOnce_StoresEachOnce()
    {
        var id = NewId();
        string Body(int seed) => string.Join(
            '\n',
            Enumerable.Range(0, 2000)
                .OrderBy(i => HashCode.Combine(i, seed))
                .Select(i => $$"""{"id":"{{i}}","customerId":"{{id}}-{{i % 300}}","type":"order_completed","amount":{{i}}}"""));
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(seed => Api.SendAsync("POST", "events", Body(seed), Ndjson)));
        Assert.Equal(2000, answers.Sum(a => a.Expect(200)["stored"].GetInt32()));
        Assert.Equal(10_000, answers.Sum(a => a["duplicates"].GetInt32()));
        await AssertCountersAsync();
    }

    [Fact]
    public async Task Erasure_WhileEventsArrive_LeavesNoneBehind()
    {
        var id = NewId();
        var writing = Task.WhenAll(Enumerable.Range(0, 40).Select(async i => (await Api.PostAsync(
            "events",
            $$"""[{"customerId":"{{id}}","type":"x"},{"customerId":"{{id}}","type":"order_completed","amount":{{i}}}]""")).Expect(200)));
        while (!writing.IsCompleted)
        {
            (await Api.DeleteAsync($"customers/{id}")).Expect(204);
        }

        await writing;
        Assert.Equal(
            0L, await ScalarAsync("SELECT count(*) FROM events WHERE NOT EXISTS (SELECT FROM customers WHERE key = customer_key)"));
        await AssertCountersAsync();
        (await Api.DeleteAsync($"customers/{id}")).Expect(204);
        (await Api.GetAsync($"customers/{id}/events")).Expect(404);
        Assert.Equal(
            0L, await ScalarAsync("SELECT count(*) FROM events WHERE NOT EXISTS (SELECT FROM customers WHERE key = customer_key)"));
    }

    [Fact]
    public void Counters_AfterAnyBatches_EqualAFreshAggregate()
    {
        var type = Gen.Elements("order_completed", "Order_Completed", "order_refunded", "view", "ORDER_REFUNDED");
        var amount = Gen.Elements("null", "0", "10", "-3.5", "0.000000001", "99999.99", "12.50");
        var e = from who in Gen.Choose(0, 3)
                from id in Gen.Choose(0, 15)
                from day in Gen.Choose(1, 28)
                from t in type
                from a in amount
                let at = $"2024-01-{day:00}T00:00:00Z"
                select (who,
                    Text: $$"""{"id":"{{id}}","customerId":"CUSTOMER-{{who}}","type":"{{t}}","amount":{{a}},"occurredAt":"{{at}}"}""");
        var batches = e.ListOf().ListOf();
        Prop.ForAll(batches.ToArbitrary(), lists =>
        {
            var id = NewId();
            foreach (var list in lists)
            {
                Api.PostAsync("events", $"[{string.Join(',', list.Select(x => x.Text.Replace("CUSTOMER", id)))}]").GetAwaiter().GetResult()
                    .Expect(200);
            }

            AssertCountersAsync().GetAwaiter().GetResult();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(40));
    }

    private static string NewId() => $"actor-{Interlocked.Increment(ref made)}";

    private static (int Received, int Stored, int Duplicates, int Rejected) Counts(JsonElement result) => (
        result.GetProperty("received").GetInt32(),
        result.GetProperty("stored").GetInt32(),
        result.GetProperty("duplicates").GetInt32(),
        result.GetProperty("rejected").GetInt32());

    private async Task<JsonElement> ValueAsync(string id) => (await Api.GetAsync($"customers/{id}")).Expect(200)["value"];

    // Compared from one snapshot: other tests of this class don't run at the same time, but requests of this one may.
    private async Task AssertCountersAsync() => Assert.Equal(0L, await ScalarAsync("""
        SELECT count(*) FROM customers c LEFT JOIN (
            SELECT customer_key, count(*) AS events, min(occurred_at) AS first, max(occurred_at) AS last,
                count(*) FILTER (WHERE type = 'order_completed') AS orders,
                coalesce(sum(amount) FILTER (WHERE type = 'order_completed'), 0) AS ordered,
                coalesce(sum(abs(amount)) FILTER (WHERE type = 'order_refunded'), 0) AS refunded,
                min(occurred_at) FILTER (WHERE type = 'order_completed') AS first_order,
                max(occurred_at) FILTER (WHERE type = 'order_completed') AS last_order
            FROM events GROUP BY customer_key) e ON e.customer_key = c.key
        WHERE (event_count, order_count, order_amount, lifetime_value,
            first_event_at, last_event_at, first_order_at, last_order_at, first_seen_at, last_seen_at)
            IS DISTINCT FROM (coalesce(events, 0), coalesce(orders, 0), coalesce(ordered, 0), coalesce(ordered - refunded, 0),
            first, last, first_order, last_order, first, last)
        """));

    private async Task<object?> ScalarAsync(string sql, params string[] parameters)
    {
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString + ";Maximum Pool Size=1");
        await using var command = source.CreateCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = parameter });
        }

        return await command.ExecuteScalarAsync();
    }
}
