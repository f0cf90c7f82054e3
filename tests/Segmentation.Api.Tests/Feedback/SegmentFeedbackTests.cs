using System.Globalization;
using System.Text.Json;
using Segmentation.Api.Tests.Segments;
using Segmentation.Models.Feedback;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Tests.Feedback;

/// <summary>What a segment's members say, over HTTP, against the same counted one by one.</summary>
public sealed class SegmentFeedbackTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static readonly DateTimeOffset start = new(2026, 3, 2, 0, 0, 0, TimeSpan.Zero);

    private Api Api => fixture.Api;

    [Fact]
    public async Task Rule_EveryNumber_IsThatOfEventsOneByOne()
    {
        var (random, tag) = (new Random(3), $"f{SegmentApi.NextNumber()}");
        var customers = Enumerable.Range(0, 30).Select(i => $"{tag}-{i}").ToList();
        List<Said> said = [];
        foreach (var (i, customer) in customers.Index())
        {
            (await Api.PutAsync($"customers/{customer}", $$"""{"lastName":"{{(i < 18 ? tag : "other")}}"}""")).Expect(201);
            for (var n = random.Next(5); n > 0; n--)
            {
                said.Add(new Said(
                    customer, i < 18, start.AddMinutes(random.Next(14 * 24 * 60)), random.Next(3) == 0 ? null : random.Next(12),
                    random.Next(2) == 0 ? null : random.Next(1, 6)));
            }
        }

        foreach (var e in said)
        {
            (await SendAsync(e.Customer, e.At, Properties(e))).Expect(200);
        }

        var key = await Api.MakeSegmentAsync(RuleJson.All(RuleJson.Is("customer.lastName", "=", $"\"{tag}\"")));
        var answer = (await Api.GetAsync(
            $"segments/{key}/feedback?from={Text(start)}&to={Text(start.AddDays(14))}&interval=week&membership=rule")).Expect(200);
        var total = (await Api.GetAsync($"segments/{key}/count")).Expect(200)["total"].GetInt32();
        Assert.Equal(2, answer["items"].GetArrayLength());
        foreach (var bucket in answer["items"].EnumerateArray())
        {
            var (a, b) = (bucket.GetProperty("start").GetDateTimeOffset(), bucket.GetProperty("end").GetDateTimeOffset());
            var within = said.Where(e => e.At >= a && e.At < b).ToList();
            AssertFigures(18, within.Where(e => e.IsMember).ToList(), bucket.GetProperty("segment"));
            AssertFigures(total - 18, within.Where(e => !e.IsMember).ToList(), bucket.GetProperty("others"));
            Assert.True(bucket.GetProperty("complete").GetBoolean());
        }
    }

    [Fact]
    public async Task Terms_AreWordsOfFiveCustomersAndMore_AndTextsAreNotShown()
    {
        var tag = $"t{SegmentApi.NextNumber()}";
        foreach (var i in Enumerable.Range(0, 16))
        {
            await Api.PutAsync($"customers/{tag}-{i}", $$"""{"lastName":"{{tag}}"}""");
            var (nps, words) = i < 8 ? (10, "Wunderbar schnell geliefert") : (0, "Leider kaputt geliefert");
            var rare = i < 4 ? "selten" : "";
            (await SendAsync($"{tag}-{i}", start.AddDays(1), $$"""{"nps":{{nps}},"text":"{{words}} {{rare}} {{tag}}{{i}}"}""")).Expect(200);
        }

        var key = await Api.MakeSegmentAsync(RuleJson.All(RuleJson.Is("customer.lastName", "=", $"\"{tag}\"")));
        var answer = (await Api.GetAsync(
            $"segments/{key}/feedback?from={Text(start)}&to={Text(start.AddDays(14))}&interval=day&membership=rule")).Expect(200);
        var terms = answer["terms"];
        Assert.Equal(16, terms.GetProperty("texts").GetInt32());
        Assert.Equal(["schnell", "wunderbar"], Names("positive").Take(2));
        Assert.Equal(["kaputt", "leider"], Names("negative").Take(2));
        Assert.DoesNotContain("selten", answer.Body, StringComparison.Ordinal);
        Assert.DoesNotContain(tag + "1", answer.Body, StringComparison.OrdinalIgnoreCase);

        // Of 8 texts of each side three words a text, "geliefert" in both, "selten" in 4 and one of each alone: by the formula itself.
        var schnell = terms.GetProperty("positive")[0];
        var background = 16 + (2 * 8) + (2 * 8) + 4 + 16;
        var (positive, negative) = ((4 * 8) + 4, 4 * 8);
        var (p, n) = (8.0 + 8, 8.0);
        var expected = (Math.Log(p / (positive + background - p)) - Math.Log(n / (negative + background - n)))
            / Math.Sqrt((1 / p) + (1 / n));
        Assert.Equal(expected, schnell.GetProperty("weight").GetDouble(), 9);
        Assert.Equal((8, 0), (schnell.GetProperty("positive").GetInt32(), schnell.GetProperty("negative").GetInt32()));

        List<string?> Names(string side) => [.. terms.GetProperty(side).EnumerateArray().Select(t => t.GetProperty("term").GetString())];
    }

    [Fact]
    public async Task Kept_BeforeTheFirstStay_NobodyKnows()
    {
        var key = await Api.MakeSegmentAsync(RuleJson.All(RuleJson.Is("customer.lastName", "=", "\"nobody\"")), "\"status\":\"draft\"");
        var answer = (await Api.GetAsync($"segments/{key}/feedback?from={Text(start)}&to={Text(start.AddDays(2))}")).Expect(200);
        Assert.Equal(JsonValueKind.Null, answer["keptSince"].ValueKind);
        Assert.Equal(JsonValueKind.Null, answer["items"][0].GetProperty("segment").GetProperty("responses").ValueKind);
        answer = (await Api.GetAsync(
            $"segments/{key}/feedback?from={Text(start)}&to={Text(start.AddDays(2))}&membership=rule")).Expect(200);
        var figures = answer["items"][0].GetProperty("segment");
        Assert.Equal(0, figures.GetProperty("responses").GetInt32());
        Assert.Equal(JsonValueKind.Null, figures.GetProperty("nps").ValueKind);
        Assert.Equal(JsonValueKind.Null, figures.GetProperty("sentiment").ValueKind);
    }

    [Theory]
    [InlineData("from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from")]
    [InlineData("from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&interval=day", "interval")]
    [InlineData("membership=some", "membership")]
    [InlineData("metric=revenue", "metric")]
    public async Task Get_WrongParameter_IsRefusedAtIt(string parameters, string at)
    {
        var key = await Api.MakeSegmentAsync(RuleJson.Everyone);
        Assert.True((await Api.GetAsync($"segments/{key}/feedback?{parameters}")).Expect(400)["errors"].TryGetProperty(at, out _));
        (await Api.GetAsync("segments/no-such/feedback")).Expect(404);
    }

    private static void AssertFigures(int members, List<Said> said, JsonElement figures)
    {
        double? Get(string name) => figures.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            ? value.GetDouble()
            : null;
        double[]? Interval(string name) => figures.GetProperty(name).ValueKind == JsonValueKind.Null
            ? null
            : [.. figures.GetProperty(name).EnumerateArray().Select(v => v.GetDouble())];
        Assert.Equal((members, said.Count, said.DistinctBy(e => e.Customer).Count()), (Get("members"), Get("responses"), Get("customers")));
        var scores = said.Where(e => e.Nps <= 10).Select(e => e.Nps!.Value).ToList();
        var (p, d) = (scores.Count(s => s >= 9) / (double)scores.Count, scores.Count(s => s <= 6) / (double)scores.Count);
        Assert.Equal(scores.Count, Get("npsResponses"));
        Assert.Equal(100 * (p - d), Get("nps")!.Value, 9);
        var half = 196 * Math.Sqrt((p + d - ((p - d) * (p - d))) / scores.Count);
        Assert.Equal((100 * (p - d)) + half, Interval("npsInterval")![1], 9);
        var rated = said.Where(e => e.Csat is not null).Select(e => e.Csat!.Value).ToList();
        Assert.Equal(rated.Count(r => r >= 4) / (double)rated.Count, Get("csat")!.Value, 9);
        Assert.Equal(new Proportion(rated.Count(r => r >= 4), rated.Count).Interval().Low, Interval("csatInterval")![0], 9);
        var felt = said.Select(e => (e.Customer, Sentiment: Sentiment(e))).Where(e => e.Sentiment is not null).ToList();
        Assert.Equal(felt.Count, Get("sentimentResponses"));
        var mean = felt.Average(e => (double)e.Sentiment!.Value);
        Assert.Equal(mean, Get("sentiment")!.Value, 9);

        // By customers: those who answer twice count as one.
        var residuals = felt.GroupBy(e => e.Customer).Sum(g => Math.Pow(g.Sum(e => (double)e.Sentiment!.Value - mean), 2));
        var error = Math.Sqrt(residuals / (members - 1) / members) / (felt.Count / (double)members);
        Assert.Equal(mean - (1.96 * error), Interval("sentimentInterval")![0], 9);
    }

    private static decimal? Sentiment(Said e) => e.Nps <= 10 ? new SentimentScale(0, 10).ToSentiment(e.Nps.Value)
        : e.Csat is { } csat ? new SentimentScale(1, 5).ToSentiment(csat)
        : null;

    private static string Properties(Said e) => JsonSerializer.Serialize(
        new[] { ("nps", e.Nps), ("csat", e.Csat) }.Where(s => s.Item2 is not null).ToDictionary(s => s.Item1, s => s.Item2));

    private Task<Answer> SendAsync(string customer, DateTimeOffset at, string properties) => Api.PostAsync(
        "events", $$"""{"customerId":"{{customer}}","type":"feedback","occurredAt":"{{at:O}}","properties":{{properties}}}""");

    private static string Text(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private sealed record Said(string Customer, bool IsMember, DateTimeOffset At, int? Nps, int? Csat);
}
