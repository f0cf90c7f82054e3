using System.Text.Json;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Tests.Discovery;

/// <summary>Opportunities over HTTP: each number is counted again, customer by customer, from the rule beside it.</summary>
public sealed class OpportunitiesTests(OpportunityWorld world) : IClassFixture<OpportunityWorld>
{
    private const string Buyers = "\"target\":{\"metric\":\"buyers\"}";

    private Api Api => world.Api;

    [Theory]
    [InlineData("\"target\":{\"metric\":\"buyers\"}", false)]
    [InlineData("\"target\":{\"metric\":\"buyers\"},\"direction\":\"low\",\"conditions\":1,\"minimumSize\":300", false)]
    [InlineData("\"target\":{\"metric\":\"revenue\"},\"conditions\":3,\"top\":12,\"seed\":7", true)]
    [InlineData("\"target\":{\"metric\":\"revenue\"},\"within\":\"german\",\"direction\":\"high\",\"top\":10", true)]
    public async Task EveryNumber_IsWhatItsRuleCounts(string request, bool isSum)
    {
        var search = await world.SearchAsync(request);
        var (asked, result) = (search["request"], search["result"]);
        var seed = asked.GetProperty("seed").GetInt32();
        var since = result.GetProperty("since").GetDateTimeOffset();
        Assert.InRange((search["startedAt"].GetDateTimeOffset().AddDays(-30) - since).TotalSeconds, -1, 1);
        var isWithin = asked.TryGetProperty("within", out _);
        var pool = isWithin
            ? await world.ListAsync(JsonElement.Parse(
                """{"combinator":"and","rules":[{"field":"segment","operator":"in","value":["german"]}]}"""))
            : [.. Enumerable.Range(0, OpportunityWorld.Customers).Select(OpportunityWorld.Id)];
        var everyone = result.GetProperty("everyone");
        Assert.Equal(pool.Count, everyone.GetProperty("customers").GetInt32());
        Check(Outcomes(pool), everyone, "value");
        Check(Outcomes(pool.Where(id => OpportunityWorld.IsDiscovering(id, seed))), everyone.GetProperty("discovering"), "value");
        Check(Outcomes(pool.Where(id => !OpportunityWorld.IsDiscovering(id, seed))), everyone.GetProperty("confirming"), "value");

        var opportunities = result.GetProperty("opportunities").EnumerateArray().ToList();
        Assert.Equal(result.GetProperty("taken").GetInt32(), opportunities.Count);
        Assert.InRange(opportunities.Count, 5, asked.GetProperty("top").GetInt32());
        Assert.True(result.GetProperty("searched").GetInt32() > 50);
        List<double> p = [];
        foreach (var found in opportunities)
        {
            var rule = found.GetProperty("rule");
            var conditions = rule.GetProperty("rules").GetArrayLength() - (isWithin ? 1 : 0);
            Assert.InRange(conditions, 1, asked.GetProperty("conditions").GetInt32());
            var valid = (await Api.PostAsync("segments/validate", $$"""{"rule":{{rule.GetRawText()}}}""")).Expect(200)["valid"];
            Assert.True(valid.GetBoolean());
            Assert.Equal((await world.ListAsync(rule)).Count, found.GetProperty("customers").GetInt32());

            // As of then, on either half for itself.
            var group = await world.ListAsync(rule, since);
            var (first, second) = (
                group.Where(id => OpportunityWorld.IsDiscovering(id, seed)), group.Where(id => !OpportunityWorld.IsDiscovering(id, seed)));
            var others = pool.Except(group).ToList();
            var discovered = found.GetProperty("discovered");
            Check(Outcomes(first), discovered, "value");
            Assert.Equal(first.Count(), discovered.GetProperty("customers").GetInt32());
            Assert.True(first.Count() * 2 >= result.GetProperty("minimumSize").GetInt32());
            Check(Outcomes(others.Where(id => OpportunityWorld.IsDiscovering(id, seed))), discovered, "others");
            var quality = discovered.GetProperty("quality").GetDouble();
            Assert.NotEqual(0, quality);
            Assert.True(asked.GetProperty("direction").GetString() != (quality > 0 ? "low" : "high"));

            var (own, other) = (Outcomes(second), Outcomes(others.Where(id => !OpportunityWorld.IsDiscovering(id, seed))));
            var confirming = found.GetProperty("confirming");
            Assert.Equal(
                (own.Size, other.Size), (confirming.GetProperty("customers").GetDouble(), confirming.GetProperty("others").GetDouble()));
            Check(own, found, "value");
            Check(other, found, "others");
            Assert.Equal(own.Mean / other.Mean, found.GetProperty("lift").GetDouble(), 8);
            var right = isSum
                ? own.Interval()!.Value
                : new Proportion(Math.Round(own.Mean * own.Size), own.Size).Interval();
            Assert.Equal(right.Low, found.GetProperty("interval")[0].GetDouble(), 8);
            Assert.Equal(right.High, found.GetProperty("interval")[1].GetDouble(), 8);
            p.Add(confirming.GetProperty("p").GetDouble());
            Assert.Equal(
                isSum ? own.FindP(other) : new ProportionComparison(
                    new(Math.Round(own.Mean * own.Size), own.Size), new(Math.Round(other.Mean * other.Size), other.Size)).Test().P,
                p[^1], 10);
        }

        foreach (var (found, adjusted) in opportunities.Zip(MultipleTests.Holm(p)))
        {
            Assert.Equal(adjusted, found.GetProperty("p").GetDouble(), 12);
            var isSameSide = found.GetProperty("value").GetDouble() > found.GetProperty("others").GetDouble()
                == found.GetProperty("discovered").GetProperty("quality").GetDouble() > 0;
            Assert.Equal(adjusted < 0.05 && isSameSide, found.GetProperty("confirmed").GetBoolean());
        }

        // Without show=all those that are confirmed, alone.
        var shown = (await Api.GetAsync($"analyses/{search["id"].GetString()}")).Expect(200)["result"].GetProperty("opportunities");
        Assert.Equal(
            opportunities.Where(o => o.GetProperty("confirmed").GetBoolean()).Select(o => o.GetRawText()),
            shown.EnumerateArray().Select(o => o.GetRawText()));

        MeanEstimate Outcomes(IEnumerable<string> ids)
        {
            double[] values = [.. ids.Select(id => !world.Revenue.TryGetValue(id, out var revenue) ? 0 : isSum ? (double)revenue : 1)];
            return new MeanEstimate(
                values.Length, values.Average(), values.Sum(v => Math.Pow(v - values.Average(), 2)) / (values.Length - 1));
        }

        static void Check(MeanEstimate right, JsonElement found, string name) =>
            Assert.Equal(right.Mean, found.GetProperty(name).GetDouble(), 9);
    }

