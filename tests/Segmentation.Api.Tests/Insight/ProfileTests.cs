using System.Text.Json;
using System.Text.Json.Nodes;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Insight;
using Segmentation.Models.Statistics;
using Segmentation.Rules;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Tests.Insight;

/// <summary>Profiles: each number is what the API counts for the rule beside it, and over noise there is nothing.</summary>
public sealed class ProfileTests(ProfileWorld world) : IClassFixture<ProfileWorld>
{
    private Api Api => world.Api;

    [Theory]
    [InlineData("", "segment notIn alpha", false)]
    [InlineData("", "segment notIn alpha", true)]
    [InlineData(",\"against\":\"young\"", "segment notIn alpha, segment in young", false)]
    [InlineData(",\"within\":\"german\"", "segment notIn alpha, segment in german", false)]
    public async Task EveryNumber_IsWhatItsRuleCounts(string more, string others, bool isPast)
    {
        var asOf = isPast ? DateTimeOffset.UtcNow.AddDays(-30) : DateTimeOffset.UtcNow;
        var request = isPast ? $",\"asOf\":\"{asOf:O}\"" : "";
        var profile = (await world.ProfileAsync(
            $$"""
            "segment":"alpha","days":60,
            "properties":["order_completed.category","page.viewed.items","order_completed.gift"]{{more}}{{request}}
            """))["result"];
        var memberRules = more.Contains("within", StringComparison.Ordinal) ? "segment in alpha, segment in german" : "segment in alpha";
        var (n1, n0) = (await CountAsync(memberRules, null, asOf), await CountAsync(others, null, asOf));
        Assert.Equal((n1, n0), (profile.GetProperty("members").GetInt64(), profile.GetProperty("others").GetInt64()));
        var traits = profile.GetProperty("traits").EnumerateArray().ToList();
        var numbers = profile.GetProperty("numbers").EnumerateArray().ToList();
        Assert.Equal(profile.GetProperty("tests").GetInt32(), traits.Count + numbers.Count);
        Assert.True(traits.Count > 25 && numbers.Count > 12, $"{traits.Count} {numbers.Count}");
        Assert.Equal(traits.Count, traits.Select(t => t.GetProperty("rule").GetRawText()).Distinct().Count());
        foreach (var trait in traits)
        {
            var (k1, k0) = (
                await CountAsync(memberRules, trait.GetProperty("rule"), asOf), await CountAsync(others, trait.GetProperty("rule"), asOf));
            Assert.True(
                (k1, k0) == (trait.GetProperty("members").GetInt64(), trait.GetProperty("others").GetInt64()),
                $"{k1} {k0}: {trait}");
            var right = new ProportionComparison(new(k1, n1), new(k0, n0));
            Assert.Equal(right.Members.Share, trait.GetProperty("share").GetDouble(), 9);
            Assert.Equal(right.Information, trait.GetProperty("information").GetDouble(), 9);
            Assert.Equal(right.Test().P, trait.GetProperty("p").GetDouble(), 12);
            Assert.Equal(right.Effect, trait.GetProperty("effect").GetProperty("h").GetDouble(), 9);
        }

        foreach (var number in numbers)
        {
            var bins = number.GetProperty("bins").EnumerateArray().ToList();
            Assert.Equal(number.GetProperty("members").GetProperty("n").GetInt64(), bins.Sum(b => b.GetProperty("members").GetInt64()));
            var side = number.GetProperty("others");
            Assert.Equal(n0, side.GetProperty("n").GetInt64() + side.GetProperty("missing").GetInt64());
            if (number.TryGetProperty("range", out var range))
            {
                var rule = range.GetProperty("rule");
                var (k1, k0) = (await CountAsync(memberRules, rule, asOf), await CountAsync(others, rule, asOf));
                Assert.True(Math.Abs(((double)k1 / n1) - range.GetProperty("share").GetDouble()) < 1e-9, $"{k1} of {n1}: {number}");
                Assert.True(Math.Abs(((double)k0 / n0) - range.GetProperty("otherShare").GetDouble()) < 1e-9, $"{k0} of {n0}: {number}");
            }
        }

        var q = MultipleTests.BenjaminiHochberg([.. traits.Concat(numbers).Select(t => t.GetProperty("p").GetDouble())]);
        Assert.Equal(q, traits.Concat(numbers).Select(t => t.GetProperty("q").GetDouble()));
    }

