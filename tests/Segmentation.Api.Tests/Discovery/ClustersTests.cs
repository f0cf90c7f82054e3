using System.Text.Json;
using System.Text.Json.Nodes;

namespace Segmentation.Api.Tests.Discovery;

/// <summary>Clusters over HTTP: planted groups are found at their strength, their rules divide the customers, noise is refused.</summary>
public sealed class ClustersTests(ClusterWorld world) : IClassFixture<ClusterWorld>
{
    private Api Api => world.Api;

    [Fact]
    public async Task PlantedGroups_AreFound_AndEveryCustomerSatisfiesOneRule()
    {
        var analysis = await world.RunAsync("");
        var result = analysis["result"];
        Assert.Equal(3, result.GetProperty("k").GetInt32());
        Assert.Equal((ClusterWorld.Customers, ClusterWorld.Customers), (
            result.GetProperty("customers").GetInt32(), result.GetProperty("of").GetInt32()));
        Assert.Equal(JsonValueKind.Null, result.GetProperty("why").ValueKind);
        Assert.Equal("[]", analysis["warnings"].GetRawText());

        // What has one value, and what has more than 20, is not grouped by; nor is who somebody is.
        var fields = Texts(result.GetProperty("fields"));
        Assert.Equal(
            ["beta", "calledAt", "contract", "dice", "noise", "plan", "score", "spend", "tags", "visits"],
            fields.Select(f => f["attributes.".Length..]).Order(StringComparer.Ordinal));

        var reference = result.GetProperty("reference");
        Assert.True(result.GetProperty("silhouette").GetDouble()
            > reference.GetProperty("mean").GetDouble() + (10 * reference.GetProperty("deviation").GetDouble()));
        Assert.True(result.GetProperty("accuracy").GetDouble() > 0.95);
        Assert.Equal(9, result.GetProperty("tried").GetArrayLength());

        var clusters = result.GetProperty("clusters").EnumerateArray().ToList();
        Assert.Equal(
            clusters.Select(c => c.GetProperty("jaccard").GetDouble()),
            result.GetProperty("stability").EnumerateArray().Select(s => s.GetDouble()));
        foreach (var (cluster, planted) in clusters.Zip([450, 270, 180]))
        {
            Assert.InRange(cluster.GetProperty("customers").GetInt32(), planted - 25, planted + 25);
            Assert.Equal(cluster.GetProperty("customers").GetInt32() / 900.0, cluster.GetProperty("share").GetDouble(), 9);
            Assert.InRange(cluster.GetProperty("precision").GetDouble(), 0.9, 1);
            Assert.InRange(cluster.GetProperty("recall").GetDouble(), 0.9, 1);
            Assert.InRange(cluster.GetProperty("jaccard").GetDouble(), 0.9, 1);
            Assert.InRange(await world.CountAsync(cluster.GetProperty("rule")), planted - 25, planted + 25);
        }

        await CheckPartitionAsync(clusters);
    }

    [Fact]
    public async Task Rule_IsSavedByOneCall_AsADraft()
    {
        var cluster = (await world.RunAsync(""))["result"].GetProperty("clusters")[1];
        var rule = cluster.GetProperty("rule").GetRawText();
        Assert.True((await Api.PostAsync("segments/validate", $$"""{"rule":{{rule}}}""")).Expect(200)["valid"].GetBoolean());
        var name = cluster.GetProperty("name").GetRawText();
        var saved = await Api.PostAsync("segments", $$"""{"key":"found","name":{{name}},"status":"draft","rule":{{rule}}}""");
        Assert.Equal("draft", saved.Expect(201)["status"].GetString());
        Assert.True((await Api.GetAsync("segments/found/count")).Expect(200)["count"].GetInt64() > 200);
        Assert.NotEmpty(cluster.GetProperty("text").GetString()!);
        await Api.DeleteAsync("segments/found");
    }

    // As in a profile against the others: what its rules count is what it says.
    [Fact]
    public async Task Traits_AreThoseOfAProfile()
    {
        var result = (await world.RunAsync(""))["result"];
        var clusters = result.GetProperty("clusters").EnumerateArray().ToList();
        Assert.Equal(3, clusters.Select(c => c.GetProperty("name").GetString()).Distinct().Count());
        foreach (var cluster in clusters)
        {
            var (members, traits) = (cluster.GetProperty("customers").GetInt32(), cluster.GetProperty("traits").EnumerateArray().ToList());
            Assert.InRange(traits.Count, 4, 5);
            Assert.Equal(traits.Count, traits.Select(t => t.GetProperty("field").GetString()).Distinct().Count());
            var information = traits.Select(t => t.GetProperty("information").GetDouble()).ToList();
            Assert.Equal(information.OrderDescending(), information);
            foreach (var trait in traits)
            {
                var (own, others) = (trait.GetProperty("members").GetInt64(), trait.GetProperty("others").GetInt64());
                Assert.Equal(own + others, await world.CountAsync(trait.GetProperty("rule")));
                Assert.Equal((double)own / members, trait.GetProperty("share").GetDouble(), 9);
                Assert.Equal((double)others / (ClusterWorld.Customers - members), trait.GetProperty("otherShare").GetDouble(), 9);
                Assert.DoesNotContain(trait.GetProperty("field").GetString(), new[] { "attributes.noise", "attributes.dice" });
                Assert.True(trait.GetProperty("q").GetDouble() <= 0.05);
            }
        }
    }

