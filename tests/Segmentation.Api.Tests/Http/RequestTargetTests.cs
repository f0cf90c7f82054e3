using Segmentation.Api.Http;

namespace Segmentation.Api.Tests.Http;

/// <summary>An address leads where it says: what a server would resolve to another is refused as it came.</summary>
public sealed class RequestTargetTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    private Uri Address => Api.Client.BaseAddress!;

    [Theory]
    [InlineData("/a/..")]
    [InlineData("/a/../b")]
    [InlineData("/a/.")]
    [InlineData("/.")]
    [InlineData("/..?q=1")]
    [InlineData("/a/%2E%2E")]
    [InlineData("/a/%2e.")]
    [InlineData("/a/.%2e/b")]
    [InlineData("/a/%2E")]
    [InlineData("/a/%00")]
    [InlineData("/a/x%00y")]
    [InlineData("/a/x%2Fy")]
    [InlineData("/a/ofrep/x%2Fy")]
    [InlineData("/ofrep/%00")]
    [InlineData("/ofrep/%2E%2E")]
    [InlineData("/a/..%2f..%2fb")]
    [InlineData("/a/..\\b")]
    [InlineData("/a\\b")]
    [InlineData("/a/%")]
    [InlineData("/a/%2")]
    [InlineData("/a/%zz")]
    [InlineData("/a/%u002e")]
    [InlineData("/a/%ff")]
    [InlineData("/a/%c0%ae%c0%ae")]
    [InlineData("/a/%ED%A0%80")]
    [InlineData("http://localhost/a/%2e%2e/b")]
    [InlineData("http://localhost/a%2Fb")]
    public void Path_ThatLeadsElsewhere_IsAFault(string target) => Assert.Equal("path", RequestTarget.FindFault(target)?.Pointer);

    [Theory]
    [InlineData("/")]
    [InlineData("/api/v1/customers/a.b")]
    [InlineData("/a/...")]
    [InlineData("/a/.hidden")]
    [InlineData("/a/x..")]
    [InlineData("/a/%252e%252e")]
    [InlineData("/a/%25")]
    [InlineData("/a/%20")]
    [InlineData("/a/%F0%9F%98%80")]
    [InlineData("/a/%5C..")]
    [InlineData("/a?q=../..&r=%2e%2e&s=%2F%00&t=\\&u=100%")]
    [InlineData("/a?q=%E2%82%AC")]
    [InlineData("http://localhost")]
    [InlineData("http://localhost/a/b?c=%2F")]
    [InlineData("/ofrep/v1/evaluate/flags/a%2F..%2fb")]
    [InlineData("*")]
    public void Target_ThatSaysWhereItLeads_IsNone(string target) => Assert.Null(RequestTarget.FindFault(target));

    [Theory]
    [InlineData("/a?q=%ff", "q")]
    [InlineData("/a?x=1&email=a%c3", "email")]
    [InlineData("/a?%ff=1", "")]
    public void Query_ThatIsNoText_IsAFaultAtItsName(string target, string place) =>
        Assert.Equal(place, RequestTarget.FindFault(target)?.Pointer);

    [Fact]
    public async Task Delete_WithEncodedDots_DeletesNothing()
    {
        (await Api.PutAsync("segments/dots", """{"kind":"manual","name":"Dots"}""")).Expect(201);
        (await Api.PutAsync("customers/dots", "{}")).Expect(201);
        foreach (var target in new[]
        {
            "/api/v1/segments/dots/members/%2E%2E", "/api/v1/segments/dots/members/..", "/api/v1/segments/dots/members/%2e.",
            "/api/v1/customers/dots/events/%2e%2e", "/api/v1/customers/dots/%2e", "/api/v1/customers/dots/segments/x/../..",
            $"{Address}api/v1/segments/dots/members/%2E%2E", $"{Address}api/v1/segments/dots%2Fmembers%2F..",
            $"{Address}api/v1/segments/dots\\members\\..",
        })
        {
            var (status, head, body) = await RawRequest.SendAsync(Address, $"DELETE {target}");
            Assert.True(status == 400, $"{target}: {status}");
            Assert.Contains("application/problem+json", head, StringComparison.Ordinal);
            Assert.Equal(["path"], RawRequest.ReadFaults(body));
        }

        (await Api.GetAsync("segments/dots")).Expect(200);
        (await Api.GetAsync("customers/dots")).Expect(200);
    }

    [Theory]
    [InlineData("/api/v1/segments//dots", 404)]
    [InlineData("//api/v1/segments", 404)]
    [InlineData("/api/v1/segments/dots//", 404)]
    [InlineData("/api/v1/segments/dots/members/", 405)]
    [InlineData("/api/v1/segments/dots/members//", 404)]
    [InlineData("/api/v1/customers/", 400)]
    [InlineData("/api/v1/customers//", 404)]
    [InlineData("/api/v1/customers/%00", 400)]
    public async Task Delete_WithAnEmptySegment_ReachesNoOther(string target, int status) =>
        Assert.Equal(status, (await RawRequest.SendAsync(Address, $"DELETE {target}")).Status);
}
