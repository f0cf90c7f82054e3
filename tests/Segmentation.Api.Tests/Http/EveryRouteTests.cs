using System.Text;
using System.Text.RegularExpressions;

namespace Segmentation.Api.Tests.Http;

/// <summary>What holds on each route of the OpenAPI document, whatever it does.</summary>
public sealed partial class EveryRouteTests(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private readonly List<Route> routes = [];

    private Api Api => fixture.Api;

    public async Task InitializeAsync()
    {
        var document = (await Api.GetAsync("/swagger/v1/swagger.json")).Expect(200);
        foreach (var path in document["paths"].EnumerateObject().Where(p => p.Name.StartsWith("/api/v1", StringComparison.Ordinal)))
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                string[] query = operation.Value.TryGetProperty("parameters", out var parameters)
                    ? [.. parameters.EnumerateArray().Where(p => p.GetProperty("in").GetString() == "query")
                        .Select(p => p.GetProperty("name").GetString()!)]
                    : [];
                string[] types = operation.Value.TryGetProperty("requestBody", out var body)
                    ? [.. body.GetProperty("content").EnumerateObject().Select(c => c.Name)]
                    : [];
                var address = Placeholder().Replace(path.Name, m => m.Value == "{version}" ? "1" : "x");
                routes.Add(new Route(operation.Name.ToUpperInvariant(), address, query, types));
            }
        }

        Assert.True(routes.Count > 50, $"{routes.Count}");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task UnknownQueryParameter_Returns400ThatNamesIt()
    {
        foreach (var route in routes)
        {
            var answer = (await SendAsync(route, "?nosuchthing=1")).Expect(400);
            Assert.Equal(["nosuchthing"], answer.Faults);
            foreach (var name in route.Query.Where(q => q.Length > 3))
            {
                var misspelt = name.Insert(1, "_");
                var hint = (await SendAsync(route, $"?{misspelt}=1")).Expect(400)["errors"].GetProperty(misspelt)[0].GetString();
                Assert.Equal($"\"{misspelt}\" is not a parameter of this address. Did you mean \"{name}\"?", hint);
            }
        }
    }

    [Fact]
    public async Task QueryParameterTwice_Returns400()
    {
        foreach (var route in routes)
        {
            foreach (var name in route.Query)
            {
                var answer = (await SendAsync(route, $"?{name}=1&{name}=1")).Expect(400);
                Assert.Equal([name], answer.Faults);
                Assert.Equal($"{name} is there 2 times; send it once.", answer["errors"].GetProperty(name)[0].GetString());
            }
        }
    }

    [Fact]
    public async Task OtherMediaType_Returns415ThatSaysWhich()
    {
        foreach (var route in routes.Where(r => r.Types is not []))
        {
            var answer = (await Api.SendAsync(route.Method, route.Address, "<a/>", "application/xml")).Expect(415);
            Assert.Contains(route.Types[0], answer["title"].GetString());
        }
    }

    [Fact]
    public async Task BytesThatAreNoText_Return400()
    {
        foreach (var route in routes.Where(r => r.Types.Any(t => t.EndsWith("json", StringComparison.Ordinal))))
        {
            foreach (var body in new[] { "{\"a\":\"\u00ff\"}", "{\"\u00c3\":1}", "[\"\u00ed\u00a0\u0080\"]", "\u00fe\u00fe" })
            {
                var answer = await Api.SendAsync(
                    route.Method, route.Address, Encoding.Latin1.GetBytes(body), route.Types.First(t => t.EndsWith("json")), []);

                // A list of events is answered item by item.
                Assert.True(answer.Status == 400 || answer["rejected"].GetInt32() == 1, $"{route} {body}: {answer.Status} {answer.Body}");
            }
        }
    }

    [Fact]
    public async Task UnknownContentEncoding_Returns415ThatSaysWhich()
    {
        foreach (var route in routes.Where(r => r.Types is not []))
        {
            var answer = (await Api.SendAsync(route.Method, route.Address, "{}", route.Types[0], ("Content-Encoding", "zstd"))).Expect(415);
            Assert.Equal("gzip, br", string.Join(", ", answer.Message.Headers.GetValues("Accept-Encoding")));
        }
    }

    [Fact]
    public async Task AcceptWithoutWhatThereIs_Returns406()
    {
        foreach (var route in routes.Where(r => r.Method != "DELETE"))
        {
            (await SendAsync(route, "", ("Accept", "image/png"))).Expect(406);
        }
    }

    [Fact]
    public async Task Head_IsAnsweredAsGetIs_WithoutBody()
    {
        (await Api.PutAsync("segments/x", """{"rule":{"combinator":"and","rules":[]},"name":"X"}""")).Expect(201);
        (await Api.PutAsync("customers/x", "{}")).Expect(201);
        (await Api.PutAsync("attributes/x", """{"type":"text","kind":"value"}""")).Expect(201);
        string[] others = ["/health/live", "/swagger/index.html"];
        foreach (var address in routes.Where(r => r.Method == "GET").Select(r => r.Address).Concat(others))
        {
            using var get = await Api.Client.GetAsync(address, HttpCompletionOption.ResponseHeadersRead);
            var head = (await Api.SendAsync("HEAD", address, null)).Expect((int)get.StatusCode);
            Assert.Equal("", head.Body);
            Assert.Equal(get.Content.Headers.ContentType?.MediaType, head.ContentType);
        }

        (await Api.SendAsync("HEAD", "segments/preview", null)).Expect(404);
        (await Api.SendAsync("HEAD", "/api/v1/events", null)).Expect(405);
    }

    private Task<Answer> SendAsync(Route route, string query, params (string Name, string Value)[] headers) =>
        route.Types is [var type, ..]
            ? Api.SendAsync(route.Method, route.Address + query, "{}", type, headers)
            : Api.SendAsync(route.Method, route.Address + query, null, headers: headers);

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Placeholder();

    private sealed record Route(string Method, string Address, string[] Query, string[] Types);
}
