namespace Segmentation.Api.Tests.Http;

/// <summary>Pages of other sites, in the browser of someone who runs the service on their own machine, read and write nothing.</summary>
public sealed class OtherSitesTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    private Uri Address => Api.Client.BaseAddress!;

    [Theory]
    [InlineData("rebind.evil.example", 400)]
    [InlineData("rebind.evil.example:80", 400)]
    [InlineData("localhost.evil.example", 400)]
    [InlineData("127.0.0.1.evil.example", 400)]
    [InlineData("0.0.0.0", 400)]
    [InlineData("127.0.0.2", 400)]
    [InlineData("localhost", 200)]
    [InlineData("LOCALHOST:99", 200)]
    [InlineData("127.0.0.1", 200)]
    [InlineData("[::1]:5080", 200)]
    public async Task Host_OfAnotherName_Is400(string host, int status)
    {
        var (answered, _, body) = await RawRequest.SendAsync(Address, "GET /api/v1/segments", host: host);
        Assert.Equal(status, answered);
        if (status == 400)
        {
            Assert.Equal(["Host"], RawRequest.ReadFaults(body));
        }

        // A probe calls by the address it has.
        Assert.Equal(200, (await RawRequest.SendAsync(Address, "GET /health/live", host: host)).Status);
    }

    [Theory]
    [InlineData("PublicUrl", "https://segments.example.com", "segments.example.com", 200)]
    [InlineData("PublicUrl", "https://segments.example.com", "localhost", 200)]
    [InlineData("PublicUrl", "https://segments.example.com", "example.com", 400)]
    [InlineData("AllowedHosts", "a.example; *.b.example", "a.example", 200)]
    [InlineData("AllowedHosts", "a.example; *.b.example", "x.b.example:8080", 200)]
    [InlineData("AllowedHosts", "a.example; *.b.example", "localhost", 400)]
    [InlineData("AllowedHosts", "*", "anything.example", 200)]
    public async Task Host_BySetting(string setting, string value, string host, int status)
    {
        await using var server = new ApiFixture.Server(fixture.ConnectionString, [(setting, value)], migrate: false);
        Assert.Equal(status, (await RawRequest.SendAsync(server.Api.Client.BaseAddress!, "GET /api/v1/segments", host: host)).Status);
    }

    [Fact]
    public async Task Location_IsAPath_WhateverHostSays()
    {
        await using var server = new ApiFixture.Server(fixture.ConnectionString, [("AllowedHosts", "*")], migrate: false);
        await RawRequest.SendAsync(server.Api.Client.BaseAddress!, "GET /api/v1/segments");
        foreach (var (line, body, location) in new[]
        {
            ("POST /api/v1/customers", """{"id":"at ü"}""", "/api/v1/customers/at%20%C3%BC"),
            ("PUT /api/v1/customers/at-2", "{}", "/api/v1/customers/at-2"),
            ("POST /api/v1/segments", """{"key":"at-1","kind":"manual","name":"M"}""", "/api/v1/segments/at-1"),
            ("PUT /api/v1/segments/at-2", """{"kind":"manual","name":"M"}""", "/api/v1/segments/at-2"),
            ("POST /api/v1/segments/at-1/clone", """{"key":"at-3"}""", "/api/v1/segments/at-3"),
            (
                "POST /api/v1/segments/combine", """{"operation":"union","keys":["at-1","at-2"],"save":{"key":"at-4"}}""",
                "/api/v1/segments/at-4"),
            ("PUT /api/v1/attributes/at", """{"type":"text","kind":"value"}""", "/api/v1/attributes/at"),
            ("POST /api/v1/webhooks", """{"url":"https://example.com/hook"}""", "/api/v1/webhooks/"),
        })
        {
            var (status, head, problem) = await RawRequest.SendAsync(
                server.Api.Client.BaseAddress!, line, "Content-Type: application/json\r\n", System.Text.Encoding.UTF8.GetBytes(body),
                "evil.example");
            Assert.True(status == 201, $"{line}: {status} {problem}");
            Assert.Contains($"Location: {location}", head, StringComparison.Ordinal);
            Assert.DoesNotContain("evil.example", head, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("https://evil.example", null, 403)]
    [InlineData("null", null, 403)]
    [InlineData("http://127.0.0.1", null, 403)]
    [InlineData("http://127.0.0.1:1", "same-site", 403)]
    [InlineData("", "cross-site", 403)]
    [InlineData("OWN", "cross-site", 403)]
    [InlineData("OWN", "same-origin", 200)]
    [InlineData("https://behind-a-proxy.example", "same-origin", 200)]
    [InlineData("https://evil.example", "same-site", 403)]
    [InlineData("https://evil.example", "none", 403)]
    [InlineData("OWN", null, 200)]
    [InlineData("https://app.example", "cross-site", 200)]
    [InlineData("HTTPS://APP.EXAMPLE", null, 200)]
    [InlineData("https://app.example.evil.example", null, 403)]
    [InlineData("", "none", 200)]
    [InlineData("", null, 200)]
    public async Task Write_ByAPage(string origin, string? site, int status)
    {
        (await Api.PutAsync("segments/written", """{"kind":"manual","name":"M"}""")).Expect(200, 201);
        List<(string, string)> headers = [];
        if (origin.Length > 0)
        {
            headers.Add(("Origin", origin == "OWN" ? Address.GetLeftPart(UriPartial.Authority) : origin));
        }

        if (site is not null)
        {
            headers.Add(("Sec-Fetch-Site", site));
        }

        (string, string)[] sent = [.. headers];
        (await Api.PostAsync("events", """{"customerId":"by-page","type":"t"}""", sent)).Expect(status);
        (await Api.PatchAsync("segments/written", """{"name":"N"}""", sent)).Expect(status);
        (await Api.PutAsync("customers/by-page", "{}", sent)).Expect(status == 403 ? [403] : [200, 201]);
        (await Api.DeleteAsync("customers/by-page", sent)).Expect(status == 403 ? 403 : 204);

        // What only reads is kept from other pages by the browser itself.
        (await Api.GetAsync("segments", sent)).Expect(200);
    }

    [Fact]
    public async Task Write_ByAPageOfPublicUrl_IsItsOwn()
    {
        await using var server = new ApiFixture.Server(
            fixture.ConnectionString, [("PublicUrl", "https://segments.example.com")], migrate: false);
        (await server.Api.PostAsync("events", """{"customerId":"proxied","type":"t"}""", ("Origin", "https://segments.example.com")))
            .Expect(200);
        (await server.Api.PostAsync("events", """{"customerId":"proxied","type":"t"}""", ("Origin", "http://segments.example.com")))
            .Expect(403);
    }

    [Theory]
    [InlineData("POST", "segments/written/refresh", "a=b", "text/plain")]
    [InlineData("POST", "segments/written/refresh", "{}", null)]
    [InlineData("POST", "segments/written/versions/1/restore", "x", "application/x-www-form-urlencoded")]
    [InlineData("PUT", "customers/merged", "{}", "application/merge-patch+json")]
    [InlineData("POST", "segments", "{}", "application/merge-patch+json")]
    [InlineData("POST", "customers", "{\"id\":\"x\"}", null)]
    [InlineData("POST", "customers", "a[=1", "application/x-www-form-urlencoded")]
    [InlineData("POST", "events", "{\"customerId\":\"x\",\"type\":\"t\"}", null)]
    [InlineData("POST", "events", "{\"customerId\":\"x\",\"type\":\"t\"}", "text/plain")]
    [InlineData("POST", "customers/import", "id\nx", null)]
    [InlineData("POST", "customers/import", "id\nx", "application/x-www-form-urlencoded")]
    public async Task Body_OfATypeThatIsNotTaken_Is415(string method, string path, string body, string? type) =>
        (await Api.SendAsync(method, path, System.Text.Encoding.UTF8.GetBytes(body), type, [])).Expect(415);

    [Theory]
    [InlineData("POST", "segments/written/refresh", 202)]
    [InlineData("DELETE", "customers/nobody", 204)]
    [InlineData("GET", "segments", 200)]
    public async Task Json_WhereNoBodyIsTaken_IsNotRead(string method, string path, int status) =>
        (await Api.SendAsync(method, path, "{"u8.ToArray(), "application/json", [])).Expect(status);
}
