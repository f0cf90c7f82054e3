namespace Segmentation.Api.Tests.Customers;

/// <summary>Profiles that are refused, over HTTP: each fault at its place.</summary>
public sealed class CustomerFaultTests(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private Api Api => fixture.Api;

    public async Task InitializeAsync()
    {
        foreach (var (name, type) in new[] { ("plan", "text"), ("score", "integer"), ("ratio", "decimal"), ("vip", "boolean"),
            ("renewal", "date"), ("lastCall", "instant"), ("tags", "set") })
        {
            await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""");
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public static TheoryData<string, string[]> Invalid => new()
    {
        { """{"nmae":"x"}""", ["/nmae"] },
        { """{"demographic":{"agee":1}}""", ["/demographic/agee"] },
        { """{"]oal":1}""", ["/]oal"] },
        { """{"a']b":1}""", ["/a']b"] },
        { """{"demographic":{"['a.b']c":1}}""", ["/demographic/['a.b']c"] },
        { """{"nmae":"x","email":5,"demographic":{"agee":1,"income":"12"},"psychographic":{"interests":[1,2]},"signedUpAt":"May"}""",
            ["/demographic/agee", "/demographic/income", "/email", "/nmae", "/psychographic/interests/0", "/psychographic/interests/1",
                "/signedUpAt"] },
        { """{"consents":{"a/b":{"granted":1},"c~d":{"when":2}}}""", ["/consents/a~1b/granted", "/consents/c~0d/when"] },
        { """{"id":""}""", ["/id"] },
        { """{"id":"a/b"}""", ["/id"] },
        { """{"id":"a\u0000b"}""", ["/id"] },
        { $$"""{"id":"{{new string('x', 129)}}"}""", ["/id"] },
        { $$"""{"email":"{{new string('x', 321)}}"}""", ["/email"] },
        { """{"email":5}""", ["/email"] },
        { $$"""{"firstName":"{{new string('x', 257)}}","lastName":"a\u0000b"}""", ["/firstName", "/lastName"] },
        { """{"demographic":{"birthDate":"1985-02-30"}}""", ["/demographic/birthDate"] },
        { """{"demographic":{"birthDate":"0001-01-01"}}""", ["/demographic/birthDate"] },
        { """{"demographic":{"birthDate":"9999-01-01"}}""", ["/demographic/birthDate"] },
        { """{"demographic":{"income":1234567890123456789}}""", ["/demographic/income"] },
        { """{"demographic":{"income":"12"}}""", ["/demographic/income"] },
        { """{"demographic":{"income":1e400}}""", ["/demographic/income"] },
        { """{"demographic":{"householdSize":-1,"children":-2}}""", ["/demographic/children", "/demographic/householdSize"] },
        { """{"demographic":{"children":1.5}}""", ["/demographic/children"] },
        { """{"demographic":{"children":3000000000}}""", ["/demographic/children"] },
        { """{"geographic":{"country":"DEU","climate":"mild","timeZone":"Mars/Olympus"}}""",
            ["/geographic/climate", "/geographic/country", "/geographic/timeZone"] },
        { """{"geographic":{"timeZone":"W. Europe Standard Time"}}""", ["/geographic/timeZone"] },
        { """{"geographic":{"location":{"latitude":91,"longitude":-181}}}""",
            ["/geographic/location/latitude", "/geographic/location/longitude"] },
        { """{"geographic":{"location":{"latitude":1}}}""", ["/geographic/location/longitude"] },
        { """{"geographic":{"location":{"latitude":1e400,"longitude":0}}}""", ["/geographic/location/latitude"] },
        { """{"psychographic":{"interests":["a",null]}}""", ["/psychographic/interests"] },
        { """{"psychographic":{"interests":"a"}}""", ["/psychographic/interests"] },
        { $$$"""{"psychographic":{"values":[{{{string.Join(',', Enumerable.Range(0, 101).Select(i => $"\"v{i}\""))}}}]}}""",
            ["/psychographic/values"] },
        { """{"signedUpAt":"2024-05-31T12:00:00"}""", ["/signedUpAt"] },
        { """{"signedUpAt":"0001-01-01T00:00:00Z"}""", ["/signedUpAt"] },
        { """{"signedUpAt":"yesterday"}""", ["/signedUpAt"] },
        { """{"attributes":{"plann":"x"}}""", ["/attributes/plann"] },
        { """{"attributes":[]}""", ["/attributes"] },
        { """{"attributes":{"plan":1,"score":1.5,"ratio":"1","vip":"true","renewal":"2025-02-30","lastCall":"2025-01-01","tags":"a"}}""",
            ["/attributes/lastCall", "/attributes/plan", "/attributes/ratio", "/attributes/renewal", "/attributes/score",
                "/attributes/tags", "/attributes/vip"] },
        { """{"attributes":{"plan":"\ud800"}}""", ["/attributes/plan"] },
        { """{"attributes":{"plan":"a\u0000"}}""", ["/attributes/plan"] },
        { """{"attributes":{"tags":[[["x"]]]}}""", ["/attributes/tags"] },
        { """{"attributes":{"score":1e30}}""", ["/attributes/score"] },
        { """{"attributes":{"plan":"a","plan":"b"}}""", ["*"] },
        { """{"attributes":{"\ud800":"b"}}""", ["/attributes"] },
        { """{"consents":{"mar keting":{"granted":true}}}""", ["/consents/mar keting"] },
        { """{"consents":{"marketing\n":{"granted":true}}}""", ["/consents/marketing\n"] },
        { """{"consents":{"marketing":{}}}""", ["/consents/marketing/granted"] },
        { """{"consents":{"marketing":{"granted":"yes"}}}""", ["/consents/marketing/granted"] },
        { """{"id":"x","id":"y"}""", ["/id"] },
        { "[]", [""] },
        { "null", [""] },
        { "{", [""] },
        { """{"firstName":"\ud800"}""", ["*"] },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public async Task Post_Invalid_Returns400WithPointers(string body, string[] pointers)
    {
        var answer = (await Api.PostAsync("customers", body)).Expect(400);
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.DoesNotContain("System.", answer.Body);
        if (pointers is not ["*"])
        {
            Assert.Equal(pointers, answer.Faults);
        }
    }

    [Fact]
    public async Task Post_UnknownNames_NameTheNearest()
    {
        Assert.Contains(
            "plan",
            (await Api.PostAsync("customers", """{"attributes":{"plam":"x"}}""")).Expect(400)["errors"].GetProperty("/attributes/plam")[0]
                .GetString());
        Assert.Contains(
            "firstName",
            (await Api.PostAsync("customers", """{"fristName":"x"}""")).Expect(400)["errors"].GetProperty("/fristName")[0].GetString());
    }

    [Theory]
    [InlineData("[]", "")]
    [InlineData("""{"unknown":1}""", "/unknown")]
    [InlineData("""{"]oal":1}""", "/]oal")]
    [InlineData("""{"geographic":{"country":"Germany"}}""", "/geographic/country")]
    [InlineData("""{"demographic":{"income":"a"}}""", "/demographic/income")]
    [InlineData("""{"id":"other"}""", "/id")]
    public async Task Patch_Invalid_Returns400WithPointer(string patch, string pointer)
    {
        const string id = "to-be-patched";
        await Api.PutAsync($"customers/{id}", "{}");
        Assert.Equal([pointer], (await Api.PatchAsync($"customers/{id}", patch)).Expect(400).Faults);
    }
}
