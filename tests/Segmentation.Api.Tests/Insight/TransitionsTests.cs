using System.Text.Json;
using Segmentation.Api.History;
using Segmentation.Api.Tests.History;
using Segmentation.Api.Tests.Segments;
using Segmentation.Models.Forecasts;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Insight;

/// <summary>How customers move between segments, over HTTP: held against each customer followed by itself.</summary>
public sealed class TransitionsTests : IAsyncLifetime
{
    private const int None = 2, Absent = 3;

    private static readonly DateTimeOffset Today = new(DateTime.UtcNow.Date, TimeSpan.Zero);

    // A database of its own for each test: all customers count.
    private readonly ApiFixture fixture = new();

    private Api Api => fixture.Api;

    public Task InitializeAsync() => fixture.InitializeAsync();

    public Task DisposeAsync() => fixture.DisposeAsync();

    [Fact]
    public async Task Kept_IsEachCustomersStays()
    {
        var history = await StoredHistory.BeginAsync(fixture, 80);
        var (first, second) = (await history.SegmentAsync(), await history.SegmentAsync());

        // A third of them was there from the beginning, the others came with their first event.
        var seen = history.Customers.Select((c, i) => (c, At: Today.AddDays(i % 3 == 0 ? -200 : -(i % 50) - 1).AddHours(3)))
            .ToDictionary(c => c.c, c => c.At);
        var events = seen.Select(s => $$"""{"id":"t-{{s.Key}}","customerId":"{{s.Key}}","type":"seen","occurredAt":"{{s.Value:O}}"}""");
        (await Api.PostAsync("events", $"[{string.Join(',', events)}]")).Expect(200);
        await history.RunAsync(new Random(4), [first, second], Today.AddDays(-60), 120, TimeSpan.FromHours(12));
        var at = Enumerable.Range(0, 9).Select(i => Today.AddDays(-50 + (6 * i)).AddMinutes(7)).ToArray();
        var answer = await ReadAsync(first, second, at, "\"ahead\":4");
        Assert.Equal([first, second, "none", "absent"], answer["states"].EnumerateArray().Select(s => s.GetString()));
        Check(answer, at, 4);
        Assert.Equal(
            new[] { first, second }.Max(s => history.Changes.Where(c => c.Segment == s).Min(c => c.At)),
            answer["keptSince"].GetDateTimeOffset());

        // A period's bounds.
        var period = $$"""{"from":"{{Today.AddDays(-40):O}}","to":"{{Today:O}}","interval":"week"}""";
        var body = $$"""{"states":["{{first}}","{{second}}"],"at":{{period}}}""";
        var weeks = (await Api.PostAsync("segments/transitions", body)).Expect(200);
        var bounds = weeks["at"].EnumerateArray().Select(i => i.GetProperty("at").GetDateTimeOffset()).ToArray();
        Assert.Equal((Today.AddDays(-40), Today), (bounds[0], bounds[^1]));
        Assert.All(bounds[1..^1], b => Assert.Equal((DayOfWeek.Monday, TimeSpan.Zero), (b.DayOfWeek, b.TimeOfDay)));
        Check(weeks, bounds, 6);

        // Before it is stored who was in, nobody knows; the rest is told.
        var earlier = await ReadAsync(first, second, [Today.AddDays(-100), .. at], "\"ahead\":0");
        Assert.Equal(JsonValueKind.Null, earlier["at"][0].GetProperty("sizes").ValueKind);
        Assert.Equal("not-kept", earlier["warnings"][0].GetProperty("code").GetString());
        Assert.Equal(answer["counts"].GetRawText(), earlier["counts"].GetRawText());

        void Check(Answer told, DateTimeOffset[] instants, int ahead) =>
            CheckPaths(told, [.. history.Customers.Select(c => Array.ConvertAll(instants, i => Find(c, i)))], ahead);

        int Find(string customer, DateTimeOffset when) =>
            seen[customer] > when ? Absent : IsIn(first, customer, when) ? 0 : IsIn(second, customer, when) ? 1 : None;

        bool IsIn(string segment, string customer, DateTimeOffset when) =>
            history.Changes.LastOrDefault(c => c.Segment == segment && c.Customer == customer && c.At <= when) is
            { Kind: MembershipChange.Joined };
    }