    [Theory]
    [InlineData("Age", "age")]
    [InlineData("RFM monetary value", "RFM monetary value")]
    [InlineData("x", "x")]
    public void Label_WithinASentence_KeepsItsCapitals(string label, string said) => Assert.Equal(said, ProfileRules.LowerFirst(label));

    [Fact]
    public async Task Findings_AreWhatMarksThem()
    {
        var made = await world.ProfileAsync("\"segment\":\"alpha\"");
        var whole = made["result"];
        var profile = (await Api.GetAsync($"analyses/{made["id"].GetString()}")).Expect(200)["result"];
        var found = profile.GetProperty("traits").EnumerateArray().ToList();
        Assert.True(found.Count < whole.GetProperty("traits").GetArrayLength());
        Assert.All(found, t => Assert.True(
            t.GetProperty("q").GetDouble() <= 0.05 && Math.Abs(t.GetProperty("effect").GetProperty("h").GetDouble()) >= 0.1));
        var texts = found.Where(t => !t.GetProperty("byDefinition").GetBoolean()).Select(t => t.GetProperty("text").GetString()).ToList();
        Assert.Contains("Beta is true", texts);
        Assert.Contains("Country is \"DE\"", texts);
        Assert.Contains("Interests include \"Sport\"", texts); // Once a customer, and spelled as most do.
        var numbers = profile.GetProperty("numbers").EnumerateArray().ToDictionary(
            n => $"{n.GetProperty("field").GetString()} {(n.TryGetProperty("event", out var e) ? e.GetString() : "")}".Trim());
        Assert.Contains("attributes.score", numbers.Keys);
        Assert.Contains("behavioral.events Page.Viewed", numbers.Keys);

        // What its own rule says stands apart, at the end, and is no news.
        var own = found.Where(t => t.GetProperty("byDefinition").GetBoolean()).ToList();
        Assert.Equal(["attributes.team"], own.Select(t => t.GetProperty("field").GetString()).Distinct());
        Assert.Equal(own.Count, found.AsEnumerable().Reverse().TakeWhile(t => t.GetProperty("byDefinition").GetBoolean()).Count());
        Assert.Equal("Alpha", own[0].GetProperty("value").GetString());
        Assert.Equal(JsonValueKind.Null, own[0].GetProperty("lift").ValueKind);

        // A field with one value is no test, nor what three have; it is counted.
        var all = whole.GetProperty("traits").EnumerateArray().ToList();
        Assert.DoesNotContain(all, t => t.GetProperty("field").GetString() == "attributes.same");
        Assert.DoesNotContain(all, t => t.TryGetProperty("value", out var v) && v.ToString() == "LU");
        Assert.Equal(1, whole.GetProperty("other").GetInt64());

        var persona = profile.GetProperty("persona");
        var sentences = persona.GetProperty("sentences").EnumerateArray().Select(s => s.GetString()!).ToList();
        Assert.Equal(5, sentences.Count);
        Assert.Contains(sentences, s => s.Contains("have beta, ", StringComparison.Ordinal));
        Assert.DoesNotContain(sentences, s => s.Contains("team", StringComparison.OrdinalIgnoreCase));
        Assert.NotEmpty(persona.GetProperty("headline").GetString()!);
    }

