using System.Text.Json;
using Segmentation.Api.Tests.Segments;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>Since when, and why, a customer is in its segments.</summary>
public sealed class CustomerStaysTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Fact]
    public async Task Segments_HaveTheirStay_LiveAndAsOfHaveNone()
    {
        var id = $"stay{SegmentApi.NextNumber()}";
        (await Api.PutAsync($"customers/{id}", """{"demographic":{"children":1}}""")).Expect(201);
        var byRule = await Api.MakeSegmentAsync(All(Is("customer.id", "=", $"\"{id}\""), Is("demographic.children", ">=", "2")));
        (await Api.PatchAsync($"segments/{byRule}", """{"goal":"A second version."}""")).Expect(200);
        var byDefinition = await Api.MakeSegmentAsync(All(Is("customer.id", "=", $"\"{id}\"")));
        var byHand = SegmentApi.NewKey();
        (await Api.PutAsync($"segments/{byHand}", """{"kind":"manual"}""")).Expect(201);

        // Whoever is in when it is first built is in by its definition.
        await Wait.UntilAsync(
            async () => (await Api.GetAsync($"segments/{byHand}")).Json.GetProperty("state").GetProperty("status").ValueEquals("ready"),
            "the manual segment");
        (await Api.SendAsync("PUT", $"segments/{byHand}/members/{id}", null)).Expect(200);
        await Wait.UntilAsync(
            async () => await StayAsync(id, byDefinition) is not null && await StayAsync(id, byHand) is not null, "the first segments");

        var before = DateTimeOffset.UtcNow.AddSeconds(-1);
        (await Api.PatchAsync($"customers/{id}", """{"demographic":{"children":2}}""")).Expect(200);
        await Wait.UntilAsync(async () => await StayAsync(id, byRule) is not null, "the other");
        var joined = (await StayAsync(id, byRule))!.Value;
        Assert.Equal(("profile", 2), (joined.GetProperty("cause").GetString(), joined.GetProperty("version").GetInt32()));
        Assert.InRange(joined.GetProperty("since").GetDateTimeOffset(), before, DateTimeOffset.UtcNow.AddSeconds(1));
        Assert.Equal("manual", (await StayAsync(id, byHand))!.Value.GetProperty("cause").GetString());
        var first = (await StayAsync(id, byDefinition))!.Value;
        Assert.True(first.GetProperty("since").GetDateTimeOffset() < joined.GetProperty("since").GetDateTimeOffset());
        Assert.Equal(1, first.GetProperty("version").GetInt32());

        // The stay is the change of that instant.
        var change = (await Api.AllAsync($"customers/{id}/changes")).First(c => c.GetProperty("segment").ValueEquals(byRule));
        Assert.Equal(change.GetProperty("at").GetDateTimeOffset(), joined.GetProperty("since").GetDateTimeOffset());

        foreach (var query in new[] { "?live=true", $"?asOf={DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ssZ}" })
        {
            var evaluated = (await Api.GetAsync($"customers/{id}/segments{query}")).Expect(200)["items"].EnumerateArray().ToList();
            Assert.Contains(evaluated, s => s.GetProperty("key").ValueEquals(byRule));
            Assert.All(evaluated, s => Assert.Equal(["key", "name"], s.EnumerateObject().Select(p => p.Name)));
        }
    }

    [Fact]
    public async Task Segments_JustWritten_KeepTheStaysThatAreStored()
    {
        var id = $"stay{SegmentApi.NextNumber()}";
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        var stays = await Api.MakeSegmentAsync(All(Is("customer.id", "=", $"\"{id}\"")));
        var joins = await Api.MakeSegmentAsync(All(Is("customer.id", "=", $"\"{id}\""), Is("demographic.children", "=", "3")));
        await Wait.UntilAsync(async () => await StayAsync(id, stays) is not null, "the stay");

        // Asked for at once, many times: whether it has been evaluated or not, it is in both, and the stay is told.
        for (var i = 0; i < 20; i++)
        {
            (await Api.PatchAsync($"customers/{id}", $$$"""{"demographic":{"children":{{{i % 2 * 3}}}}}""")).Expect(200);
            var items = (await Api.GetAsync($"customers/{id}/segments")).Expect(200)["items"].EnumerateArray()
                .ToDictionary(s => s.GetProperty("key").GetString()!);
            Assert.Equal(i % 2 == 1, items.ContainsKey(joins));
            Assert.True(items[stays].TryGetProperty("since", out _), items[stays].ToString());
        }
    }

    private async Task<JsonElement?> StayAsync(string id, string key)
    {
        foreach (var segment in (await Api.GetAsync($"customers/{id}/segments")).Expect(200)["items"].EnumerateArray())
        {
            if (segment.GetProperty("key").ValueEquals(key) && segment.TryGetProperty("since", out _))
            {
                return segment;
            }
        }

        return null;
    }
}
