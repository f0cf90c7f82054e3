using System.Text.Json;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>Who is in a segment, over HTTP.</summary>
public sealed class MembersTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Fact]
    public async Task Paging_WhileOthersComeAndGo_ShowsWhoStaysExactlyOnce()
    {
        var mark = $"page{SegmentApi.NextNumber()}";
        await ImportAsync(Enumerable.Range(0, 120).Select(i => $$"""{"id":"{{mark}}-{{i:000}}","lastName":"{{mark}}"}"""));
        var key = await Api.MakeSegmentAsync(All(Is("customer.lastName", "=", $"\"{mark}\"")));
        var seen = new List<string>();
        string? cursor = null;
        for (var page = 0; cursor is not null || page == 0; page++)
        {
            var answer =
                (await Api.GetAsync($"segments/{key}/members?fields=id&limit=7{(cursor is null ? "" : $"&cursor={cursor}")}")).Expect(200);
            Assert.InRange(answer["items"].GetArrayLength(), 1, 7);
            Assert.All(answer["items"].EnumerateArray(), m => Assert.Equal(["id"], m.EnumerateObject().Select(p => p.Name)));
            seen.AddRange(answer["items"].EnumerateArray().Select(m => m.GetProperty("id").GetString()!));
            cursor = answer["nextCursor"].GetString();

            // Every tenth goes, some before and some after the cursor; new ones come at both ends of the alphabet.
            (await Api.DeleteAsync($"customers/{mark}-{(page * 10) % 120:000}")).Expect(204);
            (await Api.PutAsync($"customers/0-{mark}-{page}", $$"""{"lastName":"{{mark}}"}""")).Expect(201);
            (await Api.PatchAsync($"customers/{mark}-{((page * 10) + 5) % 120:000}", """{"firstName":"Changed"}""")).Expect(200);
        }

        Assert.Equal(seen.Count, seen.Distinct().Count());
        var stayed = Enumerable.Range(0, 120).Where(i => i % 10 != 0).Select(i => $"{mark}-{i:000}");
        Assert.Empty(stayed.Except(seen));
    }

    [Fact]
    public async Task Members_AreWholeCustomersIdsOrAStream()
    {
        var mark = $"form{SegmentApi.NextNumber()}";
        await ImportAsync(Enumerable.Range(0, 5)
            .Select(i => $$"""{"id":"{{mark}}, \"{{i}}\"","lastName":"{{mark}}","demographic":{"income":{{i}}.50} }"""));
        var key = await Api.MakeSegmentAsync(All(Is("customer.lastName", "=", $"\"{mark}\"")));
        var whole = (await Api.GetAsync($"segments/{key}/members?limit=5")).Expect(200);
        Assert.Equal(JsonValueKind.Null, whole["nextCursor"].ValueKind);
        Assert.Equal(mark, whole["items"][0].GetProperty("lastName").GetString());
        Assert.Equal("0.50", whole["items"][0].GetProperty("demographic").GetProperty("income").GetRawText());
        Assert.NotNull((await Api.GetAsync($"segments/{key}/members?limit=4"))["nextCursor"].GetString());

        var lines = (await Api.GetAsync($"segments/{key}/members", ("Accept", "application/x-ndjson"))).Expect(200);
        Assert.Equal("application/x-ndjson", lines.ContentType);
        Assert.Equal(
            5,
            lines.Body.TrimEnd('\n').Split('\n').Select(l => JsonSerializer.Deserialize<JsonElement>(l).GetProperty("id").GetString())
                .Distinct().Count());
        var ids = (await Api.GetAsync($"segments/{key}/members?fields=id&limit=2", ("Accept", "application/x-ndjson"))).Expect(200);
        Assert.Equal(5, ids.Body.TrimEnd('\n').Split('\n').Length);
        var csv = (await Api.GetAsync($"segments/{key}/members", ("Accept", "text/csv"))).Expect(200);
        Assert.Equal("text/csv", csv.ContentType);
        Assert.StartsWith("id,", csv.Body);
        Assert.Contains($"\"{mark}, \"\"0\"\"\"", csv.Body);
        csv = (await Api.GetAsync($"segments/{key}/members?fields=id", ("Accept", "text/csv"))).Expect(200);
        Assert.Equal("id", csv.Body.Split('\n')[0].TrimEnd('\r'));

        Assert.Equal(["fields"], (await Api.GetAsync($"segments/{key}/members?fields=name")).Expect(400).Faults);
        Assert.Equal(["cursor"], (await Api.GetAsync($"segments/{key}/members?cursor=WyJhIl0")).Expect(400).Faults);
        Assert.Equal(["asOf"], (await Api.GetAsync($"segments/{key}/members?asOf=yesterday")).Expect(400).Faults);
        (await Api.GetAsync("segments/no-such/members")).Expect(404);
        (await Api.GetAsync("segments/no-such/count")).Expect(404);
        (await Api.GetAsync($"segments/{key}/members/no-such")).Expect(404);
        (await Api.GetAsync($"segments/{key}/explain/no-such")).Expect(404);
        (await Api.GetAsync("customers/no-such/segments")).Expect(404);
    }

    [Fact]
    public async Task CustomersOfASegment_AreListed()
    {
        var mark = $"filter{SegmentApi.NextNumber()}";
        await ImportAsync(Enumerable.Range(0, 3).Select(i => $$"""{"id":"{{mark}}-{{i}}","demographic":{"children":{{i}} } }"""));
        var key = await Api.MakeSegmentAsync(All(Is("customer.id", "beginsWith", $"\"{mark}\""), Is("demographic.children", ">", "0")));
        Assert.Equal(
            [$"{mark}-1", $"{mark}-2"], (await Api.AllAsync($"customers?segment={key}", 1)).Select(c => c.GetProperty("id").GetString()));
    }

    [Fact]
    public async Task Manual_MembersAreKeptByHand()
    {
        var mark = $"hand{SegmentApi.NextNumber()}";
        await ImportAsync(Enumerable.Range(0, 4).Select(i => $$"""{"id":"{{mark}}-{{i}}"}"""));
        var key = $"m-{mark}";
        var created = (await Api.PutAsync($"segments/{key}", """{"kind":"manual"}""")).Expect(201);
        Assert.False(created.Json.TryGetProperty("rule", out _));
        (await Api.PutAsync($"segments/{key}", (await Api.GetAsync($"segments/{key}")).Body)).Expect(200);

        Assert.True((await Api.PutAsync($"segments/{key}/members/{mark}-0", "")).Expect(200)["member"].GetBoolean());
        (await Api.PutAsync($"segments/{key}/members/{mark}-0", "")).Expect(200);
        (await Api.PutAsync($"segments/{key}/members/nobody", "")).Expect(404);
        var bulk = (await Api.PostAsync(
            $"segments/{key}/members",
            $$"""{"add":["{{mark}}-0","{{mark}}-1","{{mark}}-2","{{mark}}-2","nobody"],"remove":["{{mark}}-3","nobody-else"]}"""))
            .Expect(200);
        Assert.Equal((2, 0), (bulk["added"].GetInt32(), bulk["removed"].GetInt32()));
        Assert.Equal(["nobody", "nobody-else"], bulk["unknown"].EnumerateArray().Select(u => u.GetString()).Order());
        bulk = (await Api.PostAsync($"segments/{key}/members", $$"""{"remove":["{{mark}}-1"]}""")).Expect(200);
        Assert.Equal((0, 1), (bulk["added"].GetInt32(), bulk["removed"].GetInt32()));
        Assert.Equal([$"{mark}-0", $"{mark}-2"], await IdsAsync(key));
        Assert.Equal(2, (await Api.GetAsync($"segments/{key}"))["memberCount"].GetInt64());
        Assert.Equal("\"1\"", (await Api.GetAsync($"segments/{key}")).Version);
        (await Api.DeleteAsync($"segments/{key}/members/{mark}-2")).Expect(204);
        (await Api.DeleteAsync($"segments/{key}/members/{mark}-2")).Expect(204);
        (await Api.DeleteAsync($"segments/{key}/members/nobody")).Expect(204);
        Assert.Equal([$"{mark}-0"], await IdsAsync(key));

        // Known to the rest: another's rule, the customer's list, an explanation, a clone.
        var user = await Api.MakeSegmentAsync(All(In(key)));
        Assert.Equal([$"{mark}-0"], await IdsAsync(user));
        Assert.Contains(
            (await Api.GetAsync($"customers/{mark}-0/segments"))["items"].EnumerateArray(), s => s.GetProperty("key").GetString() == key);
        var why = (await Api.GetAsync($"segments/{user}/explain/{mark}-0")).Expect(200);
        Assert.Equal([key], why["rule"].GetProperty("rules")[0].GetProperty("actual").EnumerateArray().Select(k => k.GetString()));
        Assert.True((await Api.GetAsync($"segments/{key}/explain/{mark}-0")).Expect(200)["matched"].GetBoolean());
        (await Api.PostAsync($"segments/{key}/clone", $"{{\"key\":\"{key}-2\"}}")).Expect(201);
        Assert.Equal([$"{mark}-0"], await IdsAsync($"{key}-2"));

        // A rule's members are not.
        (await Api.PutAsync($"segments/{user}/members/{mark}-0", "")).Expect(409);
        (await Api.DeleteAsync($"segments/{user}/members/{mark}-0")).Expect(409);
        (await Api.PostAsync($"segments/{user}/members", $$"""{"add":["{{mark}}-0"]}""")).Expect(409);
        Assert.Equal(["/add/0"], (await Api.PostAsync($"segments/{key}/members", """{"add":[null]}""")).Expect(400).Faults);
        Assert.Equal(["/remove/1"], (await Api.PostAsync($"segments/{key}/members", """{"remove":["a","b/c"]}""")).Expect(400).Faults);
        Assert.Equal(["/ad"], (await Api.PostAsync($"segments/{key}/members", """{"ad":["a"]}""")).Expect(400).Faults);
        (await Api.PostAsync($"segments/{key}/members", $$"""{"add":["x"],"remove":["x"]}""")).Expect(400);
        (await Api.PostAsync("segments/none/members", "{}")).Expect(404);

        (await Api.DeleteAsync($"customers/{mark}-0")).Expect(204);
        Assert.Empty(await IdsAsync(key));
    }

    [Fact]
    public async Task Manual_ChangedWhileDeleted_IsNever500()
    {
        await ImportAsync(["""{"id":"racer"}"""]);
        for (var i = 0; i < 25; i++)
        {
            var key = $"race-{i}";
            (await Api.PutAsync($"segments/{key}", """{"kind":"manual"}""")).Expect(201);
            var answers = await Task.WhenAll(
                Api.PutAsync($"segments/{key}/members/racer", ""),
                Api.DeleteAsync($"segments/{key}"),
                Api.PostAsync($"segments/{key}/members", """{"add":["racer"]}"""),
                Api.GetAsync($"segments/{key}"));
            Assert.All(answers, a => Assert.Contains(a.Status, new[] { 200, 204, 404 }));
        }
    }

    [Fact]
    public async Task Diamond_AndOtherZones_AreFine()
    {
        var mark = $"zone{SegmentApi.NextNumber()}";
        await ImportAsync([$$"""{"id":"{{mark}}-1","lastName":"{{mark}}","signedUpAt":"2024-05-31T20:00:00Z"}""",
            $$"""{"id":"{{mark}}-2","lastName":"{{mark}}","signedUpAt":"2024-05-31T02:00:00Z"}"""]);
        var mine = Is("customer.lastName", "=", $"\"{mark}\"");
        var kathmandu = await Api.MakeSegmentAsync(
            All(mine, Is("temporal.signedUpAt", "=", "\"2024-06-01\"")), "\"timeZone\":\"Asia/Kathmandu\"");
        var newYork = await Api.MakeSegmentAsync(
            All(mine, Is("temporal.signedUpAt", "=", "\"2024-05-30\"")), "\"timeZone\":\"America/New_York\"");
        var left = await Api.MakeSegmentAsync(All(In(kathmandu, newYork)));
        var right = await Api.MakeSegmentAsync(All(In(kathmandu)), "\"timeZone\":\"America/New_York\"");
        var top = await Api.MakeSegmentAsync(Any(In(left), In(right)));
        Assert.Equal([$"{mark}-1", $"{mark}-2"], await IdsAsync(top));
        Assert.Equal([$"{mark}-1"], await IdsAsync(right));
        Assert.Equal([$"{mark}-2"], await IdsAsync(await Api.MakeSegmentAsync(All(In(top), Is("segment", "notIn", $"[\"{right}\"]")))));
    }

    [Fact]
    public async Task Explain_ShowsEveryNodeWithWhatItFound()
    {
        var id = $"why{SegmentApi.NextNumber()}";
        (await Api.PutAsync($"customers/{id}", """
            {"firstName":"Ann","demographic":{"income":12.5},"psychographic":{"interests":["Red"]},
             "geographic":{"location":{"latitude":52.5,"longitude":13.4}}}
            """)).Expect(201);
        (await Api.PostAsync("events", $$"""
            [{"customerId":"{{id}}","type":"a","occurredAt":"2024-01-01T00:00:00Z","amount":3},
             {"customerId":"{{id}}","type":"b","occurredAt":"2024-01-02T00:00:00Z","amount":4}]
            """)).Expect(200);
        static string Step(string type) => All(Is("type", "=", $"\"{type}\""));
        var rule = $$"""
            {"combinator":"or","id":"root","rules":[
              {"id":"r0","field":"customer.firstName","operator":"=","value":"ANN"},
              {"field":"demographic.income","operator":">","value":100,"muted":true},
              {"combinator":"and","not":true,"rules":[{"field":"demographic.income","operator":"notBetween","value":[1,2]}]},
              {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":3},"value":{{Everyone}}},
              {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","aggregate":"sum","of":"amount","threshold":7},
                "value":{{Everyone}}},
              {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","aggregate":"avg","of":"amount","threshold":7},
                "value":{{Step("none")}}},
              {"field":"behavioral.sequence","operator":"=","value":{"steps":[{{Step("a")}},{{Step("b")}}]} },
              {"field":"behavioral.sequence","operator":"=","value":{"steps":[{{Step("b")}},{{Step("a")}}]} },
              {"field":"psychographic.interests","operator":"contains","value":"red"},
              {"field":"geographic.location","operator":"within","value":{"latitude":52.5,"longitude":13.4,"radiusKm":1} },
              {"field":"demographic.age","operator":"null"},
              {"combinator":"and","muted":true,"rules":[{"field":"demographic.age","operator":"null"}]},
              {"field":"value.percentile","operator":">=","value":0},
              {"field":"consent.marketing","operator":"=","value":false}]}
            """;
        var key = await Api.MakeSegmentAsync(rule);
        var answer = (await Api.GetAsync($"segments/{key}/explain/{id}")).Expect(200);
        Assert.True(answer["matched"].GetBoolean());
        var root = answer["rule"];
        Assert.Equal(("root", true), (root.GetProperty("id").GetString(), root.GetProperty("matched").GetBoolean()));
        Assert.False(root.TryGetProperty("actual", out _));
        JsonElement[] nodes = [.. root.GetProperty("rules").EnumerateArray()];
        string Show(JsonElement node)
        {
            var actual = node.TryGetProperty("actual", out var value) ? value.GetRawText() : "-";
            return (node.GetProperty("matched").GetRawText() + actual).Replace(" ", "").Replace("\n", "");
        }

        string Node(int i) => Show(nodes[i]);
        Assert.Equal("true\"ann\"", Node(0));
        Assert.Equal("r0", nodes[0].GetProperty("id").GetString());
        Assert.Equal("null-", Node(1));
        Assert.Equal("false-", Node(2));
        Assert.Equal("true12.5", Show(nodes[2].GetProperty("rules")[0]));
        Assert.Equal("false2", Node(3));
        Assert.Equal("true7", Node(4));
        Assert.Equal("falsenull", Node(5));
        Assert.Equal("true[\"2024-01-01T00:00:00Z\",\"2024-01-02T00:00:00Z\"]", Node(6));
        Assert.Equal("falsenull", Node(7));
        Assert.Equal("true[\"red\"]", Node(8));
        Assert.Equal("true{\"latitude\":52.5,\"longitude\":13.4}", Node(9));
        Assert.Equal("truenull", Node(10));
        Assert.Equal("null-", Node(11));
        Assert.Equal("null", nodes[11].GetProperty("rules")[0].GetProperty("matched").GetRawText());
        Assert.StartsWith("true", Node(12));
        Assert.Equal("truefalse", Node(13));
        Assert.Equal("sum", nodes[4].GetProperty("match").GetProperty("aggregate").GetString());
    }

    [Fact]
    public async Task Explain_Percentile_IsExactWhicheverEndItIsCountedFrom()
    {
        // Ties at both ends and in the middle; with statistics, the upper half is counted from above.
        var mark = $"rank{SegmentApi.NextNumber()}";
        int[] amounts = [.. Enumerable.Range(0, 60).Select(i => i < 15 ? 1 : i < 30 ? i : i < 45 ? 40 : i < 55 ? i : 1000)];
        await ImportAsync(amounts.Select((_, i) => $$"""{"id":"{{mark}}-{{i}}"}"""));
        var orders = amounts.Select((amount, i) =>
            $$"""{"customerId":"{{mark}}-{{i}}","type":"order_completed","occurredAt":"2024-01-01T00:00:00Z","amount":{{amount}}}""");
        (await Api.PostAsync("events", $"[{string.Join(',', orders)}]")).Expect(200);
        await using var source = Npgsql.NpgsqlDataSource.Create(fixture.ConnectionString);
        await using (var analyze = source.CreateCommand("ANALYZE customers"))
        {
            await analyze.ExecuteNonQueryAsync();
        }

        await using var expected = source.CreateCommand("""
            SELECT id, (SELECT 100 * count(*)::numeric / ((SELECT count(*) FROM customers) - 1) FROM customers o
                WHERE o.lifetime_value < c.lifetime_value)
            FROM customers c WHERE starts_with(id, $1)
            """);
        expected.Parameters.Add(new() { Value = mark });
        await using var reader = await expected.ExecuteReaderAsync();
        var key = await Api.MakeSegmentAsync(All(Is("value.percentile", ">=", "50")));
        while (await reader.ReadAsync())
        {
            var found = (await Api.GetAsync($"segments/{key}/explain/{reader.GetString(0)}")).Expect(200)["rule"].GetProperty("rules")[0]
                .GetProperty("actual").GetDecimal();
            Assert.Equal(reader.GetDecimal(1), found, 10);
        }
    }

    private async Task<string[]> IdsAsync(string key) =>
        [.. (await Api.AllAsync($"segments/{key}/members?fields=id", 1)).Select(m => m.GetProperty("id").GetString()!)];

    private async Task ImportAsync(IEnumerable<string> lines)
    {
        var result = (await Api.SendAsync("POST", "customers/import", string.Join('\n', lines), "application/x-ndjson")).Expect(200);
        Assert.Equal(0, result["rejected"].GetInt32());
    }
}
