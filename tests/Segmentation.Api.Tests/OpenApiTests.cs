using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;
using Segmentation.Local;

namespace Segmentation.Api.Tests;

/// <summary>The API with the sample, as Swagger UI meets it.</summary>
public sealed class SampleApi : WebApplicationFactory<Program>, IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private string connectionString = "";

    public JsonElement Document { get; private set; }

    public string Text { get; private set; } = "";

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connectionString = await databases.CreateDatabaseAsync();
        await using (var scope = Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<SegmentationDb>().Database.MigrateAsync();
            await ActivatorUtilities.CreateInstance<SampleData>(scope.ServiceProvider).LoadAsync();
        }

        Text = await CreateClient().GetStringAsync("/swagger/v1/swagger.json");
        Document = JsonElement.Parse(Text);
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await base.DisposeAsync();
        await databases.DisposeAsync();
    }

    protected override IHost CreateHost(IHostBuilder builder)
    {
        builder.ConfigureHostConfiguration(c => c.AddInMemoryCollection([new("ConnectionStrings:Segmentation", connectionString)]));
        return base.CreateHost(builder);
    }
}

public sealed class OpenApiTests(SampleApi api) : IClassFixture<SampleApi>
{
    private static readonly string[] RuleOperations = ["Rules_Validate", "Rules_Preview", "Rules_Compile"];

    private IEnumerable<(string Path, string Method, JsonElement Operation)> Operations =>
        from path in api.Document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        select (path.Name, operation.Name, operation.Value);

    [Fact]
    public void Document_IsTheSnapshot() => Repository.AssertHolds("docs/openapi.json", api.Text.ReplaceLineEndings("\n") + "\n");

    [Fact]
    public void EveryOperation_IsDescribed()
    {
        var tags = api.Document.GetProperty("tags").EnumerateArray().Select(t => t.GetProperty("name").GetString()).ToArray();
        Assert.All(Operations, o =>
        {
            var (path, method, operation) = o;
            Assert.EndsWith(".", operation.GetProperty("summary").GetString());
            Assert.Contains(Assert.Single(operation.GetProperty("tags").EnumerateArray()).GetString(), tags);
            Assert.Matches("^[A-Z][A-Za-z]+_[A-Z][A-Za-z]+$", operation.GetProperty("operationId").GetString());

            var parameters = operation.TryGetProperty("parameters", out var p) ? p.EnumerateArray().ToList() : [];
            foreach (var parameter in parameters)
            {
                Assert.True(parameter.TryGetProperty("description", out _), $"{method} {path}: {parameter} needs a description.");
                Assert.True(
                    parameter.TryGetProperty("example", out _)
                        || parameter.TryGetProperty("examples", out _)
                        || parameter.GetProperty("name").GetString() is "cursor" or "If-Match",
                    $"{method} {path}: {parameter} needs an example.");
            }

            var statuses = operation.GetProperty("responses").EnumerateObject().Select(r => r.Name).ToList();
            Assert.Contains(statuses, s => s[0] == '2');
            Assert.Contains("500", statuses);
            Assert.True(
                path == "/health/live" || (statuses.Contains("503") && statuses.Contains("504")),
                $"{method} {path}: {string.Join(' ', statuses)}");
            if (operation.TryGetProperty("requestBody", out var body))
            {
                Assert.Contains("400", statuses);
                Assert.Contains("415", statuses);
                Assert.All(body.GetProperty("content").EnumerateObject(), c => Assert.True(
                    c.Value.TryGetProperty("example", out _) || c.Value.GetProperty("examples").EnumerateObject().Any(),
                    $"{method} {path}: {c.Name} needs an example."));
            }
        });
        Assert.Equal(
            tags.Order(),
            Operations.SelectMany(o => o.Operation.GetProperty("tags").EnumerateArray()).Select(t => t.GetString()).Distinct().Order());
    }

