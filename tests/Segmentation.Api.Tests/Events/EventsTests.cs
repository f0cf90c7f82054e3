using System.Globalization;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace Segmentation.Api.Tests.Events;

/// <summary>Events over HTTP: idempotent, in any order, and what they add up to.</summary>
public sealed class EventsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Fact]
    public async Task Post_OneArrayAndNdjson_AreStoredOnce()
    {
        const string one = """{"id":"e1","customerId":"ev-1","type":"Page_Viewed","channel":"Web","occurredAt":"2024-01-01T10:00:00Z","properties":{"Category":"Shoes","n":1.50,"deep":{"x":[1,"A"]}}}""";
        Assert.Equal((1, 1, 0, 0), Counts((await Api.PostAsync("events", one)).Expect(200)));
        Assert.Equal((1, 0, 1, 0), Counts((await Api.PostAsync("events", one)).Expect(200)));
        Assert.Equal((2, 1, 1, 0), Counts((await Api.PostAsync("events", $"[{one},{one.Replace("\"e1\"", "\"e2\"")}]")).Expect(200)));
        Assert.Equal((3, 1, 2, 0), Counts((await PostLinesAsync(one, one.Replace("\"e1\"", "\"e3\""), one.Replace("\"e1\"", "\"e3\"")))));
        var events = (await Api.GetAsync("customers/ev-1/events")).Expect(200)["items"].EnumerateArray().ToList();
        Assert.Equal(3, events.Count);

        // As sent, whatever rules read.
        Assert.Equal(("Page_Viewed", "Web", "Shoes"), (events[0].GetProperty("type").GetString(), events[0].GetProperty("channel").GetString(), events[0].GetProperty("properties").GetProperty("Category").GetString()));
        Assert.Equal(3, (await Api.GetAsync("customers/ev-1")).Expect(200)["behavioral"].GetProperty("eventCount").GetInt32());
    }

    [Fact]
    public async Task Post_OnlyDuplicates_CountsThemAndRejectsNone()
    {
        string[] lines = [.. Enumerable.Range(0, 300).Select(i => $$"""{"id":"{{i}}","customerId":"twice-{{i % 7}}","type":"order_completed","amount":1,"occurredAt":"2024-01-01T00:00:00Z"}""")];
        Assert.Equal((300, 300, 0, 0), Counts(await PostLinesAsync(lines)));
        Assert.Equal((300, 0, 300, 0), Counts(await PostLinesAsync(lines)));
    }

    [Theory]
    [InlineData("""{"type":"a"}""", "/customerId")]
    [InlineData("""{"customerId":"x/y","type":"a"}""", "/customerId")]
    [InlineData("""{"customerId":"x"}""", "/type")]
    [InlineData("""{"customerId":"x","type":" "}""", "/type")]
    [InlineData("""{"customerId":"x","type":"a","occurredAt":"yesterday"}""", "/occurredAt")]
    [InlineData("""{"customerId":"x","type":"a","occurredAt":"2999-01-01T00:00:00Z"}""", "/occurredAt")]
    [InlineData("""{"customerId":"x","type":"a","amount":"5"}""", "/amount")]
    [InlineData("""{"customerId":"x","type":"a","amount":1e25}""", "/amount")]
    [InlineData("""{"customerId":"x","type":"a","currency":"EURO"}""", "/currency")]
    [InlineData("""{"customerId":"x","type":"a","properties":[1]}""", "/properties")]
    [InlineData("""{"customerId":"x","type":"a","properties":{"n":1e300}}""", "/properties")]
    [InlineData("""{"customerId":"x","type":"a","properties":{"t":"\u0000"}}""", "/properties")]
    [InlineData("""{"customerId":"x","type":"a","colour":1}""", "/colour")]
    public async Task Post_OneWithAFault_Returns400WithItsPlace(string body, string pointer)
    {
        var answer = (await Api.PostAsync("events", body)).Expect(400);
        Assert.Contains(answer.Faults, f => f.StartsWith(pointer, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Post_ManyWithFaults_KeepsTheGood()
    {
        var answer = await PostLinesAsync("""{"customerId":"mix","type":"a"}""", "nonsense", """{"customerId":"mix"}""", """{"customerId":"mix","type":"b"}""");
        Assert.Equal((4, 2, 0, 2), Counts(answer));
        Assert.Equal([2, 3], answer["errors"].EnumerateArray().Select(e => e.GetProperty("line").GetInt32()));
        (await Api.PostAsync("events", "[" + string.Join(',', Enumerable.Repeat("""{"customerId":"mix","type":"a"}""", 10_001)) + "]")).Expect(400);
    }

    [Fact]
    public async Task Post_UnknownCustomer_IsCreatedUnlessAskedNotTo()
    {
        Assert.Equal((1, 0, 0, 1), Counts((await Api.PostAsync("events?createCustomers=false", """[{"customerId":"nobody-yet","type":"a"}]""")).Expect(200)));
        (await Api.GetAsync("customers/nobody-yet")).Expect(404);
        Assert.Equal((1, 1, 0, 0), Counts((await Api.PostAsync("events", """[{"customerId":"nobody-yet","type":"a"}]""")).Expect(200)));
        (await Api.GetAsync("customers/nobody-yet")).Expect(200);
    }

    [Fact]
    public async Task Post_ALittleAheadOfTheClock_IsStoredAsNow()
    {
        var ahead = DateTimeOffset.UtcNow.AddMinutes(3).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        (await Api.PostAsync("events", $$"""{"customerId":"ahead","type":"a","occurredAt":"{{ahead}}"}""")).Expect(200);
        var at = (await Api.GetAsync("customers/ahead/events")).Expect(200)["items"][0].GetProperty("occurredAt").GetDateTimeOffset();
        Assert.True(at <= DateTimeOffset.UtcNow);
    }

    [Fact]
    public async Task OrdersAndRefunds_MakeUpTheValue_InAnyOrder()
    {
        await PostLinesAsync(
            """{"customerId":"val","id":"3","type":"order_refunded","amount":-2.50,"occurredAt":"2024-03-03T00:00:00Z"}""",
            """{"customerId":"val","id":"2","type":"ORDER_Completed","amount":10.1,"occurredAt":"2024-03-02T00:00:00Z"}""",
            """{"customerId":"val","id":"1","type":"order_completed","amount":-1,"occurredAt":"2024-03-01T00:00:00Z"}""",
            """{"customerId":"val","id":"4","type":"order_refunded","amount":2.5,"occurredAt":"2024-03-04T00:00:00Z"}""",
            """{"customerId":"val","id":"5","type":"order_completed","occurredAt":"2024-03-05T00:00:00Z"}""",
            """{"customerId":"val","id":"6","type":"page_viewed","amount":100,"occurredAt":"2024-02-01T00:00:00Z"}""");
        var customer = (await Api.GetAsync("customers/val")).Expect(200);
        var value = customer["value"];
        Assert.Equal(
            (4.1m, 3, "2024-03-01T00:00:00Z", "2024-03-05T00:00:00Z"),
            (value.GetProperty("lifetimeValue").GetDecimal(), value.GetProperty("orderCount").GetInt32(), value.GetProperty("firstOrderAt").GetString(), value.GetProperty("lastOrderAt").GetString()));
        Assert.Equal(Math.Round(9.1m / 3, 8), value.GetProperty("averageOrderValue").GetDecimal());
        Assert.Equal(("2024-02-01T00:00:00Z", "2024-03-05T00:00:00Z"), (customer["firstSeenAt"].GetString(), customer["lastSeenAt"].GetString()));
        foreach (var (asOf, expected) in new[] { ("2024-03-02T12:00:00Z", 9.1m), ("2024-03-03T12:00:00Z", 6.6m), ("2024-02-28T00:00:00Z", 0m) })
        {
            var answer = (await Api.PostAsync("segments/preview", $$$"""{"asOf":"{{{asOf}}}","rule":{"combinator":"and","rules":[{"field":"customer.id","operator":"=","value":"val"},{"field":"value.lifetimeValue","operator":"=","value":"{{{expected.ToString(CultureInfo.InvariantCulture)}}}"}]}}""")).Expect(200);
            Assert.Equal(1, answer["count"].GetInt32());
        }
    }

    [Fact]
    public async Task List_IsNewestFirstAndPaged()
    {
        await PostLinesAsync([.. Enumerable.Range(0, 25).Select(i => $$"""{"customerId":"paged","id":"{{i}}","type":"a","occurredAt":"2024-01-{{(i % 5) + 1:00}}T00:00:00Z"}""")]);
        var events = await Api.AllAsync("customers/paged/events", 4);
        Assert.Equal(25, events.Select(e => e.GetProperty("id").GetString()).Distinct().Count());
        var times = events.Select(e => e.GetProperty("occurredAt").GetString()!).ToList();
        Assert.Equal(times.OrderDescending(StringComparer.Ordinal), times);
        (await Api.GetAsync("customers/never-seen/events")).Expect(404);
    }

    [Fact]
    public async Task ConcurrentBatchesOfTheSameEvents_StoreEachOnce()
    {
        string[] lines = [.. Enumerable.Range(0, 500).Select(i => $$"""{"id":"{{i}}","customerId":"race-{{i % 13}}","type":"order_completed","amount":1,"occurredAt":"2024-01-01T00:00:00Z"}""")];
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(n => PostLinesAsync([.. lines.OrderBy(l => (l.GetHashCode(StringComparison.Ordinal) * (n + 1)) % 97)])));
        Assert.Equal(500, answers.Sum(a => Counts(a).Stored));
        Assert.All(answers, a => Assert.Equal(0, Counts(a).Rejected));
        var total = 0m;
        foreach (var i in Enumerable.Range(0, 13))
        {
            total += (await Api.GetAsync($"customers/race-{i}")).Expect(200)["value"].GetProperty("lifetimeValue").GetDecimal();
        }

        Assert.Equal(500, total);
    }

    [Fact]
    public void RandomEvents_CountersEqualAFreshSum()
    {
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            var id = $"prop-{seed}";
            var sent = Enumerable.Range(0, random.Next(1, 30)).Select(_ => (Id: random.Next(12), Type: new[] { "order_completed", "order_refunded", "x" }[random.Next(3)], Amount: random.Next(4) == 0 ? (decimal?)null : random.Next(-500, 5000) / 100m, Hour: random.Next(10_000))).ToList();
            foreach (var batch in sent.Chunk(random.Next(1, 10)))
            {
                PostLinesAsync([.. batch.Select(e => JsonSerializer.Serialize(new { id = $"{e.Id}", customerId = id, type = e.Type, amount = e.Amount, occurredAt = DateTimeOffset.UnixEpoch.AddHours(400_000 + e.Hour) }))]).GetAwaiter().GetResult();
            }

            var kept = sent.DistinctBy(e => e.Id).ToList();
            var value = Api.GetAsync($"customers/{id}").GetAwaiter().GetResult().Expect(200);
            Assert.Equal(kept.Count, value["behavioral"].GetProperty("eventCount").GetInt32());
            Assert.Equal(kept.Count(e => e.Type == "order_completed"), value["value"].GetProperty("orderCount").GetInt32());
            Assert.Equal(
                kept.Sum(e => e.Type == "order_completed" ? e.Amount ?? 0 : e.Type == "order_refunded" ? -Math.Abs(e.Amount ?? 0) : 0),
                value["value"].GetProperty("lifetimeValue").GetDecimal());
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(60));
    }

    private async Task<Answer> PostLinesAsync(params string[] lines) =>
        (await Api.SendAsync("POST", "events", Encoding.UTF8.GetBytes(string.Join('\n', lines)), "application/x-ndjson", [])).Expect(200);

    private static (int Received, int Stored, int Duplicates, int Rejected) Counts(Answer answer) => (
        answer["received"].GetInt32(), answer["stored"].GetInt32(), answer["duplicates"].GetInt32(), answer["rejected"].GetInt32());
}