    [Fact]
    public async Task SameRequest_SameAnswer_WhereverTheCustomersCameInAnotherOrder()
    {
        const string request = ",\"fields\":[\"attributes.plan\",\"attributes.score\",\"attributes.tags\",\"attributes.spend\"],\"seed\":4";
        var first = (await world.RunAsync(request))["result"].GetRawText();
        Assert.Equal(first, (await world.RunAsync(request))["result"].GetRawText());
        var other = new ClusterWorld();
        await other.LoadAsync(isReversed: true);
        Assert.Equal(first, (await other.RunAsync(request))["result"].GetRawText());
        await other.DisposeAsync();
    }

    [Fact]
    public async Task Noise_HasNoGroups_AndSaysWhy()
    {
        var result = (await world.RunAsync(
            ",\"fields\":[\"attributes.noise\",\"attributes.dice\",\"attributes.beta\",\"attributes.many\"],\"within\":\"half\""))
            ["result"];
        Assert.Equal(JsonValueKind.Null, result.GetProperty("k").ValueKind);
        Assert.NotEmpty(result.GetProperty("why").GetString()!);
        Assert.Equal(
            "[[],[],null,null,null]",
            $"[{string.Join(',', new[] { "clusters", "stability", "silhouette", "reference", "accuracy" }
                .Select(p => result.GetProperty(p).GetRawText()))}]");
        Assert.Equal(["attributes.beta", "attributes.dice", "attributes.noise"], Texts(result.GetProperty("fields")).Order());
        Assert.InRange(result.GetProperty("customers").GetInt32(), 350, 550);
    }

    [Fact]
    public async Task GivenK_IsMade_AndSaysThatThereAreNoGroups()
    {
        var analysis = await world.RunAsync(
            ",\"fields\":[\"attributes.noise\",\"attributes.dice\",\"attributes.same\"],\"k\":4");
        var result = analysis["result"];
        var clusters = result.GetProperty("clusters").EnumerateArray().ToList();
        Assert.Equal((4, 4, 900), (
            result.GetProperty("k").GetInt32(), clusters.Count, clusters.Sum(c => c.GetProperty("customers").GetInt32())));
        var warnings = analysis["warnings"].EnumerateArray().Select(w => w.GetProperty("code").GetString()).ToList();
        Assert.Contains("no-groups", warnings);
        Assert.Contains("fields-left-out", warnings);
        await CheckPartitionAsync(clusters);
    }

    // Of a flag and a text of few values there are fewer ways to differ than groups that are asked for.
    [Fact]
    public async Task GivenK_OfWhomTooFewDiffer_MakesThoseThatThereAre_AndSaysSo()
    {
        var analysis = await world.RunAsync(",\"fields\":[\"attributes.beta\",\"attributes.dice\"],\"k\":12");
        Assert.Equal("succeeded", analysis["status"].GetString());
        var clusters = analysis["result"].GetProperty("clusters").EnumerateArray().ToList();
        Assert.InRange(clusters.Count, 2, 12);
        Assert.Equal(
            clusters.Count < 12,
            analysis["warnings"].EnumerateArray().Any(w => w.GetProperty("code").GetString() == "fewer-groups"));
        Assert.Equal(900, clusters.Sum(c => c.GetProperty("customers").GetInt32()));
    }

    [Fact]
    public async Task Within_EveryRuleBeginsWithTheSegment_AndTheyDivideIt()
    {
        var result = (await world.RunAsync(
            ",\"fields\":[\"attributes.plan\",\"attributes.score\"],\"k\":3,\"within\":\"half\""))["result"];
        var sum = 0L;
        foreach (var cluster in result.GetProperty("clusters").EnumerateArray())
        {
            var rule = cluster.GetProperty("rule");
            Assert.Equal("half", rule.GetProperty("rules")[0].GetProperty("value")[0].GetString());
            sum += (await world.Api.PostAsync("segments/preview", $$"""{"rule":{{rule.GetRawText()}} }""")).Expect(200)["count"].GetInt64();
        }

        Assert.Equal(result.GetProperty("customers").GetInt64(), sum);
    }

    // Twelve groups can't be said in one tree of depth four: the rules divide the customers all the same.
    [Fact]
    public async Task ManyGroups_AreDividedByRules_ThatAreNotTheGroups()
    {
        var analysis = await world.RunAsync(",\"k\":12");
        var result = analysis["result"];
        Assert.True(result.GetProperty("accuracy").GetDouble() < 0.8);
        Assert.Contains(analysis["warnings"].EnumerateArray(), w => w.GetProperty("code").GetString() == "rules-differ");
        var clusters = result.GetProperty("clusters").EnumerateArray().ToList();
        Assert.Equal(900, clusters.Sum(c => c.GetProperty("customers").GetInt32()) + result.GetProperty("other").GetInt32());
        Assert.All(clusters, c => Assert.True(c.GetProperty("customers").GetInt32() >= 5));
        await CheckPartitionAsync(clusters);
    }

    [Fact]
    public async Task AsOf_ReadsWhatWasKnownThen()
    {
        var asOf = DateTimeOffset.UtcNow.AddDays(-1);
        var result = (await world.RunAsync($",\"asOf\":\"{asOf:O}\",\"fields\":[\"attributes.contract\",\"attributes.visits\"],\"k\":2"))
            ["result"];
        Assert.Equal(2, result.GetProperty("clusters").GetArrayLength());
        await CheckPartitionAsync([.. result.GetProperty("clusters").EnumerateArray()]);
    }

    [Fact]
    public async Task TooFew_AreToldWithTheirNumbers()
    {
        (await Api.PutAsync(
            "segments/few",
            """{"rule":{"combinator":"and","rules":[{"field":"attributes.many","operator":"in","value":["m1","m2"]}]}}""")).Expect(201);
        var problem = (await world.RunAsync(",\"within\":\"few\""))["problem"];
        Assert.EndsWith("/too-few-data", problem.GetProperty("type").GetString(), StringComparison.Ordinal);
        Assert.Equal(
            ("""{"customers":100,"fields":2}""", """{"customers":2,"fields":0}"""),
            (problem.GetProperty("needed").GetRawText(), problem.GetProperty("found").GetRawText()));
        problem = (await world.RunAsync(",\"fields\":[\"attributes.same\",\"attributes.many\"]"))["problem"];
        Assert.Equal("""{"customers":900,"fields":0}""", problem.GetProperty("found").GetRawText());
    }

    [Theory]
    [InlineData("\"within\":\"halv\"", "/within", "There is no segment \"halv\". Did you mean \"half\"?")]
    [InlineData("\"k\":1", "/k", "k must be an integer from 2 to 12.")]
    [InlineData("\"k\":13", "/k", "k must be an integer from 2 to 12.")]
    [InlineData("\"fields\":[]", "/fields", "There must be 2 to 100 fields.")]
    [InlineData("\"fields\":[\"attributes.plan\",\"attributes.plan\"]", "/fields", "There must be 2 to 100 fields.")]
    [InlineData(
        "\"fields\":[\"attributes.plan\",\"attributes.scor\"]", "/fields/1",
        "There is no field \"attributes.scor\". Did you mean \"attributes.score\"?")]
    [InlineData(
        "\"fields\":[\"customer.email\",\"attributes.plan\"]", "/fields/0",
        "Customers can't be grouped by it: only by numbers, dates, texts, booleans and sets that are traits.")]
    [InlineData("\"fields\":[null,\"attributes.plan\",\"attributes.score\"]", "/fields/0", "There is no field \"\".")]
    [InlineData("\"field\":[]", "/field", "\"field\" is not a property here. Did you mean \"fields\"?")]
    public async Task BadRequest_IsToldWhere(string request, string place, string text)
    {
        var refused = (await Api.PostAsync("analyses", $$"""{"type":"clusters",{{request}}}""")).Expect(400);
        Assert.Equal([place], refused.Faults);
        Assert.Equal(text, refused["errors"].GetProperty(place)[0].GetString());
    }

    // In SQL: they add up, and nobody satisfies two.
    private async Task CheckPartitionAsync(List<JsonElement> clusters)
    {
        var rules = clusters.Select(c => c.GetProperty("rule")).Where(r => r.ValueKind != JsonValueKind.Null).ToList();
        Assert.True(rules.Count > 1);
        var counts = new List<long>();
        foreach (var (i, rule) in rules.Index())
        {
            counts.Add(await world.CountAsync(rule));
            foreach (var other in rules.Take(i))
            {
                Assert.Equal(0, await world.CountAsync(rule, other));
            }
        }

        Assert.Equal(ClusterWorld.Customers, counts.Sum());
        var none = new JsonObject
        {
            ["combinator"] = "or",
            ["not"] = true,
            ["rules"] = new JsonArray([.. rules.Select(r => JsonNode.Parse(r.GetRawText()))]),
        };
        Assert.Equal(0, await world.CountAsync(JsonSerializer.SerializeToElement(none)));
    }

    private static IEnumerable<string> Texts(JsonElement list) => list.EnumerateArray().Select(f => f.GetString()!);
}