    [Fact]
    public async Task WhatTheRuleReads_IsByDefinition_AlsoThroughOthers()
    {
        async Task<HashSet<string>> ReadAsync(string request, bool byDefinition) =>
            [.. (await world.ProfileAsync(request))["result"].GetProperty("traits").EnumerateArray()
                .Concat((await world.ProfileAsync(request))["result"].GetProperty("numbers").EnumerateArray())
                .Where(t => t.GetProperty("byDefinition").GetBoolean() == byDefinition)
                .Select(t => t.GetProperty("field").GetString() + (t.TryGetProperty("event", out var e) ? $" {e.GetString()}" : ""))];

        Assert.Equal(["attributes.team"], await ReadAsync("\"segment\":\"alpha-again\"", true));
        var buyers = await ReadAsync("\"segment\":\"buyers\"", true);
        Assert.Contains("behavioral.events order_completed", buyers);
        Assert.Contains("value.orderCount", buyers); // Which orders add up to.
        Assert.DoesNotContain(buyers, f => !f.StartsWith("value.", StringComparison.Ordinal) && f != "behavioral.events order_completed");
        Assert.Contains("behavioral.events Page.Viewed", await ReadAsync("\"segment\":\"buyers\"", false));
        Assert.Equal(
            ["demographic.age", "demographic.birthDate"], (await ReadAsync("\"segment\":\"young\"", true)).Order(StringComparer.Ordinal));
        Assert.Equal(
            ["attributes.team", "geographic.country"],
            (await ReadAsync("\"segment\":\"alpha\",\"against\":\"german\"", true)).Order(StringComparer.Ordinal));
    }

    // Before there are thresholds, all scores are one constant; then they are fields as others.
    [Fact]
    public async Task RfmScores_AreFields_OnceThereAreAny()
    {
        async Task<int> CountAsync(ProfileWorld of)
        {
            var profile = await of.ProfileAsync("\"segment\":\"alpha\"");
            Assert.Equal("succeeded", profile["status"].GetString());
            var result = profile["result"];
            return result.GetProperty("traits").EnumerateArray().Concat(result.GetProperty("numbers").EnumerateArray())
                .Select(t => t.GetProperty("field").GetString()!).Where(f => f.StartsWith("value.rfm", StringComparison.Ordinal))
                .Distinct().Count();
        }

        var own = new ProfileWorld();
        await own.InitializeAsync();
        Assert.Equal(0, await CountAsync(own));
        var rfm = (await own.Api.PostAsync("analyses?wait=60", """{"type":"rfm"}""")).Expect(201);
        Assert.Equal("succeeded", rfm["status"].GetString());
        Assert.Equal(4, await CountAsync(own));
        await own.DisposeAsync();
    }

    [Fact]
    public async Task Habits_AreAveragesOfCustomers()
    {
        var habits = (await world.ProfileAsync("\"segment\":\"alpha\",\"days\":60"))["result"].GetProperty("habits");
        await using var source = NpgsqlDataSource.Create(world.ConnectionString);
        await using var command = source.CreateCommand(
            """
            SELECT avg(share), count(*) FROM (
                SELECT e.customer_key,
                    avg((extract(hour FROM e.occurred_at AT TIME ZONE coalesce(c.geographic_time_zone, 'UTC')) = 9)::int) AS share
                FROM events e JOIN customers c ON c.key = e.customer_key
                WHERE c.attributes_folded ->> 'team' = 'alpha' AND e.occurred_at >= now() - interval '60 days'
                GROUP BY e.customer_key) s
            """);
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        Assert.Equal((double)reader.GetDecimal(0), habits.GetProperty("hours")[9].GetProperty("members").GetDouble(), 6);
        Assert.Equal(reader.GetInt64(1), habits.GetProperty("members").GetInt64());
        foreach (var (name, count) in new[] { ("hours", 24), ("days", 7), ("channels", 2), ("countries", 3) })
        {
            var list = habits.GetProperty(name).EnumerateArray().ToList();
            Assert.Equal(count, list.Count);
            Assert.Equal(1, list.Sum(h => h.GetProperty("members").GetDouble()), 9);
            Assert.Equal(1, list.Sum(h => h.GetProperty("others").GetDouble()), 9);
            Assert.Equal(
                list.Sum(h => Math.Abs(h.GetProperty("members").GetDouble() - h.GetProperty("others").GetDouble())) / 2,
                habits.GetProperty("distance").GetProperty(name).GetDouble(), 9);
        }

        Assert.Equal("other", habits.GetProperty("countries")[2].GetProperty("country").GetString());
    }

    [Theory]
    [InlineData("\"segment\":\"tiny\"", 3, 597)]
    [InlineData("\"segment\":\"by-hand\"", 0, 600)]
    [InlineData("\"segment\":\"alpha\",\"against\":\"tiny\"", 200, 2)]
    public async Task TooFew_AreToldWithTheirNumbers(string request, int members, int others)
    {
        var problem = (await world.ProfileAsync(request))["problem"];
        Assert.EndsWith("/too-few-data", problem.GetProperty("type").GetString(), StringComparison.Ordinal);
        Assert.Equal("""{"members":30,"others":30}""", problem.GetProperty("needed").GetRawText());
        Assert.Equal($$"""{"members":{{members}},"others":{{others}}}""", problem.GetProperty("found").GetRawText());
    }

