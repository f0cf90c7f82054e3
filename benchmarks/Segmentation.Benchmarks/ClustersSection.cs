using System.Text.Json;

namespace Segmentation.Benchmarks;

/// <summary>Which groups there are: twenty fields, every number of groups, with references and samples.</summary>
internal static class ClustersSection
{
    // 20, of every type; sets have 20 marks each.
    private const string Request =
        """
        {"type":"clusters","fields":["demographic.age","demographic.income","demographic.householdSize","demographic.children",
         "demographic.gender","demographic.education","demographic.maritalStatus","geographic.country","geographic.climate",
         "psychographic.interests","psychographic.values","psychographic.lifestyle","psychographic.personality","behavioral.eventCount",
         "behavioral.lastEventAt","temporal.signedUpAt","value.lifetimeValue","value.orderCount","attributes.plan",
         "attributes.loyaltyTier"]}
        """;

    private const int Patience = 1_200;

    public static async Task<string> RunAsync(World world)
    {
        var before = world.Api.Resident();
        JsonElement result = default;
        double most, seconds;
        using (var memory = new MemoryWatch(world.Api))
        {
            seconds = await Measure.TimeAsync(async () => result = await ClusterAsync(world)) / 1000;
            most = memory.Most;
        }

        World.Log($"clusters {seconds:0.0} s");
        var k = result.GetProperty("k");
        return $"""
            `POST /analyses {"{"}"type":"clusters"{"}"}` by {result.GetProperty("fields").GetArrayLength()} fields, of \
            {Text.Number(result.GetProperty("customers").GetInt64())} of {Text.Number(result.GetProperty("of").GetInt64())} customers: k \
            from 2 to 10, each against 20 references. Found: {(k.ValueKind == JsonValueKind.Null ? "no groups" : $"{k} groups")}. One run, \
            one thread.

            | | |
            | --- | --: |
            | s, reading included | {Text.Number(seconds)} (aim 180) |
            | the API's resident memory, MB at most | {Text.Number(most)}, {Text.Number(most - before)} more than before |
            """;
    }

    private static async Task<JsonElement> ClusterAsync(World world)
    {
        var analysis = await world.Api.PostAsync("analyses?wait=60", ApiProcess.Json(Request));
        var id = analysis.GetProperty("id").GetString();
        for (var waited = 0; analysis.GetProperty("status").GetString() is "queued" or "running" && waited < Patience * 4; waited++)
        {
            await Task.Delay(250);
            analysis = JsonElement.Parse(await world.Api.GetAsync($"analyses/{id}"));
        }

        return analysis.GetProperty("status").GetString() == "succeeded"
            ? analysis.GetProperty("result")
            : throw new InvalidOperationException($"It ended as {analysis}.");
    }
}
