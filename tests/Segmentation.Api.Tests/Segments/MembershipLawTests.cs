using Segmentation.Rules.Backends;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>All ways of asking who is in a segment give one answer.</summary>
public sealed class MembershipLawTests(RuleWorld world) : IClassFixture<RuleWorld>
{
    private const int Rules = 60;

    [Fact]
    public async Task RandomRules_EveryWayOfAsking_Agrees()
    {
        await using var server = new ApiFixture.Server(world.ConnectionString, migrate: false);
        var api = server.Api;
        var random = new Random(20240615);
        string[] ids = [.. world.Customers.Select(c => c.Id)];
        var trees = new RuleTrees(random, world.Definitions.Catalog(Backend.Sql, false));
        var now = DateTimeOffset.UtcNow.AddMinutes(1);
        List<(string Key, string At, HashSet<string> Members)> asked = [];
        for (var i = 0; i < Rules; i++)
        {
            var (key, zone, rule) = ($"law-{i}", RuleWorld.Zones[random.Next(RuleWorld.Zones.Length)], trees.Tree().GetRawText());
            var at = (i % 3) switch { 0 => RuleWorld.Then, 1 => now, _ => now.AddYears(3) };
            var asOf = at.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
            var stored = (await api.PutAsync($"segments/{key}", Body(rule, $"\"timeZone\":\"{zone}\""))).Expect(201);
            Assert.True(stored["valid"].GetBoolean());

            var preview = (await api.PostAsync("segments/preview", Body(rule, $"\"timeZone\":\"{zone}\",\"asOf\":\"{asOf}\",\"sampleSize\":3"))).Expect(200);
            var count = (await api.GetAsync($"segments/{key}/count?asOf={asOf}")).Expect(200);
            var members = (await api.AllAsync($"segments/{key}/members?fields=id&asOf={asOf}", 37)).Select(m => m.GetProperty("id").GetString()!).ToList();
            var set = members.ToHashSet();
            var which = $"{key} {zone} {asOf} {rule}";
            Assert.True(members.Count == set.Count, which);
            Assert.True(preview["count"].GetInt64() == members.Count && count["count"].GetInt64() == members.Count, $"{which}: preview {preview["count"]}, count {count["count"]}, members {members.Count}");
            Assert.Equal(ids.Length, count["total"].GetInt64());
            Assert.Equal(Math.Round((decimal)members.Count / ids.Length, 6), count["share"].GetDecimal());
            Assert.Equal(Math.Min(3, members.Count), preview["sample"].GetArrayLength());
            Assert.All(preview["sample"].EnumerateArray(), c => Assert.Contains(c.GetProperty("id").GetString()!, set));
            (await api.PostAsync("segments/compile", Body(rule, $"\"timeZone\":\"{zone}\",\"asOf\":\"{asOf}\""))).Expect(200);

            foreach (var id in Enumerable.Range(0, 4).Select(_ => ids[random.Next(ids.Length)]))
            {
                var single = (await api.GetAsync($"segments/{key}/members/{Uri.EscapeDataString(id)}?asOf={asOf}")).Expect(200);
                var explained = (await api.GetAsync($"segments/{key}/explain/{Uri.EscapeDataString(id)}?asOf={asOf}")).Expect(200);
                Assert.True(single["member"].GetBoolean() == set.Contains(id) && explained["matched"].GetBoolean() == set.Contains(id), $"{which}: {id} single {single["member"]}, explained {explained["matched"]}");
                Assert.Equal(set.Contains(id), explained["rule"].GetProperty("matched").GetBoolean());
                Assert.Equal(single["evaluatedAt"].GetString(), explained["evaluatedAt"].GetString());
            }

            asked.Add((key, asOf, set));
        }

        // A customer's segments, each instant at a time.
        foreach (var group in asked.GroupBy(a => a.At))
        {
            foreach (var id in Enumerable.Range(0, 15).Select(_ => ids[random.Next(ids.Length)]))
            {
                var answer = (await api.GetAsync($"customers/{Uri.EscapeDataString(id)}/segments?asOf={group.Key}")).Expect(200);
                var inside = answer["items"].EnumerateArray().Select(s => s.GetProperty("key").GetString()!).ToHashSet();
                foreach (var (key, at, members) in group)
                {
                    Assert.True(inside.Contains(key) == members.Contains(id), $"{id} {key} {at}: listed {inside.Contains(key)}, member {members.Contains(id)}");
                }
            }
        }

        Assert.True(asked.Count(a => a.Members.Count > 0 && a.Members.Count < ids.Length) > Rules / 3);
    }
}