    [Fact]
    public async Task Planted_IsFound_AndSaidInWords()
    {
        var result = (await world.SearchAsync($"{Buyers},\"direction\":\"high\""))["result"];
        var best = result.GetProperty("opportunities")[0];
        const string plan = """{"field":"attributes.plan","operator":"=","value":"Pro"}""";
        const string friend = """{"field":"attributes.friend","operator":"=","value":true}""";
        Assert.Equal([plan, friend], best.GetProperty("rule").GetProperty("rules").EnumerateArray().Select(r => r.GetRawText())
            .OrderByDescending(r => r, StringComparer.Ordinal));
        string[] texts = ["Plan is \"Pro\" and friend is true", "Friend is true and plan is \"Pro\""];
        Assert.Contains(best.GetProperty("text").GetString(), texts);
        Assert.True(best.GetProperty("confirmed").GetBoolean());

        // Half of them by what was planted, and of the others those who ordered anyway: an eighth.
        Assert.True(best.GetProperty("interval")[0].GetDouble() < 0.567 && best.GetProperty("interval")[1].GetDouble() > 0.567);

        // Four fifths of it are a segment: it is not overlooked.
        Assert.False(best.GetProperty("overlooked").GetBoolean());
        (await Api.PutAsync("segments/found", $$"""{"rule":{{best.GetProperty("rule").GetRawText()}}}""")).Expect(201);
        await Wait.UntilAsync(
            async () => (await Api.GetAsync("segments/found"))["state"].GetProperty("status").GetString() == "ready", "it is built");
        string[] keys = ["found", .. best.GetProperty("covers").EnumerateArray().Select(c => c.GetProperty("segment").GetString()!)];
        Assert.Equal("pro-by-friend", keys[1]);
        var overlap = (await Api.PostAsync("segments/overlap", $"{{\"keys\":{JsonSerializer.Serialize(keys)}}}")).Expect(200);
        var right = overlap["pairs"].EnumerateArray().Where(p => p.GetProperty("a").GetString() == "found")
            .ToDictionary(p => p.GetProperty("b").GetString()!, p => p.GetProperty("jaccard").GetDouble());
        Assert.All(best.GetProperty("covers").EnumerateArray(), c => Assert.Equal(
            right[c.GetProperty("segment").GetString()!], c.GetProperty("jaccard").GetDouble(), 5));
        (await Api.DeleteAsync("segments/found")).Expect(204);
    }

