using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Playbooks;

/// <summary>Placements and playbooks over HTTP: what they must be, what keeps what from being deleted, versions.</summary>
public sealed class PlaybooksTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Theory]
    [InlineData("""{"type":"object","fallback":{"b":1,"a":[1.0,2],"c":1e400}}""", """{"b":1,"a":[1.0,2],"c":1e400}""")]
    [InlineData("""{"type":"string","fallback":""}""", "\"\"")]
    [InlineData("""{"type":"number","fallback":1.50}""", "1.50")]
    [InlineData("""{"type":"boolean","fallback":false}""", "false")]
    [InlineData("""{"type":"boolean","fallback":null}""", null)]
    public async Task Placement_IsKeptAsSent_AndCanBePutBackAsRead(string body, string? fallback)
    {
        var key = $"p-{SegmentApi.NextNumber()}";
        var created = (await Api.PutAsync($"placements/{key}", body)).Expect(201);
        Assert.Equal(
            (key, key, "active", 0),
            (created["key"].GetString(), created["name"].GetString(), created["status"].GetString(), created["tags"].GetArrayLength()));
        var read = (await Api.GetAsync($"placements/{key}")).Expect(200);
        Assert.Equal(fallback, read.Json.TryGetProperty("fallback", out var shown) ? shown.GetRawText() : null);
        (await Api.PutAsync($"placements/{key}", read.Body)).Expect(200);
        (await Api.PatchAsync($"placements/{key}", """{"status":"archived","tags":["a"]}""")).Expect(200);
        Assert.Contains(key, (await Api.AllAsync("placements?status=archived&tag=a", 2)).Select(p => p.GetProperty("key").GetString()));
        Assert.DoesNotContain(key, (await Api.AllAsync("placements?status=active", 50)).Select(p => p.GetProperty("key").GetString()));
        (await Api.DeleteAsync($"placements/{key}")).Expect(204);
        (await Api.DeleteAsync($"placements/{key}")).Expect(204);
        (await Api.GetAsync($"placements/{key}")).Expect(404);
    }

    [Theory]
    [InlineData("""{}""", "/type")]
    [InlineData("""{"type":"list"}""", "/type")]
    [InlineData("""{"type":"object","fallback":[1]}""", "/fallback")]
    [InlineData("""{"type":"object","fallback":"a"}""", "/fallback")]
    [InlineData("""{"type":"string","fallback":1}""", "/fallback")]
    [InlineData("""{"type":"number","fallback":"1"}""", "/fallback")]
    [InlineData("""{"type":"boolean","fallback":{}}""", "/fallback")]
    [InlineData("""{"type":"string","fallback":"a\u0000"}""", "/fallback")]
    [InlineData("""{"type":"object","typo":1}""", "/typo")]
    [InlineData("""{"type":"object","tags":[""]}""", "/tags")]
    [InlineData("""{"type":"object","status":"draft"}""", "/status")]
    public async Task Placement_Invalid_Is400AtItsPlace(string body, string pointer) =>
        Assert.Equal([pointer], (await Api.PutAsync("placements/p", body)).Expect(400).Faults);

    [Fact]
    public async Task Placement_ThatAPlaybookNames_KeepsItsTypeAndStays()
    {
        var placement = await Api.MakePlacementAsync();
        var playbook = await Api.MakePlaybookAsync(Play(placement), status: "draft");
        Assert.Contains(playbook, (await Api.DeleteAsync($"placements/{placement}")).Expect(409)["title"].GetString());
        Assert.Contains(
            playbook, (await Api.PutAsync($"placements/{placement}", """{"type":"string"}""")).Expect(409)["title"].GetString());
        (await Api.PatchAsync($"playbooks/{playbook}", """{"status":"archived"}""")).Expect(200);
        (await Api.DeleteAsync($"placements/{placement}")).Expect(204);

        var left = (await Api.GetAsync($"playbooks/{playbook}")).Expect(200);
        Assert.False(left["valid"].GetBoolean());
        Assert.Equal(["/plays/0/placement"], left["errors"].EnumerateObject().Select(e => e.Name));
        (await Api.PatchAsync($"playbooks/{playbook}", """{"status":"active"}""")).Expect(400);
        (await Api.PatchAsync($"playbooks/{playbook}", """{"status":"draft","name":"Mended soon"}""")).Expect(200);
        (await Api.PutAsync($"playbooks/{playbook}", left.Body)).Expect(200);
        (await Api.PostAsync($"playbooks/{playbook}/clone", $$"""{"key":"{{playbook}}-copy"}""")).Expect(201);
    }

    [Fact]
    public async Task SegmentAndAttribute_ThatAPlaybookNames_CantBeDeleted()
    {
        var placement = await Api.MakePlacementAsync();
        var segment = await Api.MakeSegmentAsync("""{"combinator":"and","rules":[]}""");
        var attribute = $"a{SegmentApi.NextNumber()}";
        (await Api.PutAsync($"attributes/{attribute}", """{"type":"text","kind":"value"}""")).Expect(201);
        var rule = $$"""
            {"combinator":"and","rules":[{"field":"segment","operator":"in","value":["{{segment}}"]},
             {"field":"attributes.{{attribute}}","operator":"=","value":"x"}]}
            """;
        var playbook = await Api.MakePlaybookAsync(Play(placement), $"\"audience\":{rule}");
        foreach (var path in new[] { $"segments/{segment}", $"attributes/{attribute}" })
        {
            Assert.EndsWith($": {playbook}.", (await Api.DeleteAsync(path)).Expect(409)["title"].GetString());
        }

        (await Api.PutAsync($"attributes/{attribute}", """{"type":"decimal","kind":"value"}""")).Expect(409);
        Assert.Equal(
            [playbook],
            (await Api.GetAsync($"segments/{segment}/used-by")).Expect(200)["playbooks"].EnumerateArray().Select(p => p.GetString()));
        (await Api.DeleteAsync($"playbooks/{playbook}")).Expect(204);
        (await Api.DeleteAsync($"segments/{segment}")).Expect(204);
        (await Api.DeleteAsync($"attributes/{attribute}")).Expect(204);
    }

    [Fact]
    public async Task Playbook_Versions_RestoreCloneFilterAndIfMatch()
    {
        var placement = await Api.MakePlacementAsync("string");
        var playbook = await Api.MakePlaybookAsync(Play(placement, "\"one\""), "\"tags\":[\"x\"],\"goal\":\"Ärger\"");
        var first = (await Api.GetAsync($"playbooks/{playbook}")).Expect(200);
        Assert.Equal(
            (1, true, 500, "none", "UTC"),
            (first["version"].GetInt32(), first["valid"].GetBoolean(), first["priority"].GetInt32(), first["keep"].GetString(),
                first["timeZone"].GetString()));
        Assert.Equal(1, (await Api.PutAsync($"playbooks/{playbook}", first.Body)).Expect(200)["version"].GetInt32());
        Assert.Equal(2, (await Api.PatchAsync($"playbooks/{playbook}", """{"priority":0}""")).Expect(200)["version"].GetInt32());
        Assert.Equal(3, (await Api.PostAsync($"playbooks/{playbook}/versions/1/restore", "")).Expect(200)["version"].GetInt32());
        Assert.Equal(500, (await Api.GetAsync($"playbooks/{playbook}")).Expect(200)["priority"].GetInt32());
        Assert.Equal(
            [3, 2, 1], (await Api.AllAsync($"playbooks/{playbook}/versions", 2)).Select(v => v.GetProperty("version").GetInt32()));
        (await Api.PostAsync($"playbooks/{playbook}/versions/9/restore", "")).Expect(404);
        var copy = (await Api.PostAsync($"playbooks/{playbook}/clone", $$"""{"key":"{{playbook}}-b"}""")).Expect(201);
        Assert.Equal("draft", copy["status"].GetString());
        (await Api.PostAsync($"playbooks/{playbook}/clone", $$"""{"key":"{{playbook}}-b"}""")).Expect(409);
        foreach (var (query, expected) in new[]
        {
            ($"placement={placement}", new[] { playbook, $"{playbook}-b" }),
            ($"placement={placement}&status=draft", [$"{playbook}-b"]),
            ($"placement={placement}&tag=x&q=ärGER", [playbook, $"{playbook}-b"]),
            ($"placement={placement}&q=nothing", []),
            ($"placement={placement}&tag=y", []),
        })
        {
            Assert.Equal(expected, (await Api.AllAsync($"playbooks?{query}", 1)).Select(p => p.GetProperty("key").GetString()));
        }
    }

    [Theory]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE"}]}""", "/plays/0/content")]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE","content":null}]}""", "/plays/0/content")]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE","content":"text"}]}""", "/plays/0/content")]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE","content":[]}]}""", "/plays/0/content")]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE","content":{"a":"\ud800"}}]}""", "/plays/0/content")]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE","content":{},"contents":{"a":{}}}]}""", "/plays/0/content")]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE","contents":{"a":{}}}]}""", "/plays/0/experiment")]
    [InlineData("""{"plays":[{"key":"A","placement":"PLACE","content":{}}]}""", "/plays/0/key")]
    [InlineData(
        """{"plays":[{"key":"a","placement":"PLACE","content":{}},{"key":"a","placement":"PLACE","content":{}}]}""", "/plays/1/key")]
    [InlineData("""{"plays":[{"key":"a","placement":"no-such-place","content":{}}]}""", "/plays/0/placement")]
    [InlineData("""{"plays":[{"key":"a","content":{}}]}""", "/plays/0/placement")]
    [InlineData("""{"plays":[null]}""", "/plays/0")]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE","content":{},"caps":[{"max":0,"per":"visit"}]}]}""", "/plays/0/caps/0")]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE","content":{},"caps":[{"max":1,"per":"day"}]}]}""", "/plays/0/caps/0")]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE","content":{},"caps":[{"max":1,"per":"\ud800"}]}]}""", "/plays/0/caps/0")]
    [InlineData(
        """{"plays":[{"key":"a","placement":"PLACE","content":{},"caps":[{"max":1,"per":{"amount":1,"unit":"second"}}]}]}""",
        "/plays/0/caps/0")]
    [InlineData(
        """
        {"plays":[{"key":"a","placement":"PLACE","content":{},
         "when":{"combinator":"and","rules":[{"field":"demographic.age","operator":">","value":1}]}}]}
        """,
        "/plays/0/when/rules/0/field")]
    [InlineData(
        """
        {"plays":[{"key":"a","placement":"PLACE","content":{},
         "when":{"combinator":"and","rules":[{"field":"context.device","operator":"=","value":"toaster"}]}}]}
        """,
        "/plays/0/when/rules/0/value")]
    [InlineData(
        """{"audience":{"combinator":"and","rules":[{"field":"context.hour","operator":"=","value":1}]}}""",
        "/audience/rules/0/field")]
    [InlineData(
        """{"audience":{"combinator":"and","rules":[{"field":"segment","operator":"in","value":["no-such"]}]}}""",
        "/audience/rules/0/value/0")]
    [InlineData("""{"audience":{}}""", "/audience")]
    [InlineData("""{"priority":1001}""", "/priority")]
    [InlineData("""{"timeZone":"Mars"}""", "/timeZone")]
    [InlineData("""{"startsAt":"2026-01-01T00:00:00Z","endsAt":"2026-01-01T00:00:00Z"}""", "/endsAt")]
    [InlineData("""{"requiresConsent":"not a name"}""", "/requiresConsent")]
    [InlineData("""{"holdout":"no-such"}""", "/holdout")]
    [InlineData("""{"keep":"ever"}""", "/keep")]
    [InlineData("""{"typo":1}""", "/typo")]
    public async Task Playbook_Invalid_Is400AtItsPlace_AndValidateSaysTheSame(string body, string pointer)
    {
        var placement = await Api.MakePlacementAsync();
        body = body.Replace("PLACE", placement, StringComparison.Ordinal);
        Assert.Equal([pointer], (await Api.PutAsync("playbooks/b", body)).Expect(400).Faults);
        var validated = await Api.PostAsync("playbooks/validate", body);
        Assert.Equal(
            [pointer],
            (int)validated.Message.StatusCode == 400
                ? validated.Faults
                : validated.Expect(200)["errors"].EnumerateObject().Select(e => e.Name));
    }

    [Fact]
    public async Task ContextFields_AreListed_WithTheApplicationsOwnThatPlaybooksName()
    {
        var placement = await Api.MakePlacementAsync();
        await Api.MakePlaybookAsync(
            Play(placement, "{}", """
                ,"when":{"combinator":"and","rules":[{"field":"context.custom.cart.total","operator":">","value":50}]}
                """));
        var groups = (await Api.GetAsync("fields?for=context")).Expect(200).Json;
        var names = groups[0].GetProperty("options").EnumerateArray().Select(o => o.GetProperty("name").GetString()).ToList();
        Assert.Equal("context", groups[0].GetProperty("kind").GetString());
        Assert.Superset(
            new HashSet<string?>
            {
                "context.hour", "context.dayOfWeek", "context.month", "context.date", "context.country", "context.region", "context.city",
                "context.language", "context.location", "context.device", "context.os", "context.browser", "context.channel",
                "context.page", "context.referrer", "context.campaign", "context.source", "context.medium", "context.known",
                "context.visit.number", "context.visit.pageViews", "context.visit.startedAt", "context.events", "context.custom.cart.total",
            },
            names.ToHashSet());
    }

    private static string Play(string placement, string content = "{}", string more = "") =>
        $$"""{"key":"a","placement":"{{placement}}","content":{{content}}{{more}}}""";
}
