using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>Lists of segments, and what uses one, over HTTP.</summary>
public sealed class SegmentListTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Fact]
    public async Task List_FiltersByTagStatusAndText_AndPages()
    {
        var mark = $"q{SegmentApi.NextNumber()}x";
        string[] keys = [.. Enumerable.Range(0, 7).Select(i => $"{mark}-{i}")];
        foreach (var (key, i) in keys.Select((k, i) => (k, i)))
        {
            var status = i < 3 ? "draft" : i < 5 ? "active" : "archived";
            var more = $$"""
                "tags":["{{mark}}{{i % 2}}"],"status":"{{status}}","goal":"100%_{{i}} Sure\\"
                """;
            (await Api.PutAsync($"segments/{key}", Body(Everyone, more))).Expect(201);
        }

        async Task<string[]> Keys(string filter, int limit = 2) => [.. (await Api.AllAsync($"segments?{filter}", limit))
            .Select(s => s.GetProperty("key").GetString()!)
            .Where(k => k.StartsWith(mark, StringComparison.Ordinal))];
        Assert.Equal(keys, await Keys($"q={mark.ToUpperInvariant()}"));
        Assert.Equal([keys[0], keys[2], keys[4], keys[6]], await Keys($"tag={mark}0"));
        Assert.Equal(keys[..3], await Keys($"status=draft&q={mark}"));
        Assert.Equal([keys[5]], await Keys($"status=archived&tag={mark}1"));
        Assert.Equal([keys[4]], await Keys("q=" + Uri.EscapeDataString("100%_4 sure\\")));
        Assert.Empty(await Keys("q=" + Uri.EscapeDataString("100%%4")));
        Assert.Equal(keys, (await Keys("", 1000)));
        Assert.Equal(["status"], (await Api.GetAsync("segments?status=nope")).Expect(400).Faults);
        Assert.Equal(["limit"], (await Api.GetAsync("segments?limit=0")).Expect(400).Faults);
        Assert.Equal(["limit"], (await Api.GetAsync("segments?limit=1001")).Expect(400).Faults);
        Assert.Equal(["limit"], (await Api.GetAsync("segments?limit=ten")).Expect(400).Faults);
        Assert.Equal(["cursor"], (await Api.GetAsync("segments?cursor=!!!")).Expect(400).Faults);
    }

    [Fact]
    public async Task List_ByText_FoldsAsRulesDo()
    {
        var mark = $"f{SegmentApi.NextNumber()}x";
        await MakeAsync($"{mark}-name", $"\"name\":\"{mark} 100% Söl_d\"");
        await MakeAsync($"{mark}-goal", $"\"goal\":\"{mark} ÆRØ\"");
        await MakeAsync($"{mark}-tag", $"\"tags\":[\"x\",\"{mark} Ωmega\"]");
        await MakeAsync($"{mark}-about", $"\"description\":\"{mark} ŽLUŤOUČKÝ\"");
        foreach (var (q, found) in new[]
        {
            ("SÖL", "name"), ("100% söl_D", "name"),
            ("ærø", "goal"), ("ΩMEGA", "tag"), ("žluťoučký", "about"),
            ($"{mark.ToUpperInvariant()}-TAG", "tag"), ("s_l", null), ("100%s", null), ("ol_d", null),
        })
        {
            var keys = (await Api.AllAsync($"segments?q={Uri.EscapeDataString(q)}"))
                .Select(s => s.GetProperty("key").GetString()!).Where(k => k.StartsWith(mark, StringComparison.Ordinal)).ToArray();
            Assert.True(keys.SequenceEqual(found is null ? [] : [$"{mark}-{found}"]), $"{q}: {string.Join(", ", keys)}");
        }
    }

    [Theory]
    [InlineData("name", "b,a,d,c")]
    [InlineData("-name", "c,a,d,b")]
    [InlineData("size", "b,d,c,a")]
    [InlineData("-size", "a,c,b,d")]
    [InlineData("updated", "c,b,a,d")]
    [InlineData("-updated", "d,a,b,c")]
    [InlineData("key", "a,b,c,d")]
    [InlineData("-key", "d,c,b,a")]
    public async Task List_Sorted_IsInThatOrderOnEveryPageSize(string sort, string expected)
    {
        var mark = $"o{SegmentApi.NextNumber()}x";
        foreach (var id in new[] { "1", "2", "3" })
        {
            (await Api.PutAsync($"customers/{mark}-{id}", "{}")).Expect(201);
        }

        // By name: Ärger after zebra, as code points are; the two of one name by key. By size: 3, 0, 1, 0 members.
        foreach (var (key, name, members) in new[] { ("c", "Ärger", 1), ("b", "Apple", 0), ("a", "zebra", 3), ("d", "ZEBRA", 0) })
        {
            await MakeAsync($"{mark}-{key}", $"\"name\":\"{name}\",\"tags\":[\"{mark}\"],\"kind\":\"manual\"", rule: null);
            var ids = string.Join(',', Enumerable.Range(1, members).Select(i => $"\"{mark}-{i}\""));
            (await Api.PostAsync($"segments/{mark}-{key}/members", $$"""{"add":[{{ids}}]}""")).Expect(200);
            (await Api.GetAsync($"segments/{mark}-{key}")).Expect(200);
            await Wait.UntilAsync(async () =>
                (await Api.AllAsync($"segments?tag={mark}")).Single(s => s.GetProperty("key").GetString() == $"{mark}-{key}")
                    .TryGetProperty("memberCount", out var count) && count.GetInt64() == members, "its count");
        }

        foreach (var limit in new[] { 1, 2, 3, 100 })
        {
            var listed = await Api.AllAsync($"segments?tag={mark}&sort={sort}", limit);
            Assert.Equal(expected.Split(',').Select(k => $"{mark}-{k}"), listed.Select(s => s.GetProperty("key").GetString()!));
        }

        // A cursor is of one order.
        var first = (await Api.GetAsync($"segments?tag={mark}&sort={sort}&limit=1")).Expect(200)["nextCursor"].GetString();
        var other = sort == "name" ? "size" : "name";
        Assert.Equal(["cursor"], (await Api.GetAsync($"segments?tag={mark}&sort={other}&cursor={first}")).Expect(400).Faults);
    }

    [Fact]
    public async Task List_AndGet_ShowShareOfTotal()
    {
        var mark = $"h{SegmentApi.NextNumber()}x";
        (await Api.PutAsync($"customers/{mark}", """{"demographic":{"gender":"share"}}""")).Expect(201);
        await MakeAsync($"{mark}-one", "", All(Is("customer.id", "=", $"\"{mark}\"")));
        await MakeAsync($"{mark}-draft", "\"status\":\"draft\"", All(Is("customer.id", "=", $"\"{mark}\"")));
        foreach (var key in new[] { $"{mark}-one", $"{mark}-draft" })
        {
            var one = (await Api.GetAsync($"segments/{key}")).Expect(200);
            Assert.Equal(1, one["memberCount"].GetInt64());
            Assert.True(one["total"].GetInt64() >= 1);
            Assert.Equal(Math.Round(1m / one["total"].GetInt64(), 6), one["share"].GetDecimal());
        }

        var listed = (await Api.AllAsync($"segments?q={mark}")).ToDictionary(s => s.GetProperty("key").GetString()!);
        Assert.All(listed.Values, s => Assert.True(s.GetProperty("total").GetInt64() >= 1));

        // A draft's count is the last that was made: none yet.
        Assert.False(listed[$"{mark}-draft"].TryGetProperty("share", out _));
    }

    [Fact]
    public async Task List_ByKindAndValid_HoldsThose()
    {
        var mark = $"k{SegmentApi.NextNumber()}x";
        (await Api.PutAsync($"attributes/{mark}", """{"type":"text","kind":"value"}""")).Expect(201);
        await MakeAsync($"{mark}-rule", "");
        await MakeAsync($"{mark}-manual", "\"kind\":\"manual\"", rule: null);
        await MakeAsync($"{mark}-gone", "\"status\":\"draft\"", All(Is($"attributes.{mark}", "notNull")));
        (await Api.DeleteAsync($"attributes/{mark}")).Expect(204);
        async Task<string[]> Keys(string filter) => [.. (await Api.AllAsync($"segments?q={mark}&{filter}", 1))
            .Select(s => s.GetProperty("key").GetString()![(mark.Length + 1)..])];
        Assert.Equal(["manual"], await Keys("kind=manual"));
        Assert.Equal(["gone", "rule"], await Keys("kind=rule"));
        Assert.Equal(["gone"], await Keys("valid=false"));
        Assert.Equal(["rule"], await Keys("valid=true&kind=rule"));
        Assert.Equal(["kind"], (await Api.GetAsync("segments?kind=hand")).Expect(400).Faults);
        Assert.Equal(["valid"], (await Api.GetAsync("segments?valid=perhaps")).Expect(400).Faults);
        foreach (var sort in new[] { "members", "Name", "--name", "-" })
        {
            Assert.Equal(["sort"], (await Api.GetAsync($"segments?sort={sort}")).Expect(400).Faults);
        }
    }

    [Fact]
    public async Task UsedBy_NamesSegmentsAndWebhooks()
    {
        var used = await Api.MakeSegmentAsync(Everyone);
        var draft = await Api.MakeSegmentAsync(All(In(used)), "\"status\":\"draft\",\"name\":\"Draft\"");
        var hook = (await Api.PostAsync("webhooks", $$"""{"url":"https://hook.example/a","segments":["{{used}}"],"enabled":false}"""))
            .Expect(201)["id"].GetString();
        var all = (await Api.PostAsync("webhooks", """{"url":"https://hook.example/all","enabled":false}""")).Expect(201)["id"].GetString();
        (await Api.PostAsync("webhooks", $$"""{"url":"https://hook.example/b","segments":["{{draft}}"],"enabled":false}""")).Expect(201);

        var users = (await Api.GetAsync($"segments/{used}/used-by")).Expect(200);
        var user = Assert.Single(users["segments"].EnumerateArray());
        Assert.Equal((draft, "Draft", "draft"), (
            user.GetProperty("key").GetString(), user.GetProperty("name").GetString(), user.GetProperty("status").GetString()));
        Assert.Equal([hook, all], users["webhooks"].EnumerateArray().Select(w => w.GetProperty("id").GetString()));
        Assert.Empty(users["playbooks"].EnumerateArray());
        Assert.Empty(users["experiments"].EnumerateArray());
        Assert.Empty((await Api.GetAsync($"segments/{draft}/used-by")).Expect(200)["segments"].EnumerateArray());
        (await Api.GetAsync($"segments/{SegmentApi.NewKey()}/used-by")).Expect(404);
        foreach (var webhook in new[] { hook, all })
        {
            (await Api.DeleteAsync($"webhooks/{webhook}")).Expect(204);
        }
    }

    private async Task MakeAsync(string key, string more, string? rule = Everyone)
    {
        var parts = new[] { rule is null ? "" : $"\"rule\":{rule}", more }.Where(p => p.Length > 0);
        (await Api.PutAsync($"segments/{key}", $"{{{string.Join(",", parts)}}}")).Expect(201);
    }
}
