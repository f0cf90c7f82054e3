using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Tests.QueryBuilder;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Experiments;

/// <summary>GrowthBook's own SDK gets what the service says.</summary>
public sealed class GrowthBookTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [NodeFact]
    public async Task GrowthBook_RandomUnits_GetsWhatTheServiceSays()
    {
        var random = new Random(20);
        string[] definitions =
        [
            """
            "variants":[{"key":"a"},{"key":"b"}]
            """,
            """
            "variants":[{"key":"a","weight":1},{"key":"b","weight":1},{"key":"c","weight":1}],"coverage":0.7
            """,
            """
            "variants":[{"key":"a","weight":3333},{"key":"b","weight":77},{"key":"c","weight":10000},{"key":"d"}],"coverage":0.913
            """,
            """
            "variants":[{"key":"a","weight":9},{"key":"b","weight":1}],"coverage":0.1,"seed":"grün 日本 🎈",
            "layer":{"key":"LAYER","from":0.1,"to":0.7}
            """,
        ];
        var (asked, expected) = (new JsonArray(), new List<string?[]>());
        foreach (var definition in definitions)
        {
            var whole = definition.Replace("LAYER", SegmentApi.NewKey(), StringComparison.Ordinal);
            var key = await Api.MakeExperimentAsync(whole, start: true);
            if (expected.Count % 2 == 1)
            {
                (await Api.PostAsync($"experiments/{key}/stop", "")).Expect(200);
                (await Api.PostAsync($"experiments/{key}/start", "")).Expect(200);
            }

            var units = Enumerable.Range(0, 5000).Select(_ => Unit(random)).ToArray();
            var body = JsonSerializer.Serialize(new { units });
            var items = (await Api.PostAsync($"experiments/{key}/assignments", body)).Expect(200)["items"].EnumerateArray();
            expected.Add([.. items.Select(i => i.GetProperty("variant").GetString())]);
            asked.Add(new JsonObject
            {
                ["experiment"] = JsonNode.Parse((await Api.GetAsync($"experiments/{key}/growthbook")).Expect(200).Body),
                ["units"] = new JsonArray([.. units.Select(u => JsonValue.Create(u))]),
            });
        }

        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, asked.ToJsonString());
            var (exitCode, output, errors) = await NodeExample.OpenFeature.RunAsync("test/growthbook.mjs", file);
            Assert.True(exitCode == 0, errors);
            var assigned = JsonSerializer.Deserialize<string?[][]>(output)!;
            Assert.Equal(expected.Count, assigned.Length);
            Assert.All(expected.Zip(assigned), pair => Assert.Equal(pair.First, pair.Second));
            Assert.All(expected, e => Assert.True(e.Distinct().Count() >= 2));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Unit(Random random)
    {
        string[] alphabets = ["0123456789", "abcdefghijklmnopqrstuvwxyz-_.", "äöüßéñ", "日本語かな", "АБВГд", "😀🎈𝒳"];
        var alphabet = alphabets[random.Next(alphabets.Length)].EnumerateRunes().ToArray();
        return string.Concat(Enumerable.Range(0, random.Next(1, 40)).Select(_ => alphabet[random.Next(alphabet.Length)].ToString()));
    }
}
