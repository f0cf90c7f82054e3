using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Segmentation.Api.Endpoints.OpenApi;

namespace Segmentation.Api.Tests;

/// <summary>The answers that the OpenAPI document shows: one of each operation, real, and as its schema says.</summary>
public sealed partial class AnswerOpenApiTests(SampleApi api) : IClassFixture<SampleApi>
{
    private const int MaxItems = 2;

    // Where a list's length means something.
    private static readonly string[] Whole = ["rule", "rules", "definition", "value", "polygon", "plan"];

    private static readonly JsonSerializerOptions Layout = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Records what is missing or no longer so when <c>UPDATE_SNAPSHOTS</c> is set; what still holds stays.</summary>
    [Fact]
    public async Task EveryOperation_ShowsARealAnswer()
    {
        var isUpdate = Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") is { Length: > 0 };
        var path = Repository.GetPath($"src/Segmentation.Api/{AnswerFilter.File}");
        var recorded = JsonNode.Parse(await File.ReadAllTextAsync(path))!.AsObject();
        await using var fresh = await api.StartClosedAsync();
        var client = fresh.CreateClient();
        var schemas = await AnswerSchemas.ReadAsync(client);
        SortedDictionary<string, JsonNode?> answers = new(StringComparer.Ordinal);
        foreach (var (address, method, operation) in api.Operations.Where(o => HasJson(o.Operation)))
        {
            var example = Example.List(address, method, operation).First();
            var answer = recorded[example.Id]?.DeepClone();
            if (isUpdate && FindFault(operation, answer) is not null)
            {
                answer = await RecordAsync(client, example);
            }

            var fault = FindFault(operation, answer);
            Assert.True(fault is null, $"The answer of {example.Id} in {AnswerFilter.File}: {fault}\n{Repository.HowToUpdate}");
            answers[example.Id] = answer;
        }

        var text = new JsonObject(answers.Select(a => KeyValuePair.Create(a.Key, a.Value))).ToJsonString(Layout) + "\n";
        if (isUpdate)
        {
            await File.WriteAllTextAsync(path, text);
        }

        Assert.True(text == AnswerFilter.Recorded, $"{AnswerFilter.File} was written anew: build, and write the document anew.");

        string? FindFault(JsonElement operation, JsonNode? answer)
        {
            var id = operation.GetProperty("operationId").GetString()!;
            return answer is null
                ? "missing."
                : schemas.FindFault(id, Successes(operation).First(), JsonElement.Parse(answer.ToJsonString()));
        }
    }

    [Fact]
    public void EveryJsonAnswer_HasAnExample()
    {
        var without = from operation in api.Operations.Select(o => o.Operation)
                      from status in Successes(operation)
                      let content = operation.GetProperty("responses").GetProperty(status).GetProperty("content")
                      where !content.GetProperty("application/json").TryGetProperty("example", out _)
                      select $"{operation.GetProperty("operationId").GetString()} {status}";
        Assert.Equal([], without);
    }

    [Fact]
    public void Texts_AreAmerican_AndWithoutNotesOfOurOwn()
    {
        Assert.DoesNotMatch(British(), api.Text);
        Assert.DoesNotContain("nothing to say", api.Text, StringComparison.Ordinal);
    }

    private static bool HasJson(JsonElement operation) => Successes(operation).Any();

    private static IEnumerable<string> Successes(JsonElement operation) =>
        from response in operation.GetProperty("responses").EnumerateObject()
        where response.Name[0] == '2' && response.Value.TryGetProperty("content", out var content)
            && content.TryGetProperty("application/json", out var json) && json.TryGetProperty("schema", out _)
        select response.Name;

    private static async Task<JsonNode> RecordAsync(HttpClient client, Example example)
    {
        using var request = example.CreateRequest();
        using var answer = await client.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, example.ToString());
        return Trim(JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
    }

    private static JsonNode Trim(JsonNode node)
    {
        switch (node)
        {
            case JsonObject item:
                foreach (var (name, value) in item.Where(p => p.Value is not null && !Whole.Contains(p.Key)).ToList())
                {
                    item[name] = Trim(value!.DeepClone());
                }

                break;
            case JsonArray list:
                return new JsonArray([.. list.Take(MaxItems).Select(i => i is null ? null : Trim(i.DeepClone()))]);
        }

        return node;
    }

    [GeneratedRegex(@"\b(?i:centre\b|favour|honour|colour|behaviour|programme|catalogue|organis|recognis|customis|neighbour|licence)\w*")]
    private static partial Regex British();
}
