using System.Globalization;
using System.Text;
using System.Text.Json;
using Npgsql;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Playbooks;

/// <summary>Reports of playbooks against counting one by one, over random data.</summary>
public sealed class ReportTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const int Visitors = 40;

    private static readonly (string Key, string Definition, Func<List<Bought>, double> Value)[] Metrics =
    [
        ("rep-conversion", """{"kind":"conversion","window":{"amount":2,"unit":"day"}""", b => b.Count > 0 ? 1 : 0),
        ("rep-count", """{"kind":"count","window":{"amount":36,"unit":"hour"}""", b => b.Count),
        ("rep-sum", """{"kind":"sum","of":"amount","window":{"amount":5,"unit":"day"},"cap":null""", b => b.Sum(x => x.Amount)),
        ("rep-capped", """{"kind":"sum","of":"amount","window":{"amount":5,"unit":"day"},"cap":{"value":30}""",
            b => Math.Min(30, b.Sum(x => x.Amount))),
        ("rep-percentile", """{"kind":"sum","of":"amount","window":{"amount":5,"unit":"day"},"cap":{"percentile":60}""",
            b => b.Sum(x => x.Amount)),
        ("rep-time", """{"kind":"time","window":{"amount":5,"unit":"day"},"cap":null""", Time),
        ("rep-ratio",
            """
            {"kind":"ratio","of":"amount","window":{"amount":5,"unit":"day"},
             "denominator":{"event":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"bought"}]}}
            """,
            b => b.Sum(x => x.Amount)),
    ];

    private readonly Random random = new(11);

    // In whole seconds: some windows have passed, and others have not.
    private readonly DateTimeOffset now = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    private readonly List<Seen> seen = [];
    private readonly List<Bought> bought = [];
    private readonly List<(string Customer, DateTimeOffset At, string Text)> clicks = [];
    private readonly Dictionary<string, string> links = [];
    private readonly HashSet<string> customers = [];
    private readonly Dictionary<string, (DateTimeOffset From, DateTimeOffset To)> stays = [];

    private Api Api => fixture.Api;

    [Fact]
    public async Task Report_ByPlayDayAndSegment_IsWhatCountingOneByOneGives()
    {
        var placement = await Api.MakePlacementAsync("string");
        var plays = string.Join(',', new[] { "a", "b", "unseen" }.Select(
            p => $$"""{"key":"{{p}}","placement":"{{placement}}","content":"x"}"""));
        var playbook = await Api.MakePlaybookAsync(plays, "\"timeZone\":\"Asia/Kolkata\"");
        (await Api.PatchAsync($"playbooks/{playbook}", """{"name":"Its second version"}""")).Expect(200);
        const string purchases = """{"combinator":"and","rules":[{"field":"type","operator":"=","value":"bought"}]}""";
        foreach (var (key, definition, _) in Metrics)
        {
            (await Api.PutAsync($"metrics/{key}", $$"""{{definition}},"goal":"increase","event":{{purchases}}}""")).Expect(201);
        }

        await MakeAsync(placement, playbook);
        var segment = await MakeSegmentAsync();
        var (from, to) = (now.AddDays(-12), now.AddDays(-2));
        var period = $"from={Uri.EscapeDataString($"{from:O}")}&to={Uri.EscapeDataString($"{to:O}")}";
        foreach (var (key, _, value) in Metrics)
        {
            foreach (var (by, group) in new (string, Func<Seen, string>)[]
            {
                ("play", s => s.Play),
                ("day", s => s.At.ToOffset(TimeSpan.FromHours(5.5)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
                ($"segment:{segment}", s => Side(s, from, to)),
            })
            {
                var answer = (await Api.GetAsync($"playbooks/{playbook}/report?{period}&by={by}&metric={key}")).Expect(200);
                var expected = Count(from, to, group, key, value, answer["asOf"].GetDateTimeOffset());
                Assert.Equal(expected[""], Read(answer["all"]), new Closely());
                var items = answer["items"].EnumerateArray().ToDictionary(Name, Read);
                Assert.Superset(expected.Keys.Where(k => k.Length > 0).ToHashSet(), items.Keys.ToHashSet());
                Assert.All(items, i => Assert.Equal(
                    expected.GetValueOrDefault(i.Key, new Figures(0, 0, 0, 0, key == "rep-conversion" ? 0 : null, 0, null)),
                    i.Value,
                    new Closely()));
                if (by == "play")
                {
                    Assert.Equal(["a", "b", "unseen"], items.Keys);
                }
            }
        }

        Assert.True(seen.Count > 200 && Count(from, to, s => s.Play, "", _ => 0, now)["a"].Clickers > 3);
    }

    [Fact]
    public async Task Report_WithoutAnything_IsZero_AndLinksTheHoldout()
    {
        var placement = await Api.MakePlacementAsync("string");
        var holdout = $"e{SegmentApi.NextNumber()}";
        (await Api.PutAsync($"experiments/{holdout}", """{"variants":[{"key":"off"},{"key":"on"}]}""")).Expect(201);
        var playbook = await Api.MakePlaybookAsync(
            $$"""{"key":"a","placement":"{{placement}}","content":"x"}""", $"\"holdout\":\"{holdout}\"");
        var report = (await Api.GetAsync($"playbooks/{playbook}/report")).Expect(200);
        Assert.Equal((0, JsonValueKind.Null), (
            report["all"].GetProperty("impressions").GetInt32(), report["all"].GetProperty("clickThrough").ValueKind));
        Assert.False(report.Json.TryGetProperty("metric", out _));
        Assert.Equal("a", Assert.Single(report["items"].EnumerateArray()).GetProperty("play").GetString());
        Assert.Equal($"/api/v1/experiments/{holdout}", report["holdout"].GetProperty("link").GetString());
        (await Api.GetAsync(report["holdout"].GetProperty("link").GetString()!)).Expect(200);
        Assert.Equal(31, (await Api.GetAsync($"playbooks/{playbook}/report?by=day&metric=revenue")).Expect(200)["items"].GetArrayLength());
        (await Api.GetAsync("playbooks/no-such/report")).Expect(404);
        foreach (var (query, fault) in new[]
        {
            ("by=week", "by"), ("by=segment:no-such", "by"), ("metric=nothing", "metric"),
            ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
            ("by=day&from=2020-01-01T00:00:00Z", "from"),
        })
        {
            Assert.Equal([fault], (await Api.GetAsync($"playbooks/{playbook}/report?{query}")).Expect(400).Faults);
        }

        var warned = (await Api.GetAsync($"playbooks/{playbook}/report?from=2020-01-01T00:00:00Z")).Expect(200);
        Assert.Equal("incomplete", Assert.Single(warned["warnings"].EnumerateArray()).GetProperty("code").GetString());
    }

    private static double Time(List<Bought> events)
    {
        var times = events.Select(e => e.At).Order().ToList();
        return times.Zip(times.Skip(1), (a, b) => (b - a).TotalSeconds).Where(s => s <= 1800).Sum();
    }

    private static string Name(JsonElement item) => item.TryGetProperty("play", out var play) ? play.GetString()!
        : item.TryGetProperty("day", out var day) ? day.GetString()!
        : item.TryGetProperty("member", out var member) ? member.GetBoolean().ToString()
        : "unknown";

    private static Figures Read(JsonElement item) => new(
        item.GetProperty("impressions").GetInt32(), item.GetProperty("viewers").GetInt32(), item.GetProperty("clickers").GetInt32(),
        item.GetProperty("units").GetInt32(), item.TryGetProperty("converted", out var converted) ? converted.GetInt32() : null,
        item.GetProperty("total").GetDouble(), item.TryGetProperty("mean", out var mean) ? mean.GetDouble() : null);

    private DateTimeOffset Ago(double days) => now.AddSeconds(-random.Next((int)(days * 86_400)));

    private async Task MakeAsync(string placement, string playbook)
    {
        // Some are customers themselves, some are linked to one that others are linked to as well, some to nobody who is stored.
        for (var i = 0; i < Visitors; i++)
        {
            var visitor = $"rv{i}";
            if (i % 3 == 0)
            {
                customers.Add(visitor);
            }

            if (i % 2 == 0)
            {
                links[visitor] = $"rc{i / 4}";
                customers.UnionWith(i % 8 == 0 ? [] : [links[visitor]]);
            }
        }

        foreach (var customer in customers)
        {
            (await Api.PutAsync($"customers/{customer}", "{}")).Expect(201);
        }

        var body = new StringBuilder();
        for (var n = 0; n < 600; n++)
        {
            var one = new Seen($"rv{random.Next(Visitors)}", Ago(16), random.Next(2) == 0 ? "a" : "b", random.Next(1, 3), "");
            one = one with { Text = $"play:{placement}/{playbook}@{one.Version}/{one.Play}" };
            seen.Add(one);
            body.Append(ExposureApi.Body(one.Visitor, [one.Text], one.At, links.GetValueOrDefault(one.Visitor), $"s{n}")).Append('\n');
        }

        var answer = (await Api.SendAsync("POST", "exposures", body.ToString(), "application/x-ndjson")).Expect(200);
        Assert.Equal(600, answer["recorded"].GetInt32());

        // A second customer of a linked visitor changes nothing.
        var at = Ago(16);
        Assert.Equal((1, 0, 0), await Api.SeeAsync("rv2", [seen[0].Text], at, customer: "rv3"));
        seen.Add(seen[0] with { Visitor = "rv2", At = at });
        body.Clear();
        var owners = customers.ToList();
        for (var n = 0; n < 900; n++)
        {
            var (customer, isClick) = (owners[random.Next(owners.Count)], n % 3 == 0);
            var when = n % 5 == 1 && bought.Count > 0 ? bought[^1].At.AddMinutes(random.Next(1, 40)) : Ago(16);
            customer = n % 5 == 1 && bought.Count > 0 ? bought[^1].Customer : customer;
            if (when > now)
            {
                continue;
            }

            if (isClick)
            {
                clicks.Add((customer, when, seen[random.Next(seen.Count)].Text));
                body.Append($$"""
                    {"customerId":"{{customer}}","type":"Content_Clicked","occurredAt":"{{when:O}}",
                    """).Append($$"""
                    "properties":{"exposure":"{{clicks[^1].Text}}"} }
                    """).Append('\n');
            }
            else
            {
                bought.Add(new Bought(customer, when, random.Next(1, 40)));
                body.Append($$"""
                    {"customerId":"{{customer}}","type":"bought","occurredAt":"{{when:O}}","amount":{{bought[^1].Amount}}}
                    """).Append('\n');
            }
        }

        var sent = (await Api.SendAsync("POST", "events", body.ToString(), "application/x-ndjson")).Expect(200);
        Assert.Equal(clicks.Count + bought.Count, sent["stored"].GetInt32());
    }

    // A draft, which nobody evaluates, with stays of its own.
    private async Task<string> MakeSegmentAsync()
    {
        var segment = await Api.MakeSegmentAsync(RuleJson.Everyone, "\"status\":\"draft\"");
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        var number = 0;
        foreach (var customer in customers.Where((_, i) => i % 2 == 0).Prepend(""))
        {
            // The first is nobody's: from then on it is known.
            var (start, end) = customer.Length == 0
                ? (now.AddDays(-10), now.AddDays(-10))
                : (now.AddDays(-9 + (number % 4)), now.AddDays(-4));
            stays[customer] = (start, end);
            await using var command = database.CreateCommand(
                $"""
                WITH s AS (SELECT id FROM segments WHERE key = '{segment}'),
                j AS (INSERT INTO membership_batches (segment_id, at, version, joined, "left", size)
                    SELECT id, '{start:O}', 1, 0, 0, 0 FROM s RETURNING id),
                l AS (INSERT INTO membership_batches (segment_id, at, version, joined, "left", size)
                    SELECT id, '{end:O}', 1, 0, 0, 0 FROM s RETURNING id)
                INSERT INTO memberships (segment_id, customer_key, joined_batch, joined_cause, left_batch, left_cause)
                SELECT s.id, c.key, j.id, 1, l.id, 1 FROM s, j, l, customers c WHERE c.id = '{customer}'
                """);
            await command.ExecuteNonQueryAsync();
            number++;
        }

        return segment;
    }

    private string[] Owners(string visitor) =>
        [.. new[] { visitor, links.GetValueOrDefault(visitor, "") }.Where(customers.Contains).Distinct()];

    private string Side(Seen one, DateTimeOffset from, DateTimeOffset to)
    {
        var first = seen.Where(s => s.Visitor == one.Visitor && s.At >= from && s.At < to).Min(s => s.At);
        return first < now.AddDays(-10) ? "unknown"
            : Owners(one.Visitor).Any(o => stays.TryGetValue(o, out var stay) && stay.From <= first && first < stay.To).ToString();
    }

    private Dictionary<string, Figures> Count(
        DateTimeOffset from, DateTimeOffset to, Func<Seen, string> group, string metric, Func<List<Bought>, double> value,
        DateTimeOffset asOf)
    {
        var shown = seen.Where(s => s.At >= from && s.At < to).ToList();
        var window = metric switch
        {
            "rep-conversion" => TimeSpan.FromDays(2),
            "rep-count" => TimeSpan.FromHours(36),
            _ => TimeSpan.FromDays(5),
        };
        bool IsClicked(Seen s)
        {
            var later = seen.Where(o => o.Visitor == s.Visitor && o.Text == s.Text && o.At > s.At).Select(o => o.At)
                .DefaultIfEmpty(DateTimeOffset.MaxValue).Min();
            return clicks.Any(c => c.Text == s.Text && c.At >= s.At && c.At < later && Owners(s.Visitor).Contains(c.Customer));
        }

        var groups = shown.GroupBy(group).Select(g => (g.Key, Items: g.ToList())).Prepend(("", Items: shown)).ToList();
        var units = groups.ToDictionary(g => g.Item1, g => g.Items.GroupBy(s => s.Visitor)
            .Select(v => (Visitor: v.Key, First: v.Min(s => s.At))).Where(v => v.First + window <= asOf)
            .Select(v => bought.Where(b => b.At >= v.First && b.At < v.First + window && Owners(v.Visitor).Contains(b.Customer)).ToList())
            .ToList());
        var cap = metric != "rep-percentile" ? double.MaxValue : Percentile(units[""].Select(value).Where(y => y != 0), 0.6);
        return groups.ToDictionary(g => g.Item1, g =>
        {
            var events = units[g.Item1];
            var total = events.Sum(e => Math.Min(cap, value(e)));
            var by = metric == "rep-ratio" ? events.Sum(e => e.Count) : events.Count;
            return new Figures(
                g.Items.Count, g.Items.Select(s => s.Visitor).Distinct().Count(),
                g.Items.Where(IsClicked).Select(s => s.Visitor).Distinct().Count(), events.Count,
                metric == "rep-conversion" ? events.Count(e => e.Count > 0) : null, total, by == 0 ? null : total / by);
        });
    }

    private static double Percentile(IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToList();
        var place = share * (sorted.Count - 1);
        var low = (int)place;
        return sorted[low] + ((sorted[Math.Min(low + 1, sorted.Count - 1)] - sorted[low]) * (place - low));
    }

    private sealed record Seen(string Visitor, DateTimeOffset At, string Play, int Version, string Text);

    private sealed record Bought(string Customer, DateTimeOffset At, double Amount);

    private sealed record Figures(int Impressions, int Viewers, int Clickers, int Units, int? Converted, double Total, double? Mean);

    private sealed class Closely : IEqualityComparer<Figures>
    {
        public bool Equals(Figures? x, Figures? y) => Round(x!) == Round(y!);

        public int GetHashCode(Figures figures) => 0;

        private static Figures Round(Figures f) => f with
        {
            Total = Math.Round(f.Total, 6),
            Mean = f.Mean is { } mean ? Math.Round(mean, 6) : null,
        };
    }
}
