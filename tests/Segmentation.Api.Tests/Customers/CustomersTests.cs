using System.Text.Json;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Single customers over HTTP.</summary>
public sealed class CustomersTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Whole = """
        {"id":"whole 1","email":" Ada@Example.com ","firstName":"Ada","lastName":"L.","demographic":{"birthDate":"1980-02-29","gender":"Female","income":50000.25,"householdSize":3,"children":1},
         "geographic":{"country":"de","city":"Köln","timeZone":"europe/berlin","climate":"Temperate","location":{"latitude":50.9,"longitude":6.9}},
         "psychographic":{"interests":["Music"," music ","Ski"],"lifestyle":"  "},"consents":{"marketing":{"granted":true,"at":"2024-01-02T03:04:05Z"},"sms":{"granted":false}},
         "signedUpAt":"2023-05-01T10:00:00+02:00"}
        """;

    private Api Api => fixture.Api;

    [Fact]
    public async Task Post_WholeCustomer_IsTidiedStoredAndAnswered()
    {
        var created = (await Api.PostAsync("customers", Whole)).Expect(201);
        Assert.Equal("/api/v1/customers/whole%201", created.Message.Headers.Location!.OriginalString);
        Assert.NotNull(created.ETag);
        var read = (await Api.GetAsync("customers/whole%201")).Expect(200);
        Assert.Equal("Ada@Example.com", read["email"].GetString());
        Assert.Equal("DE", read["geographic"].GetProperty("country").GetString());
        Assert.Equal("Europe/Berlin", read["geographic"].GetProperty("timeZone").GetString());
        Assert.Equal("temperate", read["geographic"].GetProperty("climate").GetString());
        Assert.Equal(["Music", "Ski"], read["psychographic"].GetProperty("interests").EnumerateArray().Select(i => i.GetString()));
        Assert.False(read["psychographic"].TryGetProperty("lifestyle", out _));
        Assert.Equal("2023-05-01T08:00:00Z", read["signedUpAt"].GetString());
        Assert.Equal(0, read["value"].GetProperty("lifetimeValue").GetDecimal());
        Assert.Equal(0, read["behavioral"].GetProperty("eventCount").GetInt32());

        // What GET gave can be put back, read-only parts included, and changes nothing.
        var again = (await Api.PutAsync("customers/whole%201", read.Body)).Expect(200);
        static string Comparable(JsonElement c) => string.Join('\n', c.EnumerateObject().Where(p => p.Name is not "updatedAt").Select(p => p.Name + p.Value.GetRawText()));
        Assert.Equal(Comparable(read.Json), Comparable(again.Json));
        (await Api.PostAsync("customers", Whole)).Expect(409);
    }

    [Theory]
    [InlineData("""{"id":"a/b"}""", "/id")]
    [InlineData("""{"id":""}""", "/id")]
    [InlineData("""{"nmae":"x"}""", "/nmae")]
    [InlineData("""{"demographic":{"agee":1}}""", "/demographic/agee")]
    [InlineData("""{"demographic":{"birthDate":"2023-02-29"}}""", "/demographic/birthDate")]
    [InlineData("""{"demographic":{"birthDate":"0001-01-01"}}""", "/demographic/birthDate")]
    [InlineData("""{"demographic":{"income":"lots"}}""", "/demographic/income")]
    [InlineData("""{"demographic":{"income":1e30}}""", "/demographic/income")]
    [InlineData("""{"demographic":{"income":0.0000000001}}""", "/demographic/income")]
    [InlineData("""{"demographic":{"children":-1}}""", "/demographic/children")]
    [InlineData("""{"demographic":{"children":1.5}}""", "/demographic/children")]
    [InlineData("""{"geographic":{"country":"DEU"}}""", "/geographic/country")]
    [InlineData("""{"geographic":{"climate":"foggy"}}""", "/geographic/climate")]
    [InlineData("""{"geographic":{"timeZone":"Mars/Base"}}""", "/geographic/timeZone")]
    [InlineData("""{"geographic":{"timeZone":"posix/Europe/Berlin"}}""", "/geographic/timeZone")]
    [InlineData("""{"geographic":{"location":{"latitude":91,"longitude":0}}}""", "/geographic/location/latitude")]
    [InlineData("""{"geographic":{"location":{"latitude":1}}}""", "/geographic/location/longitude")]
    [InlineData("""{"psychographic":{"interests":"music"}}""", "/psychographic/interests")]
    [InlineData("""{"attributes":{"nobody_registered_this":1}}""", "/attributes/nobody_registered_this")]
    [InlineData("""{"consents":{"no good":{"granted":true}}}""", "/consents/no good")]
    [InlineData("""{"consents":{"sms":{}}}""", "/consents/sms/granted")]
    [InlineData("""{"signedUpAt":"2024-01-01"}""", "/signedUpAt")]
    [InlineData("""{"signedUpAt":"2024-01-01T00:00:00"}""", "/signedUpAt")]
    [InlineData("""{"firstName":"a\u0000b"}""", "/firstName")]
    [InlineData("""{"firstName":"x","firstName":"y"}""", "/firstName")]
    [InlineData("""[]""", "")]
    [InlineData("""{"id":""", "")]
    public async Task Post_Fault_Returns400WithItsPlace(string body, string pointer)
    {
        var answer = (await Api.PostAsync("customers", body)).Expect(400);
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.Contains(answer.Faults, f => f == pointer || (pointer.Length == 0 && f.Length <= 3));
        Assert.DoesNotContain("System.", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_ManyFaults_AllAtOnce() => Assert.Equal(
        ["/demographic/children", "/email", "/geographic/country"],
        (await Api.PostAsync("customers", "{\"email\":\"" + new string('x', 321) + "\",\"demographic\":{\"children\":-1},\"geographic\":{\"country\":\"x\"}}")).Expect(400).Faults);

    [Fact]
    public async Task Patch_MergesAndClears_AndChecksTheOutcome()
    {
        (await Api.PutAsync("customers/patched", """{"email":"a@example.com","demographic":{"gender":"f","income":1},"consents":{"sms":{"granted":true}}}""")).Expect(201);
        var patched = (await Api.PatchAsync("customers/patched", """{"demographic":{"gender":null,"children":2},"lastName":"New"}""")).Expect(200);
        Assert.Equal("""{"children":2,"income":1}""", JsonSerializer.Serialize(patched["demographic"].EnumerateObject().OrderBy(p => p.Name).ToDictionary(p => p.Name, p => p.Value)));
        Assert.Equal("a@example.com", patched["email"].GetString());
        Assert.Equal(["/demographic/children"], (await Api.PatchAsync("customers/patched", """{"demographic":{"children":"two"}}""")).Expect(400).Faults);
        (await Api.PatchAsync("customers/patched", """{"id":"other"}""")).Expect(400);
        (await Api.PatchAsync("customers/nobody", "{}")).Expect(404);
    }

    [Fact]
    public async Task If_Match_LetsOneOfTwoWritersThrough()
    {
        var etag = (await Api.PutAsync("customers/matched", "{}")).Expect(201).ETag!;
        var writes = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Api.PutAsync("customers/matched", $$"""{"firstName":"{{i}}"}""", ("If-Match", etag))));
        Assert.Equal(1, writes.Count(w => w.Status == 200));
        Assert.All(writes.Where(w => w.Status != 200), w => w.Expect(412));
        (await Api.DeleteAsync("customers/matched", ("If-Match", etag))).Expect(412);
        (await Api.PutAsync("customers/not-there", "{}", ("If-Match", "*"))).Expect(412);
    }

    [Fact]
    public async Task Put_TheSameNewIdAtOnce_CreatesOne()
    {
        var writes = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Api.PutAsync("customers/raced", $$"""{"firstName":"{{i}}"}""")));
        Assert.Equal(1, writes.Count(w => w.Status == 201));
        Assert.All(writes, w => Assert.True(w.Status is 200 or 201, w.Body));
    }

    [Fact]
    public async Task Delete_ErasesEventsAndMemberships_AndIsRepeatable()
    {
        (await Api.PutAsync("customers/gone", "{}")).Expect(201);
        (await Api.PostAsync("customers/gone/events", """{"id":"1","type":"order_completed","amount":5}""")).Expect(200);
        (await Api.PutAsync("segments/erasure", """{"kind":"manual"}""")).Expect(201);
        (await Api.PutAsync("segments/erasure/members/gone", "{}")).Expect(200);
        (await Api.DeleteAsync("customers/gone")).Expect(204);
        (await Api.DeleteAsync("customers/gone")).Expect(204);
        (await Api.GetAsync("customers/gone")).Expect(404);
        Assert.Equal(0, (await Api.GetAsync("segments/erasure/count")).Expect(200)["count"].GetInt64());
        (await Api.PutAsync("customers/gone", "{}")).Expect(201);
        Assert.Empty((await Api.GetAsync("customers/gone/events")).Expect(200)["items"].EnumerateArray());
        Assert.Equal(0, (await Api.GetAsync("customers/gone")).Expect(200)["value"].GetProperty("lifetimeValue").GetDecimal());
    }

    [Fact]
    public async Task List_PagesByIdAndFilters()
    {
        foreach (var i in Enumerable.Range(0, 7))
        {
            (await Api.PutAsync($"customers/listed-{i}", $$$"""{"email":"Listed{{{i % 2}}}@Example.com","demographic":{"children":{{{i}}} }}""")).Expect(201);
        }

        var ids = (await Api.AllAsync("customers", 2)).Select(c => c.GetProperty("id").GetString()!).ToList();
        Assert.Equal(ids.Order(StringComparer.Ordinal), ids);
        Assert.Equal(ids.Count, ids.Distinct().Count());
        Assert.Equal(["listed-1", "listed-3", "listed-5"], (await Api.AllAsync("customers?email=lISTED1@example.COM")).Select(c => c.GetProperty("id").GetString()));
        (await Api.PutAsync("segments/many-children", """{"rule":{"combinator":"and","rules":[{"field":"demographic.children","operator":">","value":4},{"field":"customer.id","operator":"beginsWith","value":"listed"}]}}""")).Expect(201);
        Assert.Equal(["listed-5", "listed-6"], (await Api.AllAsync("customers?segment=many-children", 1)).Select(c => c.GetProperty("id").GetString()));
        (await Api.GetAsync("customers?segment=none-such")).Expect(404);
        (await Api.GetAsync("customers?limit=0")).Expect(400);
        (await Api.GetAsync("customers?cursor=nonsense!")).Expect(400);
    }

    [Fact]
    public async Task Attributes_AreTypedAndReadByRules()
    {
        foreach (var (name, type) in new[] { ("cPlan", "text"), ("cScore", "integer"), ("cWhen", "instant"), ("cDay", "date"), ("cTags", "set"), ("cOk", "boolean"), ("cRatio", "decimal") })
        {
            (await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""")).Expect(201);
        }

        var customer = (await Api.PutAsync("customers/typed", """{"attributes":{"cPlan":" Pro ","cScore":5,"cWhen":"2024-01-01T00:00:00.123456+01:00","cDay":"2024-02-29","cTags":["A","a","b"],"cOk":true,"cRatio":0.1,"cNothing":null}}""")).Expect(201);
        Assert.Equal("Pro", customer["attributes"].GetProperty("cPlan").GetString());
        foreach (var (rule, holds) in new[]
        {
            ("""{"field":"attributes.cPlan","operator":"=","value":"PRO"}""", true),
            ("""{"field":"attributes.cScore","operator":"between","value":[5,6]}""", true),
            ("""{"field":"attributes.cWhen","operator":"=","value":"2023-12-31T23:00:00.123456Z"}""", true),
            ("""{"field":"attributes.cWhen","operator":"=","value":"2023-12-31"}""", true),
            ("""{"field":"attributes.cDay","operator":"<","value":"2024-02-29"}""", false),
            ("""{"field":"attributes.cTags","operator":"contains","value":["a","B"]}""", true),
            ("""{"field":"attributes.cOk","operator":"!=","value":true}""", false),
            ("""{"field":"attributes.cRatio","operator":"=","value":0.1}""", true),
        })
        {
            var preview = (await Api.PostAsync("segments/preview", $$$"""{"rule":{"combinator":"and","rules":[{"field":"customer.id","operator":"=","value":"typed"},{{{rule}}}]}}""")).Expect(200);
            Assert.True(preview["count"].GetInt64() == (holds ? 1 : 0), rule);
        }

        foreach (var (name, value) in new[] { ("cScore", "1.5"), ("cScore", "\"5\""), ("cWhen", "\"2024-01-01\""), ("cDay", "\"2024-02-30\""), ("cTags", "\"a\""), ("cTags", "[1]"), ("cOk", "\"yes\""), ("cRatio", "1e40"), ("cPlan", "5"), ("cPlan", "{}") })
        {
            Assert.StartsWith($"/attributes/{name}", Assert.Single((await Api.PutAsync("customers/typed", $$$"""{"attributes":{"{{{name}}}":{{{value}}} }}""")).Expect(400).Faults));
        }
    }
}
