using System.Text.RegularExpressions;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>The rule language's edges over HTTP: what it is told in words, what is taken, what is kept.</summary>
public sealed class RuleEdgeTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string SixMonthsAgo = """{"mode":"relative","anchor":"now","offset":-6,"unit":"month"}""";

    private Api Api => fixture.Api;

    public static TheoryData<string, string, string> DateSentences => new()
    {
        { ">", "is after 6 months ago", "recent" },
        { ">=", "is on or after 6 months ago", "recent" },
        { "<", "is before 6 months ago", "old" },
        { "<=", "is on or before 6 months ago", "old" },
    };

    [Theory]
    [MemberData(nameof(DateSentences))]
    public async Task Validate_DateOperator_SaysWhoIsIn(string op, string words, string who)
    {
        var mark = SegmentApi.NewKey();
        var now = DateTimeOffset.UtcNow;
        foreach (var (name, at) in new[] { ("recent", now.AddDays(-2)), ("old", now.AddYears(-1)) })
        {
            (await Api.PutAsync($"customers/{mark}-{name}", $$"""{"lastName":"{{mark}}","lastSeenAt":"{{at:O}}"}""")).Expect(201);
        }

        var rule = All(Is("temporal.lastSeenAt", op, SixMonthsAgo), Is("customer.lastName", "=", $"\"{mark}\""));
        var validation = (await Api.PostAsync("segments/validate", Body(rule))).Expect(200);
        Assert.Equal($"Last seen {words} and Last name is \"{mark}\"", validation["description"].GetString());
        Assert.Equal([$"{mark}-{who}"], await FindAsync(rule));
        var labels = (await Api.GetAsync("fields")).Json.EnumerateArray().SelectMany(g => g.GetProperty("options").EnumerateArray())
            .Single(f => f.GetProperty("name").GetString() == "temporal.lastSeenAt").GetProperty("operators").EnumerateArray();
        Assert.StartsWith(
            labels.Single(o => o.GetProperty("name").GetString() == op).GetProperty("label").GetString()!, words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Validate_FirstOrder_SaysWhoIsIn()
    {
        var mark = SegmentApi.NewKey();
        foreach (var (name, days) in new[] { ("new", 3), ("old", 90) })
        {
            var at = DateTimeOffset.UtcNow.AddDays(-days);
            (await Api.PostAsync(
                $"customers/{mark}-{name}/events", $$"""{"type":"order_completed","occurredAt":"{{at:O}}"}""")).Expect(200);
        }

        var first = """
            {"field":"behavioral.events","operator":"=",
             "match":{"mode":"atLeast","aggregate":"min","of":"occurredAt",
               "threshold":{"mode":"relative","anchor":"now","offset":-30,"unit":"day"}},
             "value":{"combinator":"and","rules":[{"field":"type","operator":"=","value":" order_completed "}]}}
            """;
        var rule = All(first, Is("customer.id", "beginsWith", $"\"{mark}-\""));
        var description = (await Api.PostAsync("segments/validate", Body(rule))).Expect(200)["description"].GetString();
        Assert.Equal($"first did order_completed within the last 30 days and Customer id begins with \"{mark}-\"", description);
        Assert.Equal([$"{mark}-new"], await FindAsync(rule));
    }

    [Fact]
    public async Task Validate_WhatIsNotFilledIn_IsIncomplete()
    {
        var validation = (await Api.PostAsync("segments/validate", Body(All(
            Is("value.lifetimeValue", ">", "\"\""),
            Is("customer.email", "=", "5"),
            Is("geographic.country", "in", "[]"),
            """{"field":"demographic.age","operator":"=","value":null}""",
            Is("segment", "in", "[]"))))).Expect(200);
        Assert.Equal(
            ["/rule/rules/0/value", "/rule/rules/2/value", "/rule/rules/3/value", "/rule/rules/4/value"],
            validation["incomplete"].EnumerateArray().Select(p => p.GetString()));
        Assert.Equal(
            ["/rule/rules/0/value", "/rule/rules/1/value", "/rule/rules/2/value", "/rule/rules/3/value", "/rule/rules/4/value"],
            validation.Faults);
        Assert.Contains("value.lifetimeValue needs a value: a number.", validation.Body);
        Assert.Empty((await Api.PostAsync("segments/validate", Body(Everyone))).Expect(200)["incomplete"].EnumerateArray());
    }

    [Fact]
    public async Task Put_WordsInAnotherCaseAndNulls_AreKeptInTheLanguagesOwn()
    {
        var key = SegmentApi.NewKey();
        var sent = """
            {"combinator":"And","not":null,"field":null,"rules":[
              {"combinator":null,"rules":null,"field":"behavioral.events","operator":"=","valueSource":null,
               "match":{"mode":"AtLeast","threshold":2,"aggregate":"DistinctDays","of":null},
               "value":{"combinator":"Or","rules":[{"field":"occurredAt","operator":">=","match":null,
                 "value":{"mode":"Relative","anchor":"StartOfMonth","offset":-1,"unit":"Month"}}]}},
              {"field":"customer.firstName","operator":"=","value":"AtLeast","valueSource":"value"}]}
            """;
        var kept = sent.Replace("\"And\"", "\"and\"", StringComparison.Ordinal)
            .Replace("\"AtLeast\",\"t", "\"atLeast\",\"t", StringComparison.Ordinal)
            .Replace("DistinctDays", "distinctDays", StringComparison.Ordinal).Replace("\"Or\"", "\"or\"", StringComparison.Ordinal)
            .Replace("Relative", "relative", StringComparison.Ordinal).Replace("StartOfMonth", "startOfMonth", StringComparison.Ordinal)
            .Replace("\"Month\"", "\"month\"", StringComparison.Ordinal)
            .Replace("\"of\":null", "\"of\":0", StringComparison.Ordinal);
        kept = Regex.Replace(kept, "\"[a-zA-Z]+\":null,|,\"of\":0", "");
        (await Api.PutAsync($"segments/{key}", Body(sent))).Expect(201);
        var got = (await Api.GetAsync($"segments/{key}")).Expect(200);
        SegmentApi.AssertSame(kept, got["rule"]);
        Assert.Equal(got.Version, (await Api.PutAsync($"segments/{key}", Body(sent))).Expect(200).Version);

        // Explained, counted and evaluated in memory as any other.
        (await Api.PostAsync($"customers/{key}/events", """{"type":"x"}""")).Expect(200);
        Assert.Equal("false", (await Api.GetAsync($"segments/{key}/explain/{key}")).Expect(200)["matched"].GetRawText());
        (await Api.GetAsync($"segments/{key}/count")).Expect(200);
    }

    [Theory]
    [InlineData("localtime")]
    [InlineData("Factory")]
    [InlineData("posixrules")]
    [InlineData("posix/Europe/Berlin")]
    [InlineData("right/Europe/Berlin")]
    [InlineData("UTC+3")]
    [InlineData("CET-1CEST")]
    [InlineData("PDT")]
    [InlineData("+02:00")]
    [InlineData("leapseconds")]
    [InlineData("W. Europe Standard Time")]
    [InlineData("Mars/Base")]
    public async Task Zone_ThatIsNoIanaName_IsRefusedWhereverOneIsWritten(string zone)
    {
        var quoted = $"\"timeZone\":\"{zone}\"";
        Assert.Equal(["/timeZone"], (await Api.PutAsync($"segments/{SegmentApi.NewKey()}", Body(Everyone, quoted))).Expect(400).Faults);
        Assert.Equal(["/timeZone"], (await Api.PostAsync("segments/preview", Body(Everyone, quoted))).Expect(400).Faults);
        Assert.Equal(["/timeZone"], (await Api.PostAsync("segments/validate", Body(Everyone, quoted))).Expect(200).Faults);
        Assert.Equal(
            ["/geographic/timeZone"],
            (await Api.PutAsync($"customers/{SegmentApi.NewKey()}", $$$"""{"geographic":{{{{quoted}}}}}""")).Expect(400).Faults);
        var csv = await Api.SendAsync("POST", "customers/import", $"id,geographic.timeZone\n{SegmentApi.NewKey()},{zone}\n", "text/csv");
        Assert.Equal(1, csv.Expect(200)["rejected"].GetInt32());
    }

    [Theory]
    [InlineData("2026-01-01t00:00:00z")]
    [InlineData("2026-01-01T00:00:00z")]
    [InlineData("2026-01-01t00:00:00Z")]
    [InlineData("2026-01-01t01:00:00.0000009+01:00")]
    public async Task Instant_InLowerCase_IsReadWhereverOneIsWritten(string at)
    {
        const string same = "2026-01-01T00:00:00Z";
        var id = SegmentApi.NewKey();
        (await Api.PutAsync($"customers/{id}", $$"""{"signedUpAt":"{{at}}"}""")).Expect(201);
        Assert.Equal(same, (await Api.GetAsync($"customers/{id}"))["signedUpAt"].GetString());
        Assert.Equal([id], await FindAsync(All(Is("temporal.signedUpAt", "=", $"\"{at}\""), Is("customer.id", "=", $"\"{id}\""))));
        (await Api.PostAsync($"customers/{id}/events", $$"""{"type":"x","occurredAt":"{{at}}"}""")).Expect(200);
        Assert.Equal(same, Assert.Single(await Api.AllAsync($"customers/{id}/events")).GetProperty("occurredAt").GetString());
        (await Api.PostAsync("segments/preview", Body(Everyone, $"\"asOf\":\"{at}\""))).Expect(200);
        var key = await Api.MakeSegmentAsync(Everyone);
        var members = await Api.GetAsync($"segments/{key}/members?asOf={Uri.EscapeDataString(at)}&limit=1");
        Assert.Equal(same, members.Expect(200)["evaluatedAt"].GetString());
        var csv = await Api.SendAsync("POST", "customers/import", $"id,signedUpAt\n{id}-csv,{at}\n", "text/csv");
        Assert.Equal(0, csv.Expect(200)["rejected"].GetInt32());
    }

    [Theory]
    [InlineData("age", "Did you mean \\\"demographic.age\\\"?")]
    [InlineData("type", "\\\"type\\\" belongs inside behavioral.events.")]
    [InlineData("properties.category", "\\\"properties.category\\\" belongs inside behavioral.events.")]
    [InlineData("qqqqqq", "GET /api/v1/fields lists what there is.")]
    public async Task Field_Misplaced_SaysWhereItBelongs(string field, string message)
    {
        var validation = (await Api.PostAsync("segments/validate", Body(All(Is(field, "=", "\"x\""))))).Expect(200);
        Assert.Contains(message, validation.Body);
        Assert.Equal(
            message.StartsWith("Did", StringComparison.Ordinal), validation.Body.Contains("Did you mean", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Text_WithBlanksOrAComma_IsComparedAsTheDataAre()
    {
        var id = SegmentApi.NewKey();
        (await Api.PutAsync($"customers/{id}", """
            {"email":" A@b.c ","firstName":"So\u0308l","psychographic":{"interests":["Food, Wine"," Golf "]}}
            """)).Expect(201);
        foreach (var rule in new[]
        {
            Is("customer.email", "=", "\"a@b.c \""), Is("customer.email", "in", "[\" a@b.c\",\"x\"]"),
            Is("customer.email", "contains", "\"a@\""),
            Is("psychographic.interests", "contains", "\"Food, Wine\""), Is("psychographic.interests", "contains", "\" golf \""),
            Is("psychographic.interests", "in", "[\"Food, Wine\"]"), Is("customer.firstName", "=", "\"S\u00d6L\""),
        })
        {
            Assert.Equal([id], await FindAsync(All(rule, Is("customer.id", "=", $"\" {id.ToUpperInvariant()} \""))));
        }

        foreach (var rule in new[]
        {
            Is("customer.email", "!=", "\"a@b.c \""), Is("customer.email", "contains", "\"a@ \""),
            Is("customer.email", "endsWith", "\"c \""),
            Is("psychographic.interests", "contains", "\"Food\""), Is("psychographic.interests", "in", "\"Food, Wine\""),
        })
        {
            Assert.Empty(await FindAsync(All(rule, Is("customer.id", "=", $"\"{id}\""))));
        }
    }

    private async Task<string[]> FindAsync(string rule)
    {
        var preview = (await Api.PostAsync("segments/preview", Body(rule))).Expect(200);
        return [.. preview["sample"].EnumerateArray().Select(c => c.GetProperty("id").GetString()!)];
    }
}
