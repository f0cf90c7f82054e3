using System.Text.Json;
using Segmentation.Api.Tests.Experiments;
using Segmentation.Api.Tests.Playbooks;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Ofrep;

/// <summary>OpenFeature's remote evaluation protocol over HTTP: what a context is read as, what a flag shows, each error.</summary>
public sealed class OfrepTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Flags = "/ofrep/v1/evaluate/flags";

    private const string Phone = """{"combinator":"and","rules":[{"field":"context.device","operator":"=","value":"mobile"}]}""";

    private Api Api => fixture.Api;

    [Theory]
    [InlineData("object", """{"a":[1,{"b":null}]}""")]
    [InlineData("string", "\"ü\"")]
    [InlineData("number", "1.50")]
    [InlineData("boolean", "false")]
    public async Task Flag_OfEachType_IsThePlaysContent(string type, string content)
    {
        var placement = await Api.MakePlacementAsync(type);
        var playbook = await Api.MakePlaybookAsync($$"""{"key":"a","placement":"{{placement}}","content":{{content}},"when":{{Phone}}}""");
        var flag = await EvaluateAsync(placement, """{"targetingKey":"v","device":"mobile"}""");
        Assert.Equal(
            Flag(
                placement, content, "TARGETING_MATCH", $"{playbook}/a",
                $"\"playbook\":\"{playbook}\",\"version\":1,\"play\":\"a\",\"reason\":\"matched\"", $"play:{placement}/{playbook}@1/a"),
            flag.Body);
        Assert.True(flag.Message.Headers.CacheControl is { Private: true, NoStore: true });
        Assert.Equal(
            Flag(placement, null, "DEFAULT", "none", "\"reason\":\"noMatch\"", ""),
            (await EvaluateAsync(placement, """{"targetingKey":"v"}""")).Body);
        (await Api.PatchAsync($"placements/{placement}", $$"""{"fallback":{{content}} }""")).Expect(200);
        Assert.Equal(
            Flag(placement, content, "STATIC", "fallback", "\"reason\":\"noMatch\"", ""),
            (await EvaluateAsync(placement, """{"targetingKey":"v"}""")).Body);

        static string Flag(string key, string? value, string reason, string variant, string metadata, string exposures) =>
            $"{{\"key\":\"{key}\",{(value is null ? "" : $"\"value\":{value},")}\"reason\":\"{reason}\",\"variant\":\"{variant}\","
            + $"\"metadata\":{{{metadata},\"exposures\":\"{exposures}\"}}}}";
    }

    [Fact]
    public async Task Reason_IsSplit_WhereAVariantGaveTheContentOrPassedAPlayOver()
    {
        var placement = await Api.MakePlacementAsync("string", "\"fallback\"");
        var split = await Api.MakeExperimentAsync(ExperimentApi.Two + ",\"coverage\":0.8", start: true);
        var holdout = await Api.MakeExperimentAsync(start: true);
        var tested = await Api.MakePlaybookAsync(
            $$"""{"key":"a","placement":"{{placement}}","experiment":"{{split}}","contents":{"control":null,"treated":"new"} }""",
            "\"priority\":9");
        var held = await Api.MakePlaybookAsync(
            $$"""{"key":"b","placement":"{{placement}}","content":"held"}""", $"\"priority\":8,\"holdout\":\"{holdout}\"");
        var seen = new HashSet<string>();
        for (var i = 0; i < 60; i++)
        {
            var unit = $"u-{i}";
            var (variant, group) = (await Api.AssignAsync(split, unit), await Api.AssignAsync(holdout, unit));
            var expected = (variant, group) switch
            {
                ("treated", _) => ("SPLIT", "treated", "\"new\""),
                ("control", "treated") => ("SPLIT", $"{held}/b", "\"held\""),
                (null, "treated") => ("TARGETING_MATCH", $"{held}/b", "\"held\""),
                (_, "control") => ("SPLIT", "fallback", "\"fallback\""),
                _ => throw new InvalidOperationException($"{variant} {group}"),
            };
            var flag = await EvaluateAsync(placement, $$"""{"targetingKey":"{{unit}}"}""");
            Assert.Equal(
                expected, (flag["reason"].GetString(), flag["variant"].GetString(), flag["value"].GetRawText()));
            var metadata = flag["metadata"];
            Assert.Equal(variant == "treated" ? split : null, Text(metadata, "experiment"));
            Assert.Equal(variant == "treated" ? "experiment" : group == "control" ? "noMatch" : "matched", Text(metadata, "reason"));
            string?[] exposures =
            [
                variant is null ? null : $"experiment:{split}@1={variant}",
                variant == "treated" ? $"play:{placement}/{tested}@1/a" : $"experiment:{holdout}@1={group}",
                variant == "treated" || group == "control" ? null : $"play:{placement}/{held}@1/b",
            ];
            Assert.Equal(string.Join(' ', exposures.OfType<string>()), Text(metadata, "exposures"));
            seen.Add($"{variant} {group}");
        }

        Assert.Equal(6, seen.Count);
        (await Api.PostAsync($"experiments/{split}/stop", """{"winner":"treated"}""")).Expect(200);
        var after = await EvaluateAsync(placement, """{"targetingKey":"u-1"}""");
        Assert.Equal(("TARGETING_MATCH", $"{tested}/a"), (after["reason"].GetString(), after["variant"].GetString()));
    }

    [Fact]
    public async Task Context_IsTheRequestForDecisions()
    {
        var customer = $"c{SegmentApi.NextNumber()}";
        (await Api.PutAsync($"customers/{customer}", """{"consents":{"ads":{"granted":true}}}""")).Expect(201);
        (string Rule, string Context, bool Holds)[] cases =
        [
            (When("context.device", "mobile"), "\"device\":\"MOBILE\"", true),
            (When("context.custom.plan", "plus"), "\"plan\":\"Plus\"", true),
            (When("context.custom.plan", "plus"), "\"custom\":{\"plan\":\"plus\"},\"other\":1", true),
            (When("context.custom.plan", "plus"), "\"custom\":{\"plan\":\"plus\"},\"plan\":\"free\"", true),
            (When("context.custom.a.b", "c"), "\"a\":{\"b\":\"c\"}", true),
            (When("context.custom.hour", "5"), "\"hour\":\"5\"", true),
            (When("context.custom.list", "x"), "\"list\":[\"x\",{}],\"none\":null,\"$flagd.x\":1,\"\":2", false),
            ("""{"field":"context.visit.number","operator":"=","value":4}""", "\"visit\":{\"number\":4,\"id\":\"s\"}", true),
            ("""{"field":"context.known","operator":"=","value":true}""", $"\"customerId\":\"{customer}\"", true),
            ("""{"field":"context.known","operator":"=","value":true}""", $"\"customerId\":null,\"targetingKey\":\"{customer}\"", true),
            ("""{"field":"context.known","operator":"=","value":true}""", $"\"anonymous\":true,\"targetingKey\":\"{customer}\"", false),
            ("""{"field":"context.known","operator":"=","value":true}""", $"\"anonymous\":false,\"targetingKey\":\"{customer}\"", true),
            ("""{"field":"context.events","operator":"=","match":{"mode":"some"},"value":{"combinator":"and","rules":[]}}""",
                "\"events\":[{\"id\":\"e\",\"type\":\"cart_added\"}]", true),
        ];
        foreach (var (rule, context, holds) in cases)
        {
            var placement = await Api.MakePlacementAsync("boolean");
            await Api.MakePlaybookAsync(
                $$$"""{"key":"a","placement":"{{{placement}}}","content":true,"when":{"combinator":"and","rules":[{{{rule}}}]}}""");
            var key = context.Contains("targetingKey", StringComparison.Ordinal) ? "" : "\"targetingKey\":\"v\"";
            var flag = await EvaluateAsync(placement, $"{{{string.Join(',', new[] { key, context }.Where(p => p.Length > 0))}}}");
            Assert.True(flag.Json.TryGetProperty("value", out _) == holds, $"{rule} {context}: {flag.Body}");
        }

        var consented = await Api.MakePlacementAsync("boolean");
        await Api.MakePlaybookAsync($$"""{"key":"a","placement":"{{consented}}","content":true}""", "\"requiresConsent\":\"ads\"");
        foreach (var (context, holds) in new[]
        {
            ("\"targetingKey\":\"v\"", false), ("\"targetingKey\":\"v\",\"consents\":{\"ads\":true}", true),
            ($"\"targetingKey\":\"{customer}\"", true), ($"\"targetingKey\":\"{customer}\",\"consents\":{{\"ads\":false}}", false),
        })
        {
            Assert.Equal(holds, (await EvaluateAsync(consented, $"{{{context}}}")).Json.TryGetProperty("value", out _));
        }
    }

    [Theory]
    [InlineData("", "PARSE_ERROR", "JSON body")]
    [InlineData("{", "PARSE_ERROR", "line 1")]
    [InlineData("null", "PARSE_ERROR", "null")]
    [InlineData("[]", "PARSE_ERROR", "object")]
    [InlineData("{}", "PARSE_ERROR", "context must be an object")]
    [InlineData("""{"context":null}""", "PARSE_ERROR", "context")]
    [InlineData("""{"context":"x"}""", "PARSE_ERROR", "context")]
    [InlineData("""{"context":{},"context":{}}""", "PARSE_ERROR", "uplicate")]
    [InlineData("""{"context":{}}""", "TARGETING_KEY_MISSING", "targetingKey")]
    [InlineData("""{"context":{"targetingKey":""}}""", "TARGETING_KEY_MISSING", "targetingKey")]
    [InlineData("""{"context":{"targetingKey":null}}""", "TARGETING_KEY_MISSING", "targetingKey")]
    [InlineData("""{"context":{"targetingKey":7}}""", "TARGETING_KEY_MISSING", "targetingKey")]
    [InlineData("""{"context":{"targetingKey":"a/b"}}""", "INVALID_CONTEXT", "targetingKey: ")]
    [InlineData("""{"context":{"targetingKey":"v","customerId":7}}""", "INVALID_CONTEXT", "customerId: ")]
    [InlineData("""{"context":{"targetingKey":"v","customerId":"a/b"}}""", "INVALID_CONTEXT", "customerId: ")]
    [InlineData("""{"context":{"targetingKey":"v","anonymous":"yes"}}""", "INVALID_CONTEXT", "anonymous: ")]
    [InlineData("""{"context":{"targetingKey":"v","device":5}}""", "INVALID_CONTEXT", "device: Must be a string.")]
    [InlineData("""{"context":{"targetingKey":"v","device":"toaster"}}""", "INVALID_CONTEXT", "device: ")]
    [InlineData("""{"context":{"targetingKey":"v","visit":{"number":"1"}}}""", "INVALID_CONTEXT", "visit/number: ")]
    [InlineData("""{"context":{"targetingKey":"v","location":[1]}}""", "INVALID_CONTEXT", "location: ")]
    [InlineData("""{"context":{"targetingKey":"v","location":{"latitude":1e400,"longitude":1}}}""", "INVALID_CONTEXT", "location/latit")]
    [InlineData("""{"context":{"targetingKey":"v","timeZone":"Mars"}}""", "INVALID_CONTEXT", "timeZone: ")]
    [InlineData("""{"context":{"targetingKey":"v","events":{}}}""", "INVALID_CONTEXT", "events: ")]
    [InlineData("""{"context":{"targetingKey":"v","events":[{"type":"a"}]}}""", "INVALID_CONTEXT", "events/0/id: ")]
    [InlineData("""{"context":{"targetingKey":"v","consents":{"ads":1}}}""", "INVALID_CONTEXT", "consents/ads: ")]
    [InlineData("""{"context":{"targetingKey":"v","placements":"p"}}""", "INVALID_CONTEXT", "placements: ")]
    [InlineData("""{"context":{"targetingKey":"v","custom":[1]}}""", "INVALID_CONTEXT", "custom: ")]
    [InlineData("""{"context":{"targetingKey":"v","x":"\ud800"}}""", "INVALID_CONTEXT", "surrogate")]
    [InlineData("""{"context":{"targetingKey":"v","\ud800":1}}""", "PARSE_ERROR", "context")]
    [InlineData("""{"context":{"targetingKey":"v\u0000"}}""", "INVALID_CONTEXT", "NUL")]
    public async Task Request_Faulty_IsAnErrorOfOfrep_WithTheKeyWhereThereIsOne(string body, string code, string details)
    {
        var placement = await Api.MakePlacementAsync("boolean");
        foreach (var (path, key) in new[] { ($"{Flags}/{placement}", placement), (Flags, null) })
        {
            var error = (await Api.PostAsync(path, body)).Expect(400);
            Assert.Equal("application/json", error.ContentType);
            Assert.Equal((code, key), (error["errorCode"].GetString(), Text(error.Json, "key")));
            Assert.Contains(details, error["errorDetails"].GetString(), StringComparison.Ordinal);
            Assert.False(error.Json.TryGetProperty("title", out _));
        }
    }

    [Fact]
    public async Task Key_OfNoActivePlacement_IsNotFound_AlsoWithASlash()
    {
        var archived = await Api.MakePlacementAsync("boolean");
        (await Api.PatchAsync($"placements/{archived}", """{"status":"archived"}""")).Expect(200);
        foreach (var (path, key) in new[]
        {
            ("no-such", "no-such"), ("a/b/c", "a/b/c"), ("a%2Fb", "a/b"), ("a%252Fb", "a%2Fb"), ("%C3%BC%20x", "ü x"), (archived, archived),
            ("flags/x", "flags/x"),
        })
        {
            var answer = (await Api.PostAsync($"{Flags}/{path}", """{"context":{"targetingKey":"v"}}""")).Expect(404);
            Assert.Equal((key, "FLAG_NOT_FOUND"), (answer["key"].GetString(), answer["errorCode"].GetString()));
            Assert.Contains($"\"{key}\"", answer["errorDetails"].GetString(), StringComparison.Ordinal);
        }

        (await Api.PostAsync($"{Flags}/x", """{"context":{"targetingKey":"v"},"other":[]}""")).Expect(404);
        (await Api.PostAsync($"{Flags}/a/b?flagConfigEtag=x&more=1&more=2", """{"context":{"targetingKey":"v"}}""")).Expect(404);
    }

    [Fact]
    public async Task Others_AreProblems()
    {
        foreach (var path in new[] { Flags, $"{Flags}/x" })
        {
            const string right = """{"context":{"targetingKey":"v"}}""";
            Answer[] answers =
            [
                (await Api.SendAsync("POST", path, right, "text/plain")).Expect(415),
                (await Api.PostAsync(path, "{\"context\":\"" + new string('x', 1024 * 1024) + "\"}")).Expect(413),
                (await Api.PostAsync(path, right, ("Origin", "https://evil.example"))).Expect(403),
                (await Api.PostAsync(path, right, ("Authorization", "Bearer seg_no"))).Expect(401),
                (await Api.GetAsync(path)).Expect(405),
            ];
            Assert.All(answers, a => Assert.Equal("application/problem+json", a.ContentType));
        }
    }

    [Fact]
    public async Task Bulk_HasTheFlagsByKey_AndPlacementsNarrowIt()
    {
        var (b, a) = (await Api.MakePlacementAsync("number", "2"), await Api.MakePlacementAsync("boolean"));
        var all = await BulkAsync("""{"targetingKey":"v"}""");
        var keys = all["flags"].EnumerateArray().Select(f => f.GetProperty("key").GetString()!).ToList();
        Assert.Equal(keys.Order(StringComparer.Ordinal), keys);
        Assert.Contains(a, keys);
        Assert.Matches(@"^\d+\.\d+$", all["metadata"].GetProperty("version").GetString());
        var some = await BulkAsync($$"""{"targetingKey":"v","placements":["no-such","{{a}}","{{b}}","{{a}}"]}""");
        string[] expected = [.. new[] { a, b }.Order(StringComparer.Ordinal)];
        Assert.Equal(expected, some["flags"].EnumerateArray().Select(f => f.GetProperty("key").GetString()));
        var single = await EvaluateAsync(b, """{"targetingKey":"v","placements":["no-such"]}""");
        Assert.Equal(single.Body, some["flags"].EnumerateArray().Single(f => f.GetProperty("key").GetString() == b).GetRawText());

        // What a bulk would record is of no use to it.
        (await Api.PostAsync(Flags, """{"context":{"targetingKey":"v","record":true}}""")).Expect(200);
    }

    [Fact]
    public async Task Single_RecordsWhatIsSeen_UnlessItIsToldNotTo_AndBulkDoesNot()
    {
        var placement = await Api.MakePlacementAsync("string", "\"again\"");
        var playbook = await Api.MakePlaybookAsync(
            $$"""{"key":"a","placement":"{{placement}}","content":"once","caps":[{"max":1,"per":"ever"}]}""");
        async Task<string?> SeeAsync(string more = "", Api? other = null) => (await (other ?? Api).PostAsync(
            $"{Flags}/{placement}", $"{{\"context\":{{\"targetingKey\":\"{placement}\"{more}}}}}")).Expect(200)["value"].GetString();

        await BulkAsync($$"""{"targetingKey":"{{placement}}","record":true}""");
        Assert.Equal("once", await SeeAsync(",\"record\":false"));
        await using (var server = new ApiFixture.Server(fixture.ConnectionString, [("Ofrep:RecordSingle", "false")], migrate: false))
        {
            Assert.Equal("once", await SeeAsync(other: server.Api));
        }

        Assert.Equal("once", await SeeAsync());
        Assert.Equal("again", await SeeAsync());
        var seen = $"visitor_id = '{placement}' AND customer_id = '{placement}' AND playbook = '{playbook}'";
        Assert.Equal(1, await fixture.CountAsync($"SELECT count(*) FROM impressions WHERE {seen}"));
    }

    private static string When(string field, string value) => $$"""{"field":"{{field}}","operator":"=","value":"{{value}}"}""";

    private static string? Text(JsonElement item, string name) => item.TryGetProperty(name, out var value) ? value.GetString() : null;

    private async Task<Answer> EvaluateAsync(string key, string context) =>
        (await Api.PostAsync($"{Flags}/{key}", $"{{\"context\":{context}}}")).Expect(200);

    private async Task<Answer> BulkAsync(string context) => (await Api.PostAsync(Flags, $"{{\"context\":{context}}}")).Expect(200);
}