    [Fact]
    public async Task OfARule_WhatItReadsDescribesNoGroup()
    {
        var rule = """{"combinator":"and","rules":[{"field":"segment","operator":"in","value":["gone"]}]}""";
        var search = await world.SearchAsync($"\"target\":{{\"rule\":{rule}}},\"conditions\":1,\"top\":100");
        var found = search["result"].GetProperty("opportunities").EnumerateArray().ToList();
        Assert.NotEmpty(found);
        Assert.All(found, o => Assert.DoesNotContain("attributes.left", o.GetProperty("rule").GetRawText(), StringComparison.Ordinal));
        Assert.Equal(
            (await world.ListAsync(JsonElement.Parse(rule))).Count / (double)OpportunityWorld.Customers,
            search["result"].GetProperty("everyone").GetProperty("value").GetDouble(), 9);

        // Nothing marks them, and no score or last visit tells what came.
        Assert.DoesNotContain(found, o => o.GetProperty("confirmed").GetBoolean());
        string[] later = ["predicted.", "silence", "firstSeen", "lastSeen"];
        Assert.All(found, o => Assert.DoesNotContain(later, l => o.GetProperty("rule").GetRawText().Contains(l, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task SameSeed_IsTheSameAnswer_AnotherIsOtherHalves()
    {
        var asOf = $"{Buyers},\"asOf\":\"{world.Now:O}\"";
        var (one, again) = (await world.SearchAsync(asOf), await world.SearchAsync(asOf));
        Assert.NotEqual(one["id"].GetString(), again["id"].GetString());
        Assert.Equal(one["result"].GetRawText(), again["result"].GetRawText());
        var other = (await world.SearchAsync($"{asOf},\"seed\":2"))["result"].GetProperty("everyone").GetProperty("discovering");
        Assert.NotEqual(one["result"].GetProperty("everyone").GetProperty("discovering").GetRawText(), other.GetRawText());
    }

    [Theory]
    [InlineData("\"target\":{\"metric\":\"buyers\"},\"asOf\":\"2001-01-01T00:00:00Z\"", "customersWithTheTarget", 20, 0)]
    [InlineData("\"target\":{\"metric\":\"buyers\"},\"minimumSize\":5000", "customers", 10000, OpportunityWorld.Customers)]
    [InlineData(
        "\"target\":{\"rule\":{\"combinator\":\"and\",\"rules\":[{\"field\":\"attributes.visits\",\"operator\":\">=\",\"value\":0}]}}",
        "customersWithoutTheTarget", 20, 0)]
    public async Task TooFew_AreToldWithTheirNumbers(string request, string what, int needed, int found)
    {
        var problem = (await world.SearchAsync(request))["problem"];
        Assert.EndsWith("/too-few-data", problem.GetProperty("type").GetString(), StringComparison.Ordinal);
        Assert.Equal(needed, problem.GetProperty("needed").GetProperty(what).GetInt32());
        Assert.Equal(found, problem.GetProperty("found").GetProperty(what).GetInt32());
    }

    [Theory]
    [InlineData("\"days\":5", "/target", "A target is one of {\"metric\":KEY} and {\"rule\":{…}}.")]
    [InlineData("\"target\":{\"metric\":\"buyer\"}", "/target/metric", "There is no metric \"buyer\". Did you mean \"buyers\"?")]
    [InlineData(
        "\"target\":{\"rule\":{\"combinator\":\"and\",\"rules\":[{\"field\":\"attributes.plam\",\"operator\":\"=\",\"value\":\"x\"}]}}",
        "/target/rule/rules/0/field", null)]
    [InlineData("\"target\":{\"metric\":\"buyers\",\"rule\":{\"combinator\":\"and\",\"rules\":[]}}", "/target", null)]
    [InlineData("\"target\":{\"metrik\":\"buyers\"}", "/target/metrik", null)]
    [InlineData(Buyers + ",\"within\":\"gremany\"", "/within", null)]
    [InlineData(Buyers + ",\"days\":0", "/days", "days must be an integer from 1 to 3650.")]
    [InlineData(Buyers + ",\"direction\":\"up\"", "/direction", null)]
    [InlineData(Buyers + ",\"conditions\":4", "/conditions", "conditions must be an integer from 1 to 3.")]
    [InlineData(Buyers + ",\"top\":0", "/top", "top must be an integer from 1 to 100.")]
    [InlineData(Buyers + ",\"minimumSize\":9", "/minimumSize", "minimumSize must be an integer from 10 to 1000000000.")]
    [InlineData(Buyers + ",\"seed\":1.5", "/seed", null)]
    public async Task BadRequest_IsToldWhere(string request, string place, string? text)
    {
        var refused = (await Api.PostAsync("analyses", $$"""{"type":"opportunities",{{request}}}""")).Expect(400);
        Assert.Equal([place], refused.Faults);
        if (text is not null)
        {
            Assert.Equal(text, refused["errors"].GetProperty(place)[0].GetString());
        }
    }
}
