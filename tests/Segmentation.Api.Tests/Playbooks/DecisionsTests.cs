using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Segments;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Playbooks;

/// <summary>Decisions over HTTP: each reason and outcome, events as if they had been stored, the same answer everywhere.</summary>
public sealed class DecisionsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Fact]
    public async Task Reasons_EachOne_AndTheOrderOfPlaybooks()
    {
        var placement = await Api.MakePlacementAsync("string", "\"fallback\"");
        var bare = await Api.MakePlacementAsync("string");
        Assert.Equal(("fallback", "noPlay", "\"fallback\""), await DecideAsync(placement, ""));
        Assert.Equal(("none", "noPlay", null), await DecideAsync(bare, ""));
        Assert.Equal(("none", "unknownPlacement", null), await DecideAsync("no-such", ""));

        const string phone = """{"combinator":"and","rules":[{"field":"context.device","operator":"=","value":"Mobile"}]}""";
        var low = await Api.MakePlaybookAsync(
            $"{Play("phone", placement, "one", phone)},{Play("any", placement, "two", null)}", "\"priority\":1");
        Assert.Equal(("play", "matched", "\"two\""), await DecideAsync(placement, ""));
        Assert.Equal(("play", "matched", "\"one\""), await DecideAsync(placement, "\"context\":{\"device\":\"MOBILE\"}"));
        var high = await Api.MakePlaybookAsync(Play("a", placement, "high", null), "\"priority\":2,\"requiresConsent\":\"ads\"");
        Assert.Equal(("play", "matched", "\"two\""), await DecideAsync(placement, ""));
        Assert.Equal(("play", "matched", "\"high\""), await DecideAsync(placement, "\"consents\":{\"ads\":true}"));
        (await Api.PatchAsync($"playbooks/{high}", """{"endsAt":"2020-01-01T00:00:00Z"}""")).Expect(200);
        Assert.Equal(("play", "matched", "\"two\""), await DecideAsync(placement, "\"consents\":{\"ads\":true}"));
        Assert.Equal(
            ("play", "matched", "\"high\""),
            await DecideAsync(placement, "\"consents\":{\"ads\":true},\"at\":\"2019-12-31T23:59:59Z\""));
        (await Api.PatchAsync($"playbooks/{low}", """{"status":"archived"}""")).Expect(200);
        Assert.Equal(("fallback", "noPlay", "\"fallback\""), await DecideAsync(placement, ""));
        (await Api.PatchAsync($"placements/{placement}", """{"status":"archived"}""")).Expect(200);
        Assert.Equal(("none", "unknownPlacement", null), await DecideAsync(placement, ""));
    }

    [Fact]
    public async Task Consents_OfAStoredCustomer_CanOnlyBeTakenAway_AndRulesSeeTheSame()
    {
        var placement = await Api.MakePlacementAsync("string");
        const string audience = """{"combinator":"and","rules":[{"field":"consent.ads","operator":"=","value":false}]}""";
        await Api.MakePlaybookAsync(Play("a", placement, "with", null), "\"requiresConsent\":\"ads\",\"priority\":9");
        await Api.MakePlaybookAsync(Play("a", placement, "without", null), $"\"audience\":{audience}");
        var (with, without) = ($"c{SegmentApi.NextNumber()}", $"c{SegmentApi.NextNumber()}");
        (await Api.PutAsync($"customers/{with}", """{"consents":{"ads":{"granted":true}}}""")).Expect(201);
        (await Api.PutAsync($"customers/{without}", "{}")).Expect(201);
        foreach (var (customer, consents, expected) in new[]
        {
            (with, "{}", "\"with\""),
            (with, """{"ads":true}""", "\"with\""),
            (with, """{"ads":false}""", "\"without\""),
            (without, """{"ads":true}""", "\"without\""),
            ("nobody", """{"ads":true}""", "\"with\""),
            ("nobody", "{}", "\"without\""),
        })
        {
            var answer = await AskAsync(
                $$"""{"customerId":"{{customer}}","placements":["{{placement}}"],"consents":{{consents}}}""");
            Assert.Equal(
                (expected, customer != "nobody"),
                (answer["decisions"][0].GetProperty("content").GetRawText(), answer["known"].GetBoolean()));
        }
    }

    [Fact]
    public async Task Events_CountAsIfTheyHadBeenStored_AndOnceWhereTheyAre()
    {
        string[] rules =
        [
            """{"field":"value.orderCount","operator":"=","value":2}""",
            """{"field":"value.lifetimeValue","operator":"between","value":[29,31]}""",
            """{"field":"value.averageOrderValue","operator":"=","value":20}""",
            """{"field":"behavioral.eventCount","operator":"=","value":4}""",
            """{"field":"behavioral.events","operator":"=","match":{"mode":"exactly","threshold":2},"value":ORDERS}""",
            """{"field":"value.lastOrderAt","operator":">","value":"2026-01-02T00:00:00Z"}""",
            """{"field":"behavioral.lastFeedbackAt","operator":"notNull"}""",
            """{"field":"psychographic.sentiment","operator":"=","value":1}""",
        ];
        const string orders = """{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}""";
        const string events = """
            [{"id":"e2","type":"Order_Completed","amount":30,"occurredAt":"2026-01-03T00:00:00Z"},
             {"id":"e1","type":"order_completed","amount":10,"occurredAt":"2026-01-01T00:00:00Z"},
             {"id":"e3","type":"order_refunded","amount":-10,"occurredAt":"2026-01-03T00:00:00Z"},
             {"id":"e4","type":"feedback","properties":{"nps":10},"occurredAt":"2026-01-03T00:00:00Z"}]
            """;
        List<string> placements = [];
        foreach (var rule in rules)
        {
            var placement = await Api.MakePlacementAsync("string");
            placements.Add(placement);
            var tree = rule.Replace("ORDERS", orders, StringComparison.Ordinal);
            var segment = await Api.MakeSegmentAsync($$"""{"combinator":"and","rules":[{{tree}}]}""");
            await Api.MakePlaybookAsync(
                Play("a", placement, "in", null),
                $$"""
                "audience":{"combinator":"and","rules":[{"field":"segment","operator":"in","value":["{{segment}}"]}]}
                """);
        }

        var stored = $"c{SegmentApi.NextNumber()}";
        (await Api.PostAsync(
            "events?createCustomers=true",
            $$"""{"id":"e1","customerId":"{{stored}}","type":"order_completed","amount":10,"occurredAt":"2026-01-01T00:00:00Z"}"""))
            .Expect(200);
        var asked = $$"""
            {"customerId":"{{stored}}","placements":{{JsonSerializer.Serialize(placements)}},"events":EVENTS,"explain":true}
            """;
        Assert.Equal(
            rules.Select(_ => "none"), Sources(await AskAsync(asked.Replace("EVENTS", "[]", StringComparison.Ordinal))));
        var before = await AskAsync(asked.Replace("EVENTS", events, StringComparison.Ordinal));
        Assert.Equal(rules.Select(_ => "play"), Sources(before));

        // An unknown customer is one who has just been created.
        var unknown = await AskAsync(asked.Replace("EVENTS", events, StringComparison.Ordinal)
            .Replace(stored, "somebody-new", StringComparison.Ordinal));
        Assert.Equal(rules.Select(_ => "play"), Sources(unknown));
        Assert.False(unknown["known"].GetBoolean());
        (await Api.GetAsync("customers/somebody-new")).Expect(404);

        foreach (var e in JsonNode.Parse(events)!.AsArray())
        {
            e!["customerId"] = stored;
            (await Api.PostAsync("events", e.ToJsonString())).Expect(200);
        }

        var after = await AskAsync(asked.Replace("EVENTS", events, StringComparison.Ordinal));
        var without = await AskAsync(asked.Replace("EVENTS", "[]", StringComparison.Ordinal));
        Assert.Equal(before["decisions"].GetRawText(), after["decisions"].GetRawText());
        Assert.Equal(before["decisions"].GetRawText(), without["decisions"].GetRawText());
    }

    [Fact]
    public async Task Events_OfACustomerOfTooMany_AreSeenByTheContextAlone()
    {
        static string Did(string field, string type, int times) => $$"""
            {"combinator":"and","rules":[{"field":"{{field}}","operator":"=","match":{"mode":"atLeast","threshold":{{times}} },
             "value":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"{{type}}"}]} }]}
            """;
        var (customer, many) = ($"c{SegmentApi.NextNumber()}", CustomerSnapshots.MaxEvents + 1);
        foreach (var part in Enumerable.Range(0, many).Chunk(10_000))
        {
            var lines = part.Select(i => $$"""
                {"id":"{{i}}","customerId":"{{customer}}","type":"page_viewed","occurredAt":"2026-01-01T00:00:00Z"}
                """.Trim());
            (await Api.SendAsync("POST", "events?createCustomers=true", string.Join('\n', lines), "application/x-ndjson")).Expect(200);
        }

        List<string> placements = [];
        foreach (var (audience, when) in new (string?, string?)[]
        {
            (Did("behavioral.events", "page_viewed", many), null),
            (Did("behavioral.events", "cart_added", 1), null),
            (null, Did("context.events", "cart_added", 1)),
        })
        {
            var placement = await Api.MakePlacementAsync("string");
            placements.Add(placement);
            await Api.MakePlaybookAsync(
                Play("a", placement, "in", when),
                audience is null ? null : $"\"audience\":{audience}");
        }

        var answer = await AskAsync($$"""
            {"customerId":"{{customer}}","placements":{{JsonSerializer.Serialize(placements)}},
             "events":[{"id":"e","type":"cart_added","occurredAt":"2026-01-03T00:00:00Z"}]}
            """);
        Assert.Equal(["play", "none", "play"], Sources(answer));
        Assert.False(answer["eventsApplied"].GetBoolean());

        // A consent that the request takes away is none for whatever reads it.
        (await Api.PatchAsync($"customers/{customer}", """{"consents":{"marketing":{"granted":true}}}""")).Expect(200);
        var consent = """{"combinator":"and","rules":[{"field":"consent.marketing","operator":"=","value":true}]}""";
        var segment = await Api.MakeSegmentAsync(consent);
        placements.Clear();
        foreach (var rule in new[]
        {
            $$"""{"field":"segment","operator":"in","value":["{{segment}}"]}""",
            consent,
            consent.Replace("true", "false", StringComparison.Ordinal),
        })
        {
            placements.Add(await Api.MakePlacementAsync("string"));
            await Api.MakePlaybookAsync(
                Play("a", placements[^1], "in", null),
                $$"""
                "audience":{"combinator":"and","rules":[{{rule}},{{Did("behavioral.events", "page_viewed", 1)}}]}
                """);
        }

        var asked = $$"""
            {"customerId":"{{customer}}","placements":{{JsonSerializer.Serialize(placements)}},"consents":{"marketing":LEFT} }
            """;
        Assert.Equal(["play", "play", "none"], Sources(await AskAsync(asked.Replace("LEFT", "true", StringComparison.Ordinal))));
        Assert.Equal(["none", "none", "play"], Sources(await AskAsync(asked.Replace("LEFT", "false", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Explain_SaysOfEachPlayWhy_AndTwoInstancesGiveTheSameBytes()
    {
        var placement = await Api.MakePlacementAsync("string");
        const string nobody = """{"combinator":"and","rules":[{"field":"customer.id","operator":"=","value":"x"}]}""";
        const string late = """{"combinator":"and","rules":[{"field":"context.hour","operator":">","value":23}]}""";
        await Api.MakePlaybookAsync(Play("a", placement, "1", null), "\"priority\":9,\"requiresConsent\":\"ads\"");
        await Api.MakePlaybookAsync(Play("a", placement, "2", null), $"\"priority\":8,\"audience\":{nobody}");
        await Api.MakePlaybookAsync(
            $"{Play("a", placement, "3", late)},{Play("b", placement, "4", null)},{Play("c", placement, "5", null)}", "\"priority\":7");
        var question = $$"""
            {"visitorId":"v","placements":["{{placement}}"],"context":{"timeZone":"Asia/Tokyo"},"explain":true,"at":"2026-02-01T15:30:00Z"}
            """;
        var answer = await AskAsync(question);
        var considered = answer["decisions"][0].GetProperty("considered").EnumerateArray().ToList();
        Assert.Equal(
            ["noConsent", "notInAudience", "contextNotMatched", "won", "notReached"],
            considered.Select(c => c.GetProperty("outcome").GetString()));
        Assert.False(considered[1].GetProperty("audience").GetProperty("matched").GetBoolean());
        Assert.Equal(0, considered[2].GetProperty("when").GetProperty("rules")[0].GetProperty("actual").GetInt32());
        Assert.True(answer.Message.Headers.CacheControl is { Private: true, NoStore: true });
        Assert.Equal(
            [$"play:{placement}/{considered[3].GetProperty("playbook").GetString()}@1/b"],
            answer["decisions"][0].GetProperty("exposures").EnumerateArray().Select(e => e.GetString()));

        await using var other = new ApiFixture.Server(fixture.ConnectionString, migrate: false);
        Assert.Equal(answer.Body, (await other.Api.PostAsync("decisions", question)).Expect(200).Body);
    }

    [Fact]
    public async Task Preview_ConsentsGranted_ReachesEverybodyWhomTheyKeepBack()
    {
        var placement = await Api.MakePlacementAsync("boolean");
        var draft = $$"""
            {"key":"draft","requiresConsent":"mail","startsAt":"2999-01-01T00:00:00Z",
             "audience":{"combinator":"and","rules":[{"field":"consent.mail","operator":"=","value":true}]},
             "plays":[{"key":"a","placement":"{{placement}}","content":true}]}
            """;
        (await Api.PutAsync("customers/granted-none", "{}")).Expect(201);
        foreach (var (consents, all) in new[] { ("stored", false), ("granted", true) })
        {
            var preview = (await Api.PostAsync("playbooks/preview", $$"""{"playbook":{{draft}},"consents":"{{consents}}"}""")).Expect(200);
            var play = preview["placements"][0].GetProperty("plays")[0];
            Assert.Equal(all ? preview["total"].GetInt32() : 0, play.GetProperty("count").GetInt32());
            Assert.Equal(all ? 1 : 0, play.GetProperty("share").GetDecimal());
        }

        Assert.Equal(
            ["/playbook/plays/0/placement"],
            (await Api.PostAsync("playbooks/preview", """{"playbook":{"plays":[{"key":"a","placement":"no-such","content":1}]}}"""))
                .Expect(400).Faults);
        Assert.Equal(["/playbook"], (await Api.PostAsync("playbooks/preview", "{}")).Expect(400).Faults);
        Assert.Equal(["/key"], (await Api.PostAsync("playbooks/preview", """{"key":"no-such"}""")).Expect(400).Faults);
    }

    [Theory]
    [InlineData("{}", "/visitorId")]
    [InlineData("""{"visitorId":"a/b"}""", "/visitorId")]
    [InlineData("""{"visitorId":".."}""", "/visitorId")]
    [InlineData("""{"visitorId":"v","customerId":""}""", "/customerId")]
    [InlineData("""{"visitorId":"v","placements":[]}""", "/placements")]
    [InlineData("""{"visitorId":"v","placements":[null]}""", "/placements/0")]
    [InlineData("""{"visitorId":"v","context":{"hour":5}}""", "/context/hour")]
    [InlineData("""{"visitorId":"v","context":{"country":"Germany"}}""", "/context/country")]
    [InlineData("""{"visitorId":"v","context":{"device":"toaster"}}""", "/context/device")]
    [InlineData("""{"visitorId":"v","context":{"timeZone":"Mars"}}""", "/context/timeZone")]
    [InlineData("""{"visitorId":"v","context":{"visit":{"number":0}}}""", "/context/visit/number")]
    [InlineData("""{"visitorId":"v","context":{"visit":{"number":"1"}}}""", "/context/visit/number")]
    [InlineData("""{"visitorId":"v","context":{"visit":{"id":"a\u0000"}}}""", "/context/visit/id")]
    [InlineData("""{"visitorId":"v","context":{"custom":[1]}}""", "/context/custom")]
    [InlineData("""{"visitorId":"v","context":{"location":{"latitude":91,"longitude":0}}}""", "/context/location")]
    [InlineData("""{"visitorId":"v","context":{"location":{"latitude":1e400,"longitude":0}}}""", "/context/location/latitude")]
    [InlineData("""{"visitorId":"v","context":{"custom":{"a":["\ud800"]}}}""", "/context/custom")]
    [InlineData("""{"visitorId":"v","events":[{"type":"a"}]}""", "/events/0/id")]
    [InlineData("""{"visitorId":"v","events":[{"id":"e"}]}""", "/events/0/type")]
    [InlineData("""{"visitorId":"v","events":[null]}""", "/events/0")]
    [InlineData("""{"visitorId":"v","consents":{"ads":null}}""", "/consents/ads")]
    [InlineData("""{"visitorId":"v","consents":{"a b":true}}""", "/consents/a b")]
    [InlineData("""{"visitorId":"v","record":true,"at":"2026-01-01T00:00:00Z"}""", "/at")]
    [InlineData("""{"visitorId":"v","typo":1}""", "/typo")]
    public async Task Question_Invalid_Is400AtItsPlace(string body, string pointer) =>
        Assert.Equal([pointer], (await Api.PostAsync("decisions", body)).Expect(400).Faults);

    private static IEnumerable<string?> Sources(Answer answer) =>
        answer["decisions"].EnumerateArray().Select(d => d.GetProperty("source").GetString());

    private static string Play(string key, string placement, string content, string? when) =>
        $$"""{"key":"{{key}}","placement":"{{placement}}","content":"{{content}}"{{(when is null ? "" : $",\"when\":{when}")}}}""";

    private async Task<(string?, string?, string?)> DecideAsync(string placement, string more)
    {
        var answer = await AskAsync($$"""{"visitorId":"v","placements":["{{placement}}"]{{(more.Length > 0 ? "," + more : "")}}}""");
        var decision = answer["decisions"][0];
        return (decision.GetProperty("source").GetString(), decision.GetProperty("reason").GetString(),
            decision.TryGetProperty("content", out var content) ? content.GetRawText() : null);
    }

    private async Task<Answer> AskAsync(string question) => (await Api.PostAsync("decisions", question)).Expect(200);
}