    [Fact]
    public async Task Rule_IsTheRuleAsOfEachInstant()
    {
        var random = new Random(2);
        var events = Enumerable.Range(0, 300).Select(i => $$"""
            {"id":"r-{{i}}","customerId":"rule-{{i % 60}}","type":"order_completed","amount":5,
            "occurredAt":"{{DateTime.UtcNow.AddHours(-random.Next(1, 100 * 24)):O}}"}
            """);
        (await Api.PostAsync("events", $"[{string.Join(',', events)}]")).Expect(200);
        var recent = await Api.MakeSegmentAsync(All(Is("value.daysSinceLastOrder", "<", "7")), "\"status\":\"draft\"");
        var lapsed = await Api.MakeSegmentAsync(
            Any(Is("value.daysSinceLastOrder", ">", "30"), Is("value.lastOrderAt", "null")), "\"status\":\"draft\"");
        var at = Enumerable.Range(0, 10).Select(i => Today.AddDays(-90 + (10 * i))).ToArray();
        var customers = await Api.AllAsync("customers", 1000);
        Dictionary<string, int[]> paths = customers.ToDictionary(
            c => c.GetProperty("id").GetString()!,
            c => Array.ConvertAll(
                at, i => c.GetProperty("firstSeenAt").GetDateTimeOffset() > i ? Absent : None));
        foreach (var (i, instant) in at.Index())
        {
            foreach (var (state, key) in new[] { (1, lapsed), (0, recent) })
            {
                foreach (var member in await Api.AllAsync(
                    $"segments/{key}/members?fields=id&asOf={Uri.EscapeDataString(instant.ToString("O"))}", 1000))
                {
                    var path = paths[member.GetProperty("id").GetString()!];
                    path[i] = path[i] == Absent ? Absent : state;
                }
            }
        }

        var answer = await ReadAsync(recent, lapsed, at, "\"membership\":\"rule\"");
        CheckPaths(answer, [.. paths.Values], 6);
        Assert.Contains(paths.Values, p => p[0] == Absent);
    }

    [Theory]
    [InlineData("""{"at":["2026-01-01T00:00:00Z","2026-02-01T00:00:00Z"]}""", "/states")]
    [InlineData("""{"states":["a"],"at":[]}""", "/states")]
    [InlineData("""{"states":["SEGMENT","nobody"],"at":[]}""", "/states/1")]
    [InlineData("""{"states":["SEGMENT","SEGMENT"],"at":[]}""", "/states/1")]
    [InlineData("""{"states":["SEGMENT","OTHER"]}""", "/at")]
    [InlineData("""{"states":["SEGMENT","OTHER"],"at":["2026-01-01T00:00:00Z"]}""", "/at")]
    [InlineData("""{"states":["SEGMENT","OTHER"],"at":["2026-01-01T00:00:00Z",5]}""", "/at/1")]
    [InlineData("""{"states":["SEGMENT","OTHER"],"at":["2026-01-01T00:00:00Z","2026-01-01T00:00:00Z"]}""", "/at/1")]
    [InlineData("""{"states":["SEGMENT","OTHER"],"at":["2026-01-01T00:00:00Z","2126-01-01T00:00:00Z"]}""", "/at/1")]
    [InlineData("""{"states":["SEGMENT","OTHER"],"at":"2026-01-01T00:00:00Z"}""", "/at")]
    [InlineData("""{"states":["SEGMENT","OTHER"],"at":{"from":"2026-01-01T00:00:00Z","until":"x","interval":"day"}}""", "/at/until")]
    [InlineData("""{"states":["SEGMENT","OTHER"],"at":{"from":"2026-01-01T00:00:00Z","interval":"year"}}""", "/at/interval")]
    [InlineData("""{"states":["SEGMENT","OTHER"],"at":{"from":"2024-01-01T00:00:00Z","interval":"day"}}""", "/at/interval")]
    [InlineData("""{"states":["SEGMENT","OTHER"],"at":{"to":"2024-01-01T00:00:00Z","interval":"day"}}""", "/at/from")]
    [InlineData("""
        {"states":["SEGMENT","OTHER"],"at":["2026-01-01T00:00:00Z","2026-02-01T00:00:00Z"],"asOf":"2026-01-15T00:00:00Z"}
        """, "/at/1")]
    [InlineData("""{"states":["SEGMENT","OTHER"],"at":["2026-01-01T00:00:00Z","2026-02-01T00:00:00Z"],"ahead":61}""", "/ahead")]
    public async Task Post_WrongProperty_IsRefusedThere(string body, string place)
    {
        var segment = await Api.MakeSegmentAsync(Everyone, "\"status\":\"draft\"");
        var other = await Api.MakeSegmentAsync(Everyone, "\"status\":\"draft\"");
        var sent = body.Replace("SEGMENT", segment, StringComparison.Ordinal).Replace("OTHER", other, StringComparison.Ordinal);
        Assert.Equal([place], (await Api.PostAsync("segments/transitions", sent)).Expect(400).Faults);
    }

