using Microsoft.AspNetCore.Mvc.Testing;

namespace Segmentation.Api.Tests.Http;

/// <summary>What every answer carries.</summary>
public sealed class AnswerHeaderTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Theory]
    [InlineData("GET", "/api/v1/segments", 200)]
    [InlineData("GET", "/api/v1/segments/none", 404)]
    [InlineData("GET", "/api/v1/nowhere", 404)]
    [InlineData("GET", "/api/v1/segments?limit=0", 400)]
    [InlineData("GET", "/api/v1/customers/export?format=csv", 200)]
    [InlineData("HEAD", "/api/v1/segments", 200)]
    [InlineData("DELETE", "/api/v1/segments/none", 204)]
    [InlineData("PATCH", "/api/v1/segments", 405)]
    [InlineData("GET", "/health/live", 200)]
    [InlineData("GET", "/", 302)]
    [InlineData("GET", "/swagger/index.html", 200)]
    [InlineData("GET", "/rules-by-example", 200)]
    [InlineData("GET", "/nowhere", 404)]
    public async Task Headers_AreOnEveryAnswer(string method, string path, int status)
    {
        var answer = (await Api.SendAsync(method, path, null)).Expect(status);
        Assert.Equal("nosniff", Header(answer, "X-Content-Type-Options"));
        Assert.Equal("no-referrer", Header(answer, "Referrer-Policy"));
        var policy = Header(answer, "Content-Security-Policy")!;
        Assert.StartsWith(path.StartsWith("/swagger", StringComparison.Ordinal) ? "default-src 'self'; " : "default-src 'none'; ", policy);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Null(Header(answer, "Server"));
        Assert.Null(Header(answer, "Strict-Transport-Security"));
        Assert.Matches("^[0-9a-f]{32}$", Header(answer, "X-Request-Id"));
        if (path.StartsWith("/api", StringComparison.Ordinal))
        {
            Assert.Contains("no-store", Header(answer, "Cache-Control"), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("Order_7.retry-2", true)]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123", true)]
    [InlineData("01234567890123456789012345678901234567890123456789012345678901234", false)]
    [InlineData("two words", false)]
    [InlineData("<script>", false)]
    [InlineData("a;b", false)]
    [InlineData("", false)]
    public async Task RequestId_IsTheCallersWhereItIsOne_AndInTheProblem(string given, bool isTaken)
    {
        var answer = (await Api.GetAsync("segments/none", ("X-Request-Id", given))).Expect(404);
        var id = Header(answer, "X-Request-Id")!;
        Assert.Equal(isTaken, id == given);
        Assert.Equal(id, answer["requestId"].GetString());
    }

    [Theory]
    [InlineData("https://segments.example.com", "max-age=31536000")]
    [InlineData("https://localhost", null)]
    [InlineData("http://segments.example.com", null)]
    public async Task StrictTransportSecurity_IsOverHttps(string address, string? value)
    {
        await using var host = new SampleHost(fixture.ConnectionString);
        using var client = host.WithWebHostBuilder(b => b.UseSetting("AllowedHosts", "*"))
            .CreateClient(new WebApplicationFactoryClientOptions { BaseAddress = new Uri(address) });
        using var answer = await client.GetAsync("/api/v1/segments/none");
        Assert.Equal(value, answer.Headers.TryGetValues("Strict-Transport-Security", out var values) ? values.Single() : null);
    }

    [Fact]
    public async Task Faults_AreAHundredAtMost_AndTheAnswer64KiB()
    {
        var many = string.Join(',', Enumerable.Range(0, 150).Select(i => $$"""{"field":"no.such{{i}}","operator":"=","value":1}"""));
        var problem = (await Api.PostAsync("segments", $$$"""{"key":"many","name":"M","rule":{"combinator":"and","rules":[{{{many}}}]}}"""))
            .Expect(400);
        Assert.Equal(100, problem["errors"].EnumerateObject().Sum(e => e.Value.GetArrayLength()));
        Assert.True(problem["truncated"].GetBoolean());
    }

    [Fact]
    public async Task Place_ThatIsLong_IsCut()
    {
        foreach (var name in new[] { new string('x', 100_000), new string('"', 100_000).Replace("\"", "\\\""), new string('ü', 100_000) })
        {
            var problem = (await Api.PostAsync("customers", $$"""{"id":"long","{{name}}":1}""")).Expect(400);
            Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(problem.Body), 100, 64 * 1024);
            Assert.True(problem["truncated"].GetBoolean());
            Assert.Single(problem.Faults);
        }
    }

    [Theory]
    [InlineData("GET", "segments?limit=0", null)]
    [InlineData("POST", "segments", "{")]
    [InlineData("POST", "segments", "")]
    [InlineData("PATCH", "segments/none%ff", "{}")]
    public async Task BadRequest_HasErrors(string method, string path, string? body) =>
        Assert.NotEmpty((await Api.SendAsync(method, path, body)).Expect(400).Faults);

    private static string? Header(Answer answer, string name) =>
        answer.Message.Headers.TryGetValues(name, out var values) || answer.Message.Content.Headers.TryGetValues(name, out values)
            ? string.Join(", ", values)
            : null;
}
