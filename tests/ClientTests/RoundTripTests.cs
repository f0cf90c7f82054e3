using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Endpoints.OpenApi;

namespace ClientTests;

/// <summary>
/// Clients generated from the document read what there is and write it back: nothing may become different. One that reads a rule as nothing
/// would make a segment of everyone.
/// </summary>
public sealed class RoundTripTests(ClientApi api) : IClassFixture<ClientApi>
{
    public static TheoryData<string> Clients => ["Kiota", "NSwag"];

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task SampleSegment_ThereAndBack_IsTheSame(string name)
    {
        var keys = (await ListAsync("segments?limit=1000")).Select(s => s["key"]!.GetValue<string>())
            .Where(k => !k.StartsWith("example-", StringComparison.Ordinal)).ToList();
        Assert.Equal(18, keys.Count);
        await CheckAsync(keys.Select(k => $"segments/{k}"), CreateClient(name).PutSegmentBackAsync);
    }

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task SegmentOfEachRuleByExample_ThereAndBack_IsTheSame(string name)
    {
        var client = api.CreateClient();
        var nodes = RuleExamples.Sections.SelectMany(s => s.Nodes).ToList();
        var paths = nodes.Select((_, i) => $"segments/example-{name.ToLowerInvariant()}-{i}").ToList();
        foreach (var (path, node) in paths.Zip(nodes))
        {
            var segment = new JsonObject
            {
                ["rule"] = new JsonObject { ["combinator"] = "and", ["rules"] = new JsonArray(JsonNode.Parse(node)) },
                ["status"] = "draft",
                ["description"] = "Ünïcode, \"quoted\"",
                ["tags"] = new JsonArray("a", "b"),
            };
            (await client.PutAsJsonAsync($"/api/v1/{path}", segment)).EnsureSuccessStatusCode();
        }

        await CheckAsync(paths, CreateClient(name).PutSegmentBackAsync);
    }

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task SegmentOfABuilder_ThereAndBack_IsTheSame(string name)
    {
        var path = $"segments/example-builder-{name.ToLowerInvariant()}";
        var rule = JsonNode.Parse(
            """
            {"id":"r","combinator":"and","not":false,"rules":[
              {"id":"a","path":[0],"field":"demographic.age","operator":"between","value":"25,54","valueSource":"value","disabled":true},
              {"id":"b","path":[1],"combinator":"or","not":true,"rules":[
                {"field":"value.orderCount","operator":"=","value":0,"muted":false},
                {"field":"demographic.income","operator":">","value":0.1},
                {"field":"demographic.gender","operator":"null","value":""}]}]}
            """);
        (await api.CreateClient().PutAsJsonAsync($"/api/v1/{path}", new JsonObject { ["rule"] = rule })).EnsureSuccessStatusCode();

        await CheckAsync([path], CreateClient(name).PutSegmentBackAsync);
    }

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task Customer_ThereAndBack_IsTheSame(string name)
    {
        var ids = (await ListAsync("customers?limit=40")).Select(c => c["id"]!.GetValue<string>());
        await CheckAsync(ids.Select(id => $"customers/{id}"), CreateClient(name).PutCustomerBackAsync);
    }

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task Attribute_ThereAndBack_IsTheSame(string name)
    {
        var names = (await ListAsync("attributes")).Select(a => a["name"]!.GetValue<string>());
        await CheckAsync(names.Select(n => $"attributes/{n}"), CreateClient(name).PutAttributeBackAsync);
    }

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task Webhook_ThereAndBack_IsTheSame(string name) =>
        await CheckAsync([$"webhooks/{SwaggerExamples.Webhook}"], CreateClient(name).PutWebhookBackAsync);

    private IGeneratedClient CreateClient(string name) =>
        name == "Kiota" ? new GeneratedByKiota(api.CreateClient()) : new GeneratedByNSwag(api.CreateClient());

    private async Task CheckAsync(IEnumerable<string> paths, Func<string, Task> putBack)
    {
        foreach (var path in paths)
        {
            var before = await ReadAsync(path);
            await putBack(path.Split('/')[1]);
            var after = await ReadAsync(path);
            Assert.True(JsonNode.DeepEquals(before, after), $"{path} was\n{before.ToJsonString()}\nand became\n{after.ToJsonString()}");
        }
    }

    // Without what the service counts and when it did so, which goes on meanwhile.
    private async Task<JsonObject> ReadAsync(string path)
    {
        var resource = JsonNode.Parse(await api.CreateClient().GetStringAsync($"/api/v1/{path}"))!.AsObject();
        foreach (var counted in new[] { "updatedAt", "evaluatedAt", "memberCount", "total", "share", "state", "predicted" })
        {
            resource.Remove(counted);
        }

        return resource;
    }

    private async Task<IEnumerable<JsonNode>> ListAsync(string path) =>
        JsonNode.Parse(await api.CreateClient().GetStringAsync($"/api/v1/{path}"))!["items"]!.AsArray().Select(i => i!);
}

/// <summary>A generated client, as its user would use it: each method reads a resource and writes it back.</summary>
internal interface IGeneratedClient
{
    Task PutSegmentBackAsync(string key);

    Task PutCustomerBackAsync(string id);

    Task PutAttributeBackAsync(string name);

    Task PutWebhookBackAsync(string id);
}
