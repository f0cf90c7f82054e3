using System.Globalization;
using System.Text.Json;
using Segmentation.Api.Tests.Segments;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Insight;

/// <summary>The brief says what the other reads answer, and what nobody knows.</summary>
public sealed class BriefTests(ProfileWorld world) : IClassFixture<ProfileWorld>
{
    private static readonly (string, string) Markdown = ("Accept", "text/markdown");

    private Api Api => world.Api;

    [Theory]
    [InlineData("buyers", "rule")]
    [InlineData("alpha", "kept")]
    public async Task EveryPart_IsWhatItsOwnReadAnswers(string key, string membership)
    {
        var asOf = Uri.EscapeDataString(DateTimeOffset.UtcNow.ToString("O", CultureInfo.InvariantCulture));
        var query = $"membership={membership}&asOf={asOf}";
        var brief = (await Api.GetAsync($"segments/{key}/brief?{query}")).Expect(200);
        var from = brief["performance"].GetProperty("items")[0].GetProperty("start").GetString();
        var performance = await Api.GetAsync($"segments/{key}/performance?{query}&interval=month&from={from}");
        SegmentApi.AssertSame(performance.Expect(200).Body, brief["performance"]);
        Assert.InRange(brief["performance"].GetProperty("items").GetArrayLength(), 4, 5);
        SegmentApi.AssertSame((await Api.GetAsync($"segments/{key}/forecast?{query}")).Expect(200).Body, brief["forecast"]);
        var trend = await Api.GetAsync($"segments/{key}/trend?from={from}&to={asOf}&interval=month");
        SegmentApi.AssertSame(trend.Expect(200).Body, brief["trend"]);
        Assert.Equal(JsonValueKind.Null, brief["leaving"].ValueKind);
        Assert.Contains("no-movers", Codes(brief));
        if (membership == "rule")
        {
            var count = (await Api.GetAsync($"segments/{key}/count?asOf={asOf}")).Expect(200)["count"].GetInt64();
            Assert.Equal(count, brief["size"].GetProperty("members").GetInt64());
            Assert.Equal(ProfileWorld.Customers, brief["size"].GetProperty("total").GetInt64());
            Assert.DoesNotContain("kept-since", Codes(brief));
        }
        else
        {
            Assert.Equal(200, brief["size"].GetProperty("members").GetInt64());
            Assert.Equal(1d / 3, brief["size"].GetProperty("share").GetDouble(), 1e-12);
            Assert.Contains("kept-since", Codes(brief));
        }
    }