    private async Task<Answer> ReadAsync(string first, string second, DateTimeOffset[] at, string more) =>
        (await Api.PostAsync("segments/transitions", $$"""
            {"states":["{{first}}","{{second}}"],"at":[{{string.Join(',', at.Select(a => $"\"{a:O}\""))}}],{{more}}}
            """)).Expect(200);

    // Paths: the state of each customer at each instant.
    private static void CheckPaths(Answer answer, List<int[]> paths, int ahead)
    {
        var instants = paths[0].Length;
        var steps = Enumerable.Range(1, instants - 1).Select(i => Enumerable.Range(0, 4).Select(from => Enumerable.Range(0, 3)
            .Select(to => (long)paths.Count(p => p[i - 1] == from && p[i] == to)).ToArray()).ToArray()).ToList();
        var model = new TransitionModel(3, steps);
        Assert.Equal(model.Counts, answer["counts"].Deserialize<long[][]>()!);
        Assert.Equal(model.Counts.Sum(row => row.Sum()), steps.Sum(s => s.Sum(row => row.Sum())));
        var sizes = Enumerable.Range(0, instants).Select(i => Enumerable.Range(0, 3).Select(s => paths.Count(p => p[i] == s)).ToArray())
            .ToList();
        Assert.Equal(sizes, answer["at"].EnumerateArray().Select(i => i.GetProperty("sizes").Deserialize<int[]>()!));
        for (var from = 0; from < 4; from++)
        {
            var all = model.Counts[from].Sum();
            Assert.Equal(
                all == 0 ? [] : model.Counts[from].Select(n => n / (double)all), answer["probabilities"][from].Deserialize<double[]>()!);
            foreach (var (to, interval) in answer["intervals"][from].Deserialize<double[][]>()!.Index())
            {
                Assert.True(interval[0] <= model.Counts[from][to] / (double)all && model.Counts[from][to] / (double)all <= interval[1]);
            }

            Assert.Equal(all == 0 ? 0 : 3, answer["intervals"][from].GetArrayLength());
        }

        Close(model.Follow([.. sizes[^1].Select(s => (double)s)], ahead), answer["ahead"].Deserialize<double[][]>()!);
        var half = steps.Count / 2;
        var (early, late) = (new TransitionModel(3, steps[..half]), new TransitionModel(3, steps[half..]));
        Assert.Equal(early.Compare(late)!.Value.P, answer["homogeneous"].GetProperty("p").GetDouble(), 1e-12);
        var expected = early.Follow([.. sizes[half].Select(s => (double)s)], instants - 1 - half);
        var items = answer["backtest"].GetProperty("items").EnumerateArray().ToList();
        Close(expected, [.. items.Select(i => i.GetProperty("expected").Deserialize<double[]>()!)]);
        Assert.Equal(sizes.Skip(half + 1), items.Select(i => i.GetProperty("actual").Deserialize<int[]>()!));
        Assert.Equal(
            expected.Select((e, k) => e.Select((n, s) => Math.Abs(n - sizes[half + 1 + k][s])).Average()).Average(),
            answer["backtest"].GetProperty("meanAbsoluteError").GetDouble(), 1e-9);
    }

    private static void Close(IReadOnlyList<double[]> expected, double[][] actual)
    {
        Assert.Equal(expected.Count, actual.Length);
        foreach (var (e, a) in expected.Zip(actual))
        {
            Assert.All(e.Zip(a), n => Assert.Equal(n.First, n.Second, 1e-9));
        }
    }
}