    [Theory]
    [InlineData("\"days\":5", "/segment", "A profile needs the key of a segment.")]
    [InlineData("\"segment\":\"alpa\"", "/segment", "There is no segment \"alpa\". Did you mean \"alpha\"?")]
    [InlineData("\"segment\":\"alpha\",\"against\":\"alpha\"", "/against", "It must be another segment than the one that is compared.")]
    [InlineData("\"segment\":\"alpha\",\"within\":\"gremany\"", "/within", "There is no segment \"gremany\". Did you mean \"german\"?")]
    [InlineData("\"segment\":\"alpha\",\"days\":0", "/days", "days must be an integer from 1 to 3650.")]
    [InlineData(
        "\"segment\":\"alpha\",\"properties\":[\"a.b\",\"category\"]", "/properties/1",
        "It must be a type of event and a property of it: \"order_completed.category\".")]
    [InlineData("\"segment\":\"alpha\",\"day\":5", "/day", "\"day\" is not a property here. Did you mean \"days\"?")]
    public async Task BadRequest_IsToldWhere(string request, string place, string text)
    {
        var refused = (await Api.PostAsync("analyses", $$"""{"type":"profile",{{request}}}""")).Expect(400);
        Assert.Equal([place], refused.Faults);
        Assert.Equal(text, refused["errors"].GetProperty(place)[0].GetString());
    }

    // Members drawn by lot: what is found is chance, which q bounds to one profile in twenty.
    [Fact]
    public void Noise_MarksNobody()
    {
        var random = new Random(11);
        var withFindings = 0;
        for (var run = 0; run < 200; run++)
        {
            var nothing = new ProfileFields(new FieldCatalog<Customer>([]), null!, [], new RevenueOptions(), _ => true);
            var tests = new ProfileTestList(150, 450, 90, new Evaluation(DateTimeOffset.UnixEpoch, "UTC"), nothing, minimumGroup: 5);
            tests.AddConsents(new ValueCounts([.. Enumerable.Range(0, 40).Select(i => Draw(i))], 0));
            for (var i = 0; i < 20; i++)
            {
                List<(double, long, long)> times = [.. Enumerable.Range(1, 3).Select(n => Draw(i)).Index()
                    .Select(t => (t.Index + 1.0, t.Item.Members / 4, t.Item.Others / 4))];
                tests.AddEvents(new EventCounts($"e{i}", $"e{i}", times));
            }

            var found = new ProfileFindings(tests, _ => null).Tell(null!).Findings;
            Assert.Equal(80, found.Tests);
            withFindings += found.Traits.Count + found.Numbers.Count > 0 ? 1 : 0;
        }

        Assert.InRange(withFindings, 0, 16);

        ValueCount Draw(int i)
        {
            var share = 0.05 + (0.02 * i);
            return new ValueCount($"p{i}", $"p{i}", Binomial(150, share), Binomial(450, share));
        }

        long Binomial(int n, double p) => Enumerable.Range(0, n).Count(_ => random.NextDouble() < p);
    }

    private async Task<long> CountAsync(string conditions, JsonElement? rule, DateTimeOffset asOf)
    {
        var rules = new JsonArray([.. conditions.Split(", ").Select(c => c.Split(' ')).Select(c => new JsonObject
        {
            ["field"] = c[0],
            ["operator"] = c[1],
            ["value"] = new JsonArray(c[2]),
        })]);
        if (rule is { } more)
        {
            rules.Add(JsonNode.Parse(more.GetRawText()));
        }

        var body = new JsonObject
        {
            ["rule"] = new JsonObject { ["combinator"] = "and", ["rules"] = rules },
            ["asOf"] = asOf.ToString("O", null),
            ["sampleSize"] = 0,
        };
        return (await Api.PostAsync("segments/preview", body.ToJsonString())).Expect(200)["count"].GetInt64();
    }
}