    [Fact]
    public async Task Leaving_CountsTheMovers_TheSoonestFirst()
    {
        var key = await Api.MakeSegmentAsync(All(Is("value.daysSinceLastOrder", "<", "60")), "\"status\":\"draft\"");
        var movers = (await Api.GetAsync($"segments/{key}/movers?limit=1000")).Expect(200)["items"].EnumerateArray()
            .Select(m => (On: m.GetProperty("on").GetString()!, Id: m.GetProperty("id").GetString()!)).ToList();
        var leaving = (await Api.GetAsync($"segments/{key}/brief")).Expect(200)["leaving"];
        Assert.True(movers.Count > 10, $"{movers.Count}");
        Assert.Equal(movers.Count, leaving.GetProperty("count").GetInt32());
        Assert.False(leaving.GetProperty("more").GetBoolean());
        Assert.Equal(
            movers.Select(m => m.On).Order().Take(10),
            leaving.GetProperty("soonest").EnumerateArray().Select(m => m.GetProperty("on").GetString()!));
        var page = (await Api.GetAsync($"segments/{key}/brief", Markdown)).Expect(200).Body;
        Assert.Contains($"**{movers.Count}** will leave within 30 days if nobody does anything.", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Persona_IsOfTheNewestProfileAgainstEveryoneElse()
    {
        var before = (await Api.GetAsync("segments/german/brief")).Expect(200);
        Assert.Equal(JsonValueKind.Null, before["persona"].ValueKind);
        Assert.Contains("no-profile", Codes(before));
        await world.ProfileAsync("\"segment\":\"german\",\"against\":\"young\"");
        Assert.Contains("no-profile", Codes((await Api.GetAsync("segments/german/brief")).Expect(200)));
        var profile = await world.ProfileAsync("\"segment\":\"german\"");
        var brief = (await Api.GetAsync("segments/german/brief")).Expect(200);
        var persona = brief["persona"];
        Assert.Equal(profile["id"].GetString(), persona.GetProperty("analysis").GetString());
        Assert.Equal(
            profile["result"].GetProperty("persona").GetProperty("headline").GetString(), persona.GetProperty("headline").GetString());
        Assert.NotEmpty(persona.GetProperty("sentences").EnumerateArray());
        Assert.DoesNotContain("no-profile", Codes(brief));

        // Written after the profile; and before there was one.
        (await Api.SendAsync("PATCH", "segments/german", """{"goal":"Sell"}""", "application/merge-patch+json")).Expect(200);
        Assert.Contains("old-profile", Codes((await Api.GetAsync("segments/german/brief")).Expect(200)));
        var past = Uri.EscapeDataString(DateTimeOffset.UtcNow.AddDays(-1).ToString("O", CultureInfo.InvariantCulture));
        Assert.Contains("no-profile", Codes((await Api.GetAsync($"segments/german/brief?asOf={past}")).Expect(200)));
    }

    [Fact]
    public async Task Page_ShowsWhatPeopleTypedAsText_AndEveryPart()
    {
        var key = SegmentApi.NewKey();
        (await Api.PutAsync($"metrics/{key}-m", """
            {"name":"Orders | all","kind":"conversion","goal":"decrease","event":{"combinator":"and","rules":[
                {"field":"type","operator":"=","value":"order_completed"}]}}
            """)).Expect(201);
        (await Api.PutAsync($"segments/{key}", $$"""
            {"name":"A <b>*bold*</b>\n# name",
            "goal":"1. win | them","description":"- a [link](x)","goalMetric":"{{key}}-m","status":"draft","rule":{
                "combinator":"and","rules":[{"field":"value.orderCount","operator":">=","value":1}] } }
            """)).Expect(201);
        var answer = (await Api.GetAsync($"segments/{key}/brief?membership=rule", Markdown)).Expect(200);
        Assert.Equal("text/markdown; charset=utf-8", answer.Message.Content.Headers.ContentType!.ToString());
        var page = answer.Body;
        Assert.StartsWith(
            """
            # A \<b\>\*bold\*\</b\> \# name

            **Goal:** 1\. win \| them

            \- a \[link\](x)

            **Who is in it:**
            """.ReplaceLineEndings("\n"), page, StringComparison.Ordinal);
        foreach (var part in new[]
        {
            "## Size", "## What marks them", @"## How they do: Orders \| all", "Less is better", "| Share of members (95 %) |",
            "## Where it is heading", "members are expected, in four of five cases", "## About to leave", "**0** will leave",
            "## What is not known", "finds it.",
        })
        {
            Assert.Contains(part, page, StringComparison.Ordinal);
        }

        Assert.Equal(page[..page.IndexOf("*As of", StringComparison.Ordinal)], await FormatAsync("markdown", "application/json"));
        Assert.StartsWith("{", await FormatAsync("json", "text/markdown"), StringComparison.Ordinal);

        async Task<string> FormatAsync(string format, string accept)
        {
            var body = (await Api.GetAsync($"segments/{key}/brief?membership=rule&format={format}", ("Accept", accept))).Expect(200).Body;
            return body.IndexOf("*As of", StringComparison.Ordinal) is var end and >= 0 ? body[..end] : body;
        }
    }

    [Theory]
    [InlineData("by-hand", "no-goal,no-goal-metric,no-profile,too-few-data", null)]
    [InlineData("by-hand?membership=rule", "no-goal,no-goal-metric,no-profile,manual", null)]
    [InlineData("buyers", "no-goal,no-goal-metric,no-profile,kept-since,too-few-data", "did")]
    public async Task WhatIsNotKnown_IsSaid(string key, string codes, string? rule)
    {
        var (path, query) = key.Split('?') is [var p, var q] ? (p, $"?{q}") : (key, "");
        var brief = (await Api.GetAsync($"segments/{path}/brief{query}")).Expect(200);
        Assert.Equal(codes.Split(','), Codes(brief).Where(c => path != "by-hand" || c != "kept-since"));
        if (rule is null)
        {
            Assert.Equal(JsonValueKind.Null, brief["ruleText"].ValueKind);
        }
        else
        {
            Assert.Contains(rule, brief["ruleText"].GetString(), StringComparison.Ordinal);
        }

        (await Api.GetAsync($"segments/{path}/brief{query}", Markdown)).Expect(200);
        (await Api.GetAsync("segments/none/brief")).Expect(404);
        (await Api.GetAsync($"segments/{path}/brief", ("Accept", "text/html"))).Expect(406);
    }

    private static IEnumerable<string> Codes(Answer brief) =>
        brief["unknown"].EnumerateArray().Select(w => w.GetProperty("code").GetString()!);
}
