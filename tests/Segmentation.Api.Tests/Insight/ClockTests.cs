using System.Globalization;
using System.Text.Json;
using Segmentation.Api.Tests.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Values;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Insight;

/// <summary>What the clock alone will do to segments, over HTTP: held against the rule evaluated as of each day.</summary>
public sealed class ClockTests(ClockTests.World world) : IClassFixture<ClockTests.World>
{
    // Beyond New Year, if the tests run late in a year, and over a change of the clocks at other times.
    private const int Days = 45;

    private Api Api => world.Api;

    public static TheoryData<string, string, string> Rules => new()
    {
        { "an age", "Europe/Berlin", Any([.. Enumerable.Range(12, 12).Select(n => Is("demographic.age", "=", $"{2 * n}"))]) },
        { "days since", "UTC", All(Is("value.daysSinceLastOrder", ">=", "60")) },
        { "in and out again", "America/Havana", All(Is("value.daysSinceLastOrder", "between", "[30,37]")) },
        { "as long ago as a field says", "UTC", All(IsField("=")) },
        { "more often than a field says", "UTC", All(IsField(">")) },
        { "a yearly window", "Asia/Kathmandu", All(Is("temporal.birthday", "between", $"[{Relative("now", 0)},{Relative("now", 6)}]")) },
        { "not in a yearly window", "UTC", All(Is("temporal.birthday", "notBetween", $"[{Relative("now", -3)},{Relative("now", 20)}]")) },
        { "a month ago", "Europe/Berlin", All(Is("value.lastOrderAt", ">=", Relative("now", -1, "month"))) },
        { "since the month's beginning", "Europe/Berlin", All(Is("value.lastOrderAt", ">=", Relative("startOfMonth", -1, "month"))) },
        { "events of some days", "Pacific/Apia", All(Orders("atLeast", -40, 2)) },
        { "no events of some days", "UTC", All(Orders("none", -33, 1)) },
        { "a sequence", "UTC", All(Is("behavioral.sequence", "=", $$"""{"steps":[{{Order(-50)}},{{Order(-9999)}}]}""")) },
        { "two clocks", "UTC", Any(Is("demographic.age", ">=", "40"), Is("value.daysSinceLastOrder", "<", "50")) },
        { "its own time of day", "UTC", All(Is("temporal.localDayOfWeek", ">=", "6"), Is("demographic.householdSize", ">", "20")) },
        { "a percentile", "UTC", All(Is("value.percentile", ">=", "50"), Is("value.daysSinceLastOrder", "<=", "40")) },
        { "the complement", "UTC", All(Is("value.daysSinceLastOrder", "<", "45")).Insert(1, "\"not\":true,") },
        { "no clock", "UTC", All(Is("value.orderCount", ">=", "2")) },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task Movers_AreThoseWhomTheRuleOfLaterDaysMoves(string about, string zone, string rule)
    {
        var key = await Api.MakeSegmentAsync(rule, $"\"status\":\"draft\",\"timeZone\":\"{zone}\"");
        await CheckAsync(key, zone, about == "no clock");
    }

    [Fact]
    public async Task Movers_SegmentWithinOne_MovesItToo()
    {
        var inner = await Api.MakeSegmentAsync(
            All(Is("value.daysSinceLastOrder", ">=", "45")), "\"status\":\"active\",\"timeZone\":\"Pacific/Apia\"");
        var outer = await Api.MakeSegmentAsync(All(In(inner), Orders("some", -80, 1)), "\"status\":\"draft\"");
        await CheckAsync(outer, "UTC", isStill: false);
    }

    [Fact]
    public async Task At_IsTheInstant_WhereOneComparisonDecides()
    {
        var key = await Api.MakeSegmentAsync(All(Is("value.daysSinceLastOrder", "<", "70")), "\"status\":\"draft\"");
        var movers = await Api.AllAsync($"segments/{key}/movers?days={Days}");
        Assert.NotEmpty(movers);
        foreach (var mover in movers)
        {
            var left = (await FindLastOrderAsync(mover)).AddDays(70);
            Assert.Equal(left, mover.GetProperty("at").GetDateTimeOffset());
            Assert.Equal(FindDay(left), mover.GetProperty("on").GetString());
            var customer = (await Api.GetAsync($"customers/{mover.GetProperty("id").GetString()}")).Expect(200)["value"];
            Assert.Equal(customer.GetProperty("lifetimeValue").GetDecimal(), mover.GetProperty("lifetimeValue").GetDecimal());
            Assert.Null(mover.GetProperty("churnRisk").GetString());
        }
    }

    [Fact]
    public async Task At_AnotherComparisonChangesOnTheSameDay_IsNull()
    {
        var key = await Api.MakeSegmentAsync(
            All(Is("value.daysSinceLastOrder", "<", "70"), Is("value.lastOrderAt", ">", Relative("now", -1682, "hour"))),
            "\"status\":\"draft\"");
        var movers = await Api.AllAsync($"segments/{key}/movers?days={Days}");
        foreach (var mover in movers)
        {
            var left = (await FindLastOrderAsync(mover)).AddDays(70);
            Assert.Equal(
                FindDay(left) == FindDay(left.AddHours(2)), mover.GetProperty("at").ValueKind == JsonValueKind.Null);
        }

        Assert.Contains(movers, m => m.GetProperty("at").GetString() is null);
    }

    [Fact]
    public async Task Forecast_ClockIsTheCountAsOfEachWeek()
    {
        foreach (var zone in new[] { "UTC", "Pacific/Apia" })
        {
            var key = await Api.MakeSegmentAsync(
                All(Is("value.daysSinceLastOrder", "<", "50")), $"\"status\":\"draft\",\"timeZone\":\"{zone}\"");
            var forecast = (await Api.GetAsync($"segments/{key}/forecast?days=34")).Expect(200);
            var now = new Evaluation(forecast["evaluatedAt"].GetDateTimeOffset(), zone);
            var clock = forecast["clock"].EnumerateArray().ToList();
            Assert.Equal(
                Enumerable.Range(1, 4).Select(w => now.Today.AddDays(7 * w).ToString("O")),
                clock.Select(c => c.GetProperty("date").GetString()));
            foreach (var day in clock)
            {
                var at = Text(Begin(now, day.GetProperty("date").GetString()!));
                var count = (await Api.GetAsync($"segments/{key}/count?asOf={at}")).Expect(200);
                Assert.Equal(count["count"].GetInt64(), day.GetProperty("size").GetInt64());
            }

            Assert.True(clock[0].GetProperty("size").GetInt64() > clock[3].GetProperty("size").GetInt64());
            Assert.Empty((await Api.GetAsync($"segments/{key}/forecast?days=6")).Expect(200)["clock"].EnumerateArray());
        }
    }

    [Fact]
    public async Task ManualAndBrokenSegments_MoveNobody()
    {
        var manual = SegmentApi.NewKey();
        (await Api.PutAsync($"segments/{manual}", """{"kind":"manual"}""")).Expect(201);
        (await Api.PutAsync($"segments/{manual}/members/clock-000", "")).Expect(200);
        Assert.Empty(await Api.AllAsync($"segments/{manual}/movers"));
        var sizes = (await Api.GetAsync($"segments/{manual}/forecast")).Expect(200)["clock"].EnumerateArray();
        Assert.All(sizes, c => Assert.Equal(1, c.GetProperty("size").GetInt64()));
    }

    [Theory]
    [InlineData("movers?days=0", "days")]
    [InlineData("movers?days=367", "days")]
    [InlineData("movers?change=stay", "change")]
    [InlineData("movers?cursor=x", "cursor")]
    [InlineData("movers?limit=0", "limit")]
    [InlineData("movers?asOf=2026-01-01T00:00:00Z", "asOf")]
    [InlineData("forecast?days=-1", "days")]
    [InlineData("forecast?days=seven", "days")]
    public async Task Get_WrongParameter_IsRefusedThere(string path, string place)
    {
        var key = await Api.MakeSegmentAsync(Everyone, "\"status\":\"draft\"");
        Assert.Equal([place], (await Api.GetAsync($"segments/{key}/{path}")).Expect(400).Faults);
    }

    [Theory]
    [InlineData("movers")]
    [InlineData("forecast")]
    public async Task Get_UnknownSegment_Is404(string path) => (await Api.GetAsync($"segments/nobody-has-it/{path}")).Expect(404);

    private async Task<DateTimeOffset> FindLastOrderAsync(JsonElement mover) =>
        (await Api.GetAsync($"customers/{mover.GetProperty("id").GetString()}")).Expect(200)["value"]
            .GetProperty("lastOrderAt").GetDateTimeOffset();

    // The first day, in UTC, at whose beginning the instant has come.
    private static string FindDay(DateTimeOffset at) => DateOnly.FromDateTime(at.UtcDateTime.AddDays(1).AddMicroseconds(-1)).ToString("O");

    private async Task CheckAsync(string key, string zone, bool isStill)
    {
        var page = (await Api.GetAsync($"segments/{key}/movers?days={Days}")).Expect(200);
        var now = new Evaluation(page["evaluatedAt"].GetDateTimeOffset(), zone);
        List<HashSet<string>> members = [];
        List<DateOnly> dates = [];
        for (var ahead = 0; ahead <= Days; ahead++)
        {
            dates.Add(now.Today.AddDays(ahead));
            var at = ahead == 0 ? now.AsOf : Begin(now, dates[^1].ToString("O"));
            var ids = await Api.AllAsync($"segments/{key}/members?fields=id&asOf={Text(at)}", 1000);
            members.Add([.. ids.Select(m => m.GetProperty("id").GetString()!)]);
        }

        foreach (var change in new[] { "leave", "join" })
        {
            var expected = world.Ids.Where(id => members[0].Contains(id) == (change == "leave"))
                .Select(id => (Id: id, On: members.FindIndex(m => m.Contains(id) != members[0].Contains(id))))
                .Where(m => m.On > 0)
                .Select(m => $"{m.Id} on {dates[m.On]:O}");
            var found = await Api.AllAsync($"segments/{key}/movers?days={Days}&change={change}", 7);
            Assert.Equal(expected, found.Select(m => $"{m.GetProperty("id").GetString()} on {m.GetProperty("on").GetString()}"));
            Assert.All(found.Where(m => m.GetProperty("at").GetString() is not null), m => Assert.Equal(
                m.GetProperty("on").GetString(),
                new Evaluation(m.GetProperty("at").GetDateTimeOffset().AddMicroseconds(-1), zone).Today.AddDays(1).ToString("O")));
        }

        Assert.Equal(isStill, members.All(m => m.SetEquals(members[0])));
    }

    private static DateTimeOffset Begin(Evaluation now, string date) =>
        now.From(new DateValue.Day(DateOnly.ParseExact(date, "O", CultureInfo.InvariantCulture)));

    private static string Text(DateTimeOffset at) => Uri.EscapeDataString(at.ToString("O", CultureInfo.InvariantCulture));

    private static string Relative(string anchor, int offset, string unit = "day") =>
        $$"""{"mode":"relative","anchor":"{{anchor}}","offset":{{offset}},"unit":"{{unit}}"}""";

    private static string Orders(string mode, int days, int count)
    {
        var match = mode == "atLeast" ? $$"""{"mode":"atLeast","threshold":{{count}}}""" : $$"""{"mode":"{{mode}}"}""";
        return $$"""{"field":"behavioral.events","operator":"=","value":{{Order(days)}},"match":{{match}}}""";
    }

    private static string Order(int days) => All(Is("type", "=", "\"order_completed\""), Is("occurredAt", ">=", Relative("now", days)));

    private static string IsField(string op) =>
        $$"""{"field":"value.daysSinceLastOrder","operator":"{{op}}","value":"demographic.householdSize","valueSource":"field"}""";

    /// <summary>Customers of all ages, with orders of the last hundred days.</summary>
    public sealed class World : IAsyncLifetime
    {
        private readonly ApiFixture fixture = new();

        public Api Api => fixture.Api;

        public IReadOnlyList<string> Ids { get; } = [.. Enumerable.Range(0, 70).Select(i => $"clock-{i:000}")];

        public async Task InitializeAsync()
        {
            await fixture.InitializeAsync();
            var (random, now) = (new Random(7), DateTime.UtcNow);
            string[] zones = ["Asia/Tokyo", "America/Lima"];
            var profiles = Ids.Select(id => $$$"""
                {"id":"{{{id}}}","demographic":{"birthDate":"{{{now.AddDays(-random.Next(9_000, 16_000)):yyyy-MM-dd}}}",
                "householdSize":{{{random.Next(1, 40)}}}},"geographic":{"timeZone":"{{{zones[random.Next(2)]}}}"}}
                """.ReplaceLineEndings(""));
            (await Api.SendAsync("POST", "customers/import", string.Join('\n', profiles), "application/x-ndjson")).Expect(200);
            var orders = from id in Ids
                         from n in Enumerable.Range(0, random.Next(0, 5))
                         select $$"""
                             {"id":"{{id}}-{{n}}","customerId":"{{id}}","type":"order_completed","amount":{{random.Next(5, 100)}},
                             "occurredAt":"{{now.AddSeconds(-random.Next(60, 100 * 86_400)):O}}"}
                             """;
            (await Api.PostAsync("events", $"[{string.Join(',', orders)}]")).Expect(200);
        }

        public Task DisposeAsync() => fixture.DisposeAsync();
    }
}
