using System.Globalization;
using System.Text.Json;
using Segmentation.Api.History;
using Segmentation.Api.Tests.History;
using Segmentation.Api.Tests.Segments;
using Segmentation.Models.Forecasts;
using Segmentation.Rules;
using Segmentation.Rules.Values;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Insight;

/// <summary>What sizes are expected, over HTTP: held against the forecast of sizes that are counted one by one.</summary>
public sealed class ForecastTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static readonly DateTimeOffset Today = new(DateTime.UtcNow.Date, TimeSpan.Zero);

    private Api Api => fixture.Api;

    [Theory]
    [InlineData("UTC", 200, 30)]
    [InlineData("Asia/Kathmandu", 90, 45)]
    [InlineData("Europe/Berlin", 58, 35)]
    public async Task Kept_IsTheForecastOfTheSizesAtMidnight(string zone, int days, int ahead)
    {
        var history = await StoredHistory.BeginAsync(fixture, 60);
        var segment = await history.SegmentAsync(zone);
        var random = new Random(days);
        for (var hour = -24 * days; hour < 0; hour += random.Next(1, 20))
        {
            var joined = history.Customers.Where(c => !history.Members(segment).Contains(c) && random.Next(20) == 0).ToList();
            var left = history.Customers.Where(c => history.Members(segment).Contains(c) && random.Next(30) == 0).ToList();
            await history.ApplyAsync(segment, Today.AddHours(hour), joined, left);
        }

        await CheckAsync("", Today.AddDays(1).AddMicroseconds(-1));
        await CheckAsync($"&asOf={Text(Today.AddDays(-1).AddHours(5))}", Today.AddDays(-1).AddHours(5));

        async Task CheckAsync(string query, DateTimeOffset asOf)
        {
            var forecast = (await Api.GetAsync($"segments/{segment}/forecast?days={ahead}{query}")).Expect(200);
            var now = new Evaluation(query.Length == 0 ? forecast["evaluatedAt"].GetDateTimeOffset() : asOf, zone);
            List<double> sizes = [];
            for (var day = -days - 1; day <= 0; day++)
            {
                var at = now.From(new DateValue.Day(now.Today.AddDays(day)));
                if (history.Changes.Any(c => c.At < at))
                {
                    sizes.Add(history.Changes.Where(c => c.At < at).Sum(c => c.Kind == MembershipChange.Joined ? 1 : -1));
                }
            }

            var told = Math.Min(ahead, SizeForecast.FindLongest(sizes.Count));
            Assert.Equal(sizes.Count, forecast["sizes"].GetInt32());
            Check(forecast, now, SizeForecast.Create(sizes, told));
            Assert.Equal(told < ahead, Codes(forecast).Contains("short-history"));
            Assert.Equal(query.Length > 0, Codes(forecast).Contains("no-clock"));
        }
    }

    [Fact]
    public async Task Rule_IsTheForecastOfTheCountsAsOfEachMidnight()
    {
        var random = new Random(5);
        var events = Enumerable.Range(0, 400).Select(i => $$"""
            {"id":"f-{{i}}","customerId":"forecast-{{i % 40}}","type":"order_completed","amount":5,
            "occurredAt":"{{DateTime.UtcNow.AddHours(-random.Next(1, 150 * 24)):O}}"}
            """);
        (await Api.PostAsync("events", $"[{string.Join(',', events)}]")).Expect(200);
        var key = await Api.MakeSegmentAsync(
            All(Is("value.daysSinceLastOrder", "<", "9")), "\"status\":\"draft\",\"timeZone\":\"America/Lima\"");
        var forecast = (await Api.GetAsync($"segments/{key}/forecast?membership=rule")).Expect(200);
        var now = new Evaluation(forecast["evaluatedAt"].GetDateTimeOffset(), "America/Lima");
        List<double> sizes = [];
        for (var day = -119; day <= 0; day++)
        {
            var at = Text(now.From(new DateValue.Day(now.Today.AddDays(day))));
            sizes.Add((await Api.GetAsync($"segments/{key}/count?asOf={at}")).Expect(200)["count"].GetInt64());
        }

        Check(forecast, now, SizeForecast.Create(sizes, 30));
        Assert.Equal(4, forecast["clock"].GetArrayLength());
        Assert.True(sizes.Distinct().Count() > 5);
    }

    [Fact]
    public async Task TooShortAPast_ExpectsNothing_AndSaysWhatIsNeeded()
    {
        var key = await Api.MakeSegmentAsync(Everyone, "\"status\":\"draft\"");
        var forecast = (await Api.GetAsync($"segments/{key}/forecast")).Expect(200);
        Assert.Empty(forecast["items"].EnumerateArray());
        Assert.Empty(forecast["method"].EnumerateArray());
        Assert.Equal(JsonValueKind.Null, forecast["backtest"].ValueKind);
        Assert.Equal(JsonValueKind.Null, forecast["keptSince"].ValueKind);
        Assert.Equal(["too-few-data"], Codes(forecast));
        Assert.StartsWith(
            "56 daily sizes are needed, 0 found", forecast["warnings"][0].GetProperty("text").GetString(), StringComparison.Ordinal);

        // Filled by hand: as it stands, with a warning.
        (await Api.PutAsync($"segments/{key}-m", """{"kind":"manual"}""")).Expect(201);
        var manual = (await Api.GetAsync($"segments/{key}-m/forecast?membership=rule&days=3")).Expect(200);
        Assert.Equal(["manual"], Codes(manual));
        Assert.All(manual["items"].EnumerateArray(), i => Assert.Equal(0, i.GetProperty("size").GetDouble()));
        Assert.Equal(3, manual["items"].GetArrayLength());
    }

    private static void Check(Answer forecast, Evaluation now, SizeForecast expected)
    {
        Assert.Equal(
            expected.Days.Select((d, i) => Line(
                now.Today.AddDays(i + 1).ToString("O"), d.Size, [d.Range80.Low, d.Range80.High],
                d.Range95 is { } r ? [r.Low, r.High] : null)),
            forecast["items"].EnumerateArray().Select(i => Line(
                i.GetProperty("date").GetString()!, i.GetProperty("size").GetDouble(), Numbers(i.GetProperty("interval80"))!,
                Numbers(i.GetProperty("interval95")))));
        Assert.Equal(
            expected.Days.Select(d => JsonNamingPolicy.CamelCase.ConvertName($"{d.Method}")),
            forecast["method"].EnumerateArray().Select(m => m.GetString()!));
        var test = forecast["backtest"];
        Assert.Equal(expected.BackTest.Origins, test.GetProperty("origins").GetInt32());
        Assert.Equal(expected.BackTest.MeanAbsoluteError, test.GetProperty("meanAbsoluteError").GetDouble(), 1e-9);
        Assert.Equal(expected.BackTest.NaiveError, test.GetProperty("naiveError").GetDouble(), 1e-9);
        Assert.Equal(expected.BackTest.Coverage80, Number(test.GetProperty("coverage80")));
        Assert.Equal(expected.BackTest.Coverage95, Number(test.GetProperty("coverage95")));
    }

    private static string Line(string date, double size, double[] range80, double[]? range95) => string.Create(
        CultureInfo.InvariantCulture, $"{date} {size:F6} {range80[0]:F6} {range80[1]:F6} {range95?[0]:F6} {range95?[1]:F6}");

    private static double? Number(JsonElement e) => e.ValueKind == JsonValueKind.Null ? null : e.GetDouble();

    private static double[]? Numbers(JsonElement e) =>
        e.ValueKind == JsonValueKind.Null ? null : [.. e.EnumerateArray().Select(n => n.GetDouble())];

    private static IEnumerable<string> Codes(Answer forecast) =>
        forecast["warnings"].EnumerateArray().Select(w => w.GetProperty("code").GetString()!);

    private static string Text(DateTimeOffset at) => Uri.EscapeDataString(at.ToString("O", CultureInfo.InvariantCulture));
}
