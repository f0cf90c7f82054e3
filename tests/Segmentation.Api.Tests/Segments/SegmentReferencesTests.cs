using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>Segments that refer to others, and to attributes, over HTTP.</summary>
public sealed class SegmentReferencesTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static readonly string Grown = Is("demographic.age", ">=", "18");

    private Api Api => fixture.Api;

    [Fact]
    public async Task Delete_UsedIs409NamingUsers_FreeIs204Twice()
    {
        var used = await Api.MakeSegmentAsync(Everyone);
        var draft = await Api.MakeSegmentAsync(All(In(used)), "\"status\":\"draft\"");
        var active = await Api.MakeSegmentAsync(Any(Grown, Is("segment", "notIn", $"\"{used}\"")));
        var problem = (await Api.DeleteAsync($"segments/{used}")).Expect(409);
        Assert.Contains(draft, problem["title"].GetString());
        Assert.Contains(active, problem["title"].GetString());
        (await Api.DeleteAsync($"segments/{draft}")).Expect(204);
        (await Api.DeleteAsync($"segments/{active}")).Expect(204);
        (await Api.DeleteAsync($"segments/{used}")).Expect(204);
        (await Api.DeleteAsync($"segments/{used}")).Expect(204);
        (await Api.GetAsync($"segments/{used}")).Expect(404);
    }

    [Fact]
    public async Task Cycle_OfOneTwoOrThree_IsRefusedWithItsPath()
    {
        var (a, b, c) = (SegmentApi.NewKey(), SegmentApi.NewKey(), SegmentApi.NewKey());
        Assert.Equal(["/rule/rules/0/value"], (await Api.PutAsync($"segments/{a}", Body(All(In(a))))).Expect(400).Faults);
        (await Api.PutAsync($"segments/{a}", Body(Everyone))).Expect(201);
        Assert.Equal(["/rule/rules/0/value"], (await Api.PutAsync($"segments/{a}", Body(All(In(a))))).Expect(400).Faults);
        (await Api.PutAsync($"segments/{b}", Body(All(In(a))))).Expect(201);
        (await Api.PutAsync($"segments/{c}", Body(All(In(b))))).Expect(201);
        var problem = (await Api.PutAsync($"segments/{a}", Body(All(Grown, Any(Grown, In(c)))))).Expect(400);
        Assert.Equal(["/rule/rules/1/rules/1/value"], problem.Faults);
        Assert.Contains($"{a} → {c} → {b} → {a}", problem["errors"].GetProperty(problem.Faults[0])[0].GetString());
        Assert.Equal(["/rule/rules/0/value/0"], (await Api.PutAsync($"segments/{a}", Body(All(In("no-such-segment"))))).Expect(400).Faults);
    }

    [Fact]
    public async Task Cycle_MadeAtOnce_IsNeverStored()
    {
        for (var round = 0; round < 6; round++)
        {
            string[] keys = [await Api.MakeSegmentAsync(Everyone), await Api.MakeSegmentAsync(Everyone),
                await Api.MakeSegmentAsync(Everyone)];
            var answers = await Task.WhenAll(keys.Select((key, i) => Api.PutAsync($"segments/{key}", Body(All(In(keys[(i + 1) % 3]))))));
            Assert.Equal([200, 200, 400], answers.Select(a => a.Status).Order());
            foreach (var key in keys)
            {
                Assert.True((await Api.GetAsync($"segments/{key}"))["valid"].GetBoolean());
            }
        }
    }

    [Fact]
    public async Task Reference_AndDeletionAtOnce_NeverLeaveADanglingOne()
    {
        for (var round = 0; round < 8; round++)
        {
            var (used, user) = (await Api.MakeSegmentAsync(Everyone), SegmentApi.NewKey());
            var answers = await Task.WhenAll(Api.DeleteAsync($"segments/{used}"), Api.PutAsync($"segments/{user}", Body(All(In(used)))));
            Assert.Contains((answers[0].Status, answers[1].Status), new[] { (204, 400), (409, 201) });
        }
    }

    [Fact]
    public async Task AttributeDeleted_DraftBecomesInvalidAndMatchesNobody_ActiveForbidsIt()
    {
        var name = $"plan{SegmentApi.NextNumber()}";
        (await Api.PutAsync("customers/attribute-holder", "{}")).Expect(201);
        (await Api.PutAsync($"attributes/{name}", """{"type":"text","kind":"value"}""")).Expect(201);
        var draft = await Api.MakeSegmentAsync(
            $$"""{"combinator":"and","not":true,"rules":[{{Is($"attributes.{name}", "=", "\"x\"")}}]}""", "\"status\":\"draft\"");
        var active = await Api.MakeSegmentAsync(All(Is($"attributes.{name}", "notNull")));
        Assert.Contains(active, (await Api.DeleteAsync($"attributes/{name}")).Expect(409)["title"].GetString());
        Assert.Equal(1, (await Api.GetAsync($"segments/{draft}/count"))["count"].GetInt64());

        // In an active segment's segment it is used as well.
        (await Api.PutAsync($"segments/{active}", Body(All(In(draft))))).Expect(200);
        Assert.Contains(active, (await Api.DeleteAsync($"attributes/{name}")).Expect(409)["title"].GetString());
        (await Api.PatchAsync($"segments/{active}", "{\"status\":\"draft\"}")).Expect(200);

        (await Api.DeleteAsync($"attributes/{name}")).Expect(204);
        var invalid = (await Api.GetAsync($"segments/{draft}")).Expect(200);
        Assert.False(invalid["valid"].GetBoolean());
        Assert.Equal(["/rule/rules/0/field"], invalid.Faults);
        Assert.Equal(0, invalid["memberCount"].GetInt64());
        Assert.Equal(0, (await Api.GetAsync($"segments/{draft}/count"))["count"].GetInt64());
        Assert.Empty(await Api.AllAsync($"segments/{draft}/members"));
        Assert.False((await Api.GetAsync($"segments/{draft}/members/attribute-holder")).Expect(200)["member"].GetBoolean());
        Assert.False((await Api.GetAsync($"segments/{draft}/explain/attribute-holder")).Expect(200)["matched"].GetBoolean());

        // One that refers to an invalid one is invalid too.
        var user = (await Api.GetAsync($"segments/{active}")).Expect(200);
        Assert.False(user["valid"].GetBoolean());
        Assert.Equal(["/rule/rules/0/value/0"], user.Faults);
        Assert.Equal(0, (await Api.GetAsync($"segments/{active}/count"))["count"].GetInt64());
        Assert.Equal(["/rule/rules/0/value/0"], (await Api.PostAsync("segments/preview", Body(All(In(draft))))).Expect(400).Faults);

        var listed = (await Api.AllAsync($"segments?q={draft}")).Single();
        Assert.False(listed.GetProperty("valid").GetBoolean());

        // Registered again, it is valid again.
        (await Api.PutAsync($"attributes/{name}", """{"type":"text","kind":"value"}""")).Expect(201);
        Assert.True((await Api.GetAsync($"segments/{draft}"))["valid"].GetBoolean());
        (await Api.DeleteAsync("customers/attribute-holder")).Expect(204);
    }

    [Fact]
    public async Task Invalid_CanBeChangedInAllButWhatNeedsItsRule()
    {
        var name = $"gone{SegmentApi.NextNumber()}";
        (await Api.PutAsync($"attributes/{name}", """{"type":"text","kind":"value"}""")).Expect(201);
        var draft = await Api.MakeSegmentAsync(All(Is($"attributes.{name}", "=", "\"x\"")), "\"status\":\"draft\",\"goal\":\"g\"");
        var user = await Api.MakeSegmentAsync(All(In(draft)), "\"status\":\"draft\"");
        (await Api.DeleteAsync($"attributes/{name}")).Expect(204);

        foreach (var (key, fault) in new[] { (draft, "/rule/rules/0/field"), (user, "/rule/rules/0/value/0") })
        {
            var read = (await Api.GetAsync($"segments/{key}")).Expect(200);
            Assert.Equal([fault], read.Faults);
            var put = (await Api.PutAsync($"segments/{key}", read.Body)).Expect(200);
            Assert.Equal((1, false, fault), (put["version"].GetInt32(), put["valid"].GetBoolean(), put.Faults.Single()));
            foreach (var change in new[]
            {
                """{"name":"Renamed"}""", """{"tags":["t"]}""", """{"timeZone":"Asia/Tokyo"}""", """{"goal":null}""",
                """{"status":"archived"}""", """{"status":"draft"}""", Body(read["rule"].GetRawText()),
            })
            {
                var changed = (await Api.PatchAsync($"segments/{key}", change)).Expect(200);
                Assert.Equal((false, fault), (changed["valid"].GetBoolean(), changed.Faults.Single()));
            }

            Assert.Equal([fault], (await Api.PatchAsync($"segments/{key}", """{"status":"active"}""")).Expect(400).Faults);
            Assert.Equal([fault], (await Api.PutAsync($"segments/{key}", Body(read["rule"].GetRawText()))).Expect(400).Faults);

            // Another rule is checked, be it the same but for a detail.
            var other = read["rule"].GetRawText().Replace("\"and\"", "\"or\"", StringComparison.Ordinal);
            Assert.Equal([fault], (await Api.PatchAsync($"segments/{key}", Body(other))).Expect(400).Faults);

            var clone = SegmentApi.NewKey();
            var copy = (await Api.PostAsync($"segments/{key}/clone", $"{{\"key\":\"{clone}\"}}")).Expect(201);
            Assert.Equal(("draft", false, fault), (
                copy["status"].GetString(), copy["valid"].GetBoolean(), copy.Faults.Single()));
            var repaired = (await Api.PatchAsync($"segments/{clone}", Body(Everyone, "\"status\":\"active\""))).Expect(200);
            Assert.True(repaired["valid"].GetBoolean());

            // Its past is as invalid; a name alone is restored.
            (await Api.PostAsync($"segments/{key}/versions/1/restore", "")).Expect(200);
            Assert.Equal("draft", (await Api.GetAsync($"segments/{key}")).Expect(200)["status"].GetString());
        }
    }

    [Fact]
    public async Task Attribute_ThatAnySegmentUses_KeepsItsType()
    {
        foreach (var status in new[] { "draft", "active", "archived" })
        {
            var name = $"held{SegmentApi.NextNumber()}";
            (await Api.PutAsync($"attributes/{name}", """{"type":"text","kind":"value"}""")).Expect(201);
            var compared = status == "draft"
                ? """{"field":"customer.email","operator":"=","valueSource":"field","value":"attributes.NAME"}"""
                : """{"field":"attributes.NAME","operator":"=","value":"x","muted":false}""";
            var segment = await Api.MakeSegmentAsync(
                All(compared.Replace("NAME", name, StringComparison.Ordinal)), $"\"status\":\"{status}\"");
            var refused = (await Api.PutAsync($"attributes/{name}", """{"type":"integer","kind":"value"}""")).Expect(409);
            Assert.Contains(segment, refused["title"].GetString());
            Assert.Contains(name, refused["title"].GetString());
            Assert.True((await Api.GetAsync($"segments/{segment}"))["valid"].GetBoolean());

            // All else of it can change.
            (await Api.PutAsync($"attributes/{name}", """{"type":"text","kind":"temporal","label":"L","values":["a"]}""")).Expect(200);
            (await Api.PatchAsync($"segments/{segment}", Body(Everyone))).Expect(200);
            (await Api.PutAsync($"attributes/{name}", """{"type":"integer","kind":"value"}""")).Expect(200);
        }
    }

    [Fact]
    public async Task Change_ThatBreaksAnActiveReferrer_Is409NamingIt()
    {
        // Segments refer to segments twenty deep at most.
        List<string> keys = [await Api.MakeSegmentAsync(Everyone)];
        for (var next = SegmentApi.NewKey(); (await Api.PutAsync($"segments/{next}", Body(All(In(keys[^1]))))).Status == 201;)
        {
            keys.Add(next);
            next = SegmentApi.NewKey();
        }

        Assert.InRange(keys.Count, 10, 30);
        var more = await Api.MakeSegmentAsync(Everyone);
        var refused = (await Api.PatchAsync($"segments/{keys[0]}", Body(All(In(more))))).Expect(409);
        Assert.Contains(keys[^1], refused["title"].GetString());
        SegmentApi.AssertSame(Everyone, (await Api.GetAsync($"segments/{keys[0]}"))["rule"]);
        Assert.True((await Api.GetAsync($"segments/{keys[^1]}"))["valid"].GetBoolean());

        // A draft may break: it matches nobody until it is repaired.
        (await Api.PatchAsync($"segments/{keys[^1]}", """{"status":"draft"}""")).Expect(200);
        (await Api.PatchAsync($"segments/{keys[0]}", Body(All(In(more))))).Expect(200);
        Assert.False((await Api.GetAsync($"segments/{keys[^1]}"))["valid"].GetBoolean());
    }
}