    [Fact]
    public void EveryReference_LeadsSomewhere_AndNoNameIsOfDotNet()
    {
        foreach (var reference in References(api.Document))
        {
            var target = reference.Split('/').Skip(1).Aggregate(api.Document, (at, part) => at.GetProperty(part));
            Assert.Equal(JsonValueKind.Object, target.ValueKind);
        }

        Assert.DoesNotContain(
            api.Document.GetProperty("components").GetProperty("schemas").EnumerateObject(),
            s => s.Name.Contains("Resource", StringComparison.Ordinal) || s.Name.Contains('`', StringComparison.Ordinal));
        Assert.DoesNotContain("Segmentation.Api", api.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EveryExampleOfARule_IsValidAndRuns()
    {
        var client = api.CreateClient();
        foreach (var (path, method, operation)
            in Operations.Where(o => RuleOperations.Contains(o.Operation.GetProperty("operationId").GetString())))
        {
            var examples = Examples(operation).ToList();
            Assert.Equal(
                CustomerFields.Kinds.SelectMany(k => new[] { k, k }), examples.Select(e => e.Summary.Split(':')[0].ToLowerInvariant()));
            foreach (var (name, _, body) in examples)
            {
                var answer = await client.PostAsJsonAsync(path, body);
                Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{method} {path}, {name}: {await answer.Content.ReadAsStringAsync()}");
                var content = await answer.Content.ReadFromJsonAsync<JsonElement>();
                switch (operation.GetProperty("operationId").GetString())
                {
                    case "Rules_Validate":
                        Assert.True(content.GetProperty("valid").GetBoolean(), $"{name}: {content}");
                        break;
                    case "Rules_Preview":
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
        var rest = Operations.Where(o => !RuleOperations.Contains(o.Operation.GetProperty("operationId").GetString()))
            .OrderBy(o => Array.IndexOf(order, o.Method)).ThenBy(o => o.Path.Length);
        foreach (var (path, method, operation) in rest)
        {
            var parameters = operation.TryGetProperty("parameters", out var p) ? p.EnumerateArray().ToList() : [];
            var address = parameters.Where(x => x.GetProperty("in").GetString() == "path").Aggregate(path, (a, x) =>
                a.Replace($"{{{x.GetProperty("name").GetString()}}}", x.GetProperty("example").ToString(), StringComparison.Ordinal));
            foreach (var query in parameters.Where(x => x.TryGetProperty("examples", out _))
                .Select(x => (Name: x.GetProperty("name"), Value: x.GetProperty("examples").GetProperty("example").GetProperty("value")))
                .Select(x => $"?{x.Name.GetString()}={Uri.EscapeDataString(x.Value.ToString())}").Prepend(""))
            {
                foreach (var (type, body) in Bodies(operation))
                {
                    using var request = new HttpRequestMessage(new HttpMethod(method), address + query);
                    request.Content = body is null
                        ? null
                        : new StringContent(body, new System.Net.Http.Headers.MediaTypeHeaderValue(type!));
                    using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

                    // A stream of events does not end: that it has begun is enough.
                    var content = answer.Content.Headers.ContentType?.MediaType == "text/event-stream"
                        ? ""
                        : await answer.Content.ReadAsStringAsync();
                    Assert.True(answer.IsSuccessStatusCode, $"{method} {address}{query} {body}: {(int)answer.StatusCode} {content}");
                    Assert.Contains($"{(int)answer.StatusCode}", operation.GetProperty("responses").EnumerateObject().Select(r => r.Name));
                    Assert.DoesNotContain("\"rejected\":1", content, StringComparison.Ordinal);
                }
            }
        }
    }

    private static IEnumerable<(string? Type, string? Body)> Bodies(JsonElement operation)
    {
        if (!operation.TryGetProperty("requestBody", out var body))
        {
            return [(null, null)];
        }

        // One media type's examples, where another has the same.
        return from content in body.GetProperty("content")
            .EnumerateObject()
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

    private static IEnumerable<string> References(JsonElement node) => node.ValueKind switch
    {
        JsonValueKind.Object => node.EnumerateObject()
            .SelectMany(p => p is { Name: "$ref", Value.ValueKind: JsonValueKind.String } ? [p.Value.GetString()!] : References(p.Value)),
        JsonValueKind.Array => node.EnumerateArray().SelectMany(References),
        _ => [],
    };
}
