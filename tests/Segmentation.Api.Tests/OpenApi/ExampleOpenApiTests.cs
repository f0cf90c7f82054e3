using System.Globalization;
using System.Text.Json;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Tests;

/// <summary>The examples of the OpenAPI document: each of them works as pasted, whatever was tried before.</summary>
public sealed class ExampleOpenApiTests(SampleApi api) : IClassFixture<SampleApi>
{
    private static readonly string[] RuleOperations = ["Segments_Validate", "Segments_Preview", "Segments_Compile"];

    // 0: as the document lists them.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task EveryExample_RunsInAnyOrder_AndIsAnsweredAsDescribed(int seed)
    {
        await using var fresh = await api.StartClosedAsync();
        var client = fresh.CreateClient();
        var schemas = await AnswerSchemas.ReadAsync(client);
        var examples = api.Operations.SelectMany(o => Example.List(o.Path, o.Method, o.Operation)).ToArray();
        if (seed > 0)
        {
            new Random(seed).Shuffle(examples);
        }

        for (var i = 0; i < examples.Length; i++)
        {
            var example = examples[i];
            using var request = example.CreateRequest();
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

            // A stream of events does not end: that it has begun is enough.
            var mediaType = answer.Content.Headers.ContentType?.MediaType;
            var content = mediaType == "text/event-stream" ? "" : await answer.Content.ReadAsStringAsync();
            var status = ((int)answer.StatusCode).ToString(CultureInfo.InvariantCulture);
            Assert.True(
                answer.IsSuccessStatusCode,
                $"{example}: {status} {content}\nIn the order of seed {seed}, after: {string.Join(" | ", examples[..i].TakeLast(20))}\n"
                + "An example must not need another: let it use things of the sample, or make its own.");
            Assert.True(
                example.Operation.GetProperty("responses").TryGetProperty(status, out _), $"{example}: the document has no {status}.");
            Assert.False(
                example.Method != "get" && content.Contains("\"rejected\":1", StringComparison.Ordinal), $"{example}: {content}");
            if (mediaType == "application/json")
            {
                var fault = schemas.FindFault(example.Id, status, JsonElement.Parse(content));
                var shown = content[..Math.Min(content.Length, 500)];
                Assert.True(fault is null, $"{example} is not answered as its schema says:\n{fault}\n{shown}");
            }
        }
    }

    [Fact]
    public async Task EverySampleAnswer_IsAsItsSchemaSays()
    {
        var client = api.CreateClient();
        var schemas = await AnswerSchemas.ReadAsync(client);
        foreach (var (id, path) in new[]
        {
            ("Customers_List", "customers?limit=1000"), ("Segments_List", "segments?limit=1000"), ("Webhooks_List", "webhooks"),
            ("Attributes_List", "attributes"), ("Fields_List", "fields"), ("Segments_Members", "segments/regular-buyers/members"),
            ("Customers_Events", $"customers/{SwaggerExamples.Customer}/events?limit=1000"),
        })
        {
            var fault = schemas.FindFault(id, "200", JsonElement.Parse(await client.GetStringAsync($"/api/v1/{path}")));
            Assert.True(fault is null, $"{path}:\n{fault}");
        }

        foreach (var sample in ExampleSegments.All)
        {
            var path = $"/api/v1/segments/{sample.Key}/explain/{SwaggerExamples.Customer}";
            var fault = schemas.FindFault("Segments_Explain", "200", JsonElement.Parse(await client.GetStringAsync(path)));
            Assert.True(fault is null, $"{path}:\n{fault}");
        }
    }

    [Fact]
    public async Task EveryExampleOfARule_IsValidAndMatchesSomeone()
    {
        var client = api.CreateClient();
        foreach (var (path, method, operation) in api.Operations.Where(o => RuleOperations.Contains(Id(o.Operation))))
        {
            var examples = operation.GetProperty("requestBody").GetProperty("content").GetProperty("application/json")
                .GetProperty("examples").EnumerateObject();
            Assert.Equal(
                CustomerFields.Kinds.SelectMany(k => new[] { k, k }).Append("psychographic"),
                examples.Select(e => e.Value.GetProperty("summary").GetString()!.Split(':')[0].ToLowerInvariant()));
            foreach (var example in Example.List(path, method, operation))
            {
                using var request = example.CreateRequest();
                using var answer = await client.SendAsync(request);
                var content = JsonElement.Parse(await answer.Content.ReadAsStringAsync());
                var holds = example.Id switch
                {
                    "Segments_Validate" => content.GetProperty("valid").GetBoolean(),
                    "Segments_Preview" => content.GetProperty("count").GetInt64() > 0,
                    _ => content.GetProperty("sql").GetString()!.Length > 0,
                };
                Assert.True(holds, $"{example}: {content}");
            }
        }
    }

    private static string Id(JsonElement operation) => operation.GetProperty("operationId").GetString()!;
}
