using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Tests;

/// <summary>The examples of the OpenAPI document: each of them works as pasted.</summary>
public sealed class ExampleOpenApiTests(SampleApi api) : IClassFixture<SampleApi>
{
    private static readonly string[] RuleOperations = ["Segments_Validate", "Segments_Preview", "Segments_Compile"];

    [Fact]
    public async Task EveryExampleOfARule_IsValidAndRuns()
    {
        var client = api.CreateClient();
        foreach (var (path, method, operation) in api.Operations.Where(o => RuleOperations.Contains(Id(o.Operation))))
        {
            var examples = Examples(operation).ToList();
            Assert.Equal(
                CustomerFields.Kinds.SelectMany(k => new[] { k, k }), examples.Select(e => e.Summary.Split(':')[0].ToLowerInvariant()));
            foreach (var (name, _, body) in examples)
            {
                var answer = await client.PostAsJsonAsync(path, body);
                Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{method} {path}, {name}: {await answer.Content.ReadAsStringAsync()}");
                var content = await answer.Content.ReadFromJsonAsync<JsonElement>();
                switch (Id(operation))
                {
                    case "Segments_Validate":
                        Assert.True(content.GetProperty("valid").GetBoolean(), $"{name}: {content}");
                        break;
                    case "Segments_Preview":
                        Assert.True(content.GetProperty("count").GetInt64() > 0, $"{name} matches nobody.");
                        break;
                }
            }
        }
    }

    [Fact]
    public async Task EveryOtherExample_Runs()
    {
        // As a reader may try them: what makes things first, what erases them last.
        string[] order = ["post", "put", "get", "patch", "delete"];
        var client = api.CreateClient();
        var rest = api.Operations.Where(o => !RuleOperations.Contains(Id(o.Operation)))
            .OrderBy(o => Array.IndexOf(order, o.Method)).ThenBy(o => o.Path.Length);
        foreach (var (path, method, operation) in rest)
        {
            var parameters = operation.TryGetProperty("parameters", out var p) ? p.EnumerateArray().ToList() : [];
            var address = parameters.Where(x => x.GetProperty("in").GetString() == "path").Aggregate(path, (a, x) =>
                a.Replace($"{{{x.GetProperty("name").GetString()}}}", x.GetProperty("example").ToString(), StringComparison.Ordinal));
            var queries = from parameter in parameters
                          where parameter.GetProperty("in").GetString() == "query"
                          let name = parameter.GetProperty("name").GetString()!
                          let value = SwaggerExamples.Parameter(Id(operation), name)
                          where value is not null
                          select $"?{name}={Uri.EscapeDataString(value.ToString())}";
            var needed = parameters.Any(x => x.GetProperty("in").GetString() == "query" && x.TryGetProperty("required", out _));
            foreach (var query in needed ? queries : queries.Prepend(""))
            {
                foreach (var (type, body) in Bodies(operation))
                {
                    using var request = new HttpRequestMessage(new HttpMethod(method), address + query);
                    request.Content = body is null ? null : new StringContent(body, new MediaTypeHeaderValue(type!));
                    using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

                    // A stream of events does not end: that it has begun is enough.
                    var content = answer.Content.Headers.ContentType?.MediaType == "text/event-stream"
                        ? ""
                        : await answer.Content.ReadAsStringAsync();
                    Assert.True(answer.IsSuccessStatusCode, $"{method} {address}{query} {body}: {(int)answer.StatusCode} {content}");
                    Assert.Contains($"{(int)answer.StatusCode}", operation.GetProperty("responses").EnumerateObject().Select(r => r.Name));
                    Assert.True(method == "get" || !content.Contains("\"rejected\":1", StringComparison.Ordinal), content);
                }
            }
        }
    }

    private static string Id(JsonElement operation) => operation.GetProperty("operationId").GetString()!;

    private static IEnumerable<(string? Type, string? Body)> Bodies(JsonElement operation)
    {
        if (!operation.TryGetProperty("requestBody", out var body))
        {
            return [(null, null)];
        }

        // One media type's examples, where another has the same.
        return from content in body.GetProperty("content")
            .EnumerateObject()
            .Where(c => c.Name != "multipart/form-data") // A chosen file.
            .DistinctBy(c => c.Value.TryGetProperty("examples", out var e) ? e.ToString() : c.Name)
               from text in content.Value.TryGetProperty("example", out var one)
                   ? [one.GetString()!]
                   : content.Value.GetProperty("examples").EnumerateObject().Select(e => e.Value.GetProperty("value").GetRawText())
               select ((string?)content.Name, (string?)text);
    }

    private static IEnumerable<(string Name, string Summary, JsonElement Body)> Examples(JsonElement operation) =>
        operation.GetProperty("requestBody")
            .GetProperty("content")
            .GetProperty("application/json")
            .GetProperty("examples")
            .EnumerateObject()
            .Select(e => (e.Name, e.Value.GetProperty("summary").GetString()!, e.Value.GetProperty("value")));
}
