using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Imports, with all the dirt that files have, and exports that can be imported again.</summary>
public sealed class CustomerImportTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Fact]
    public async Task Csv_WithBomCrlfQuotesAndSets_IsRead()
    {
        var csv = "\uFEFFid,firstName,demographic.birthDate,demographic.income,psychographic.interests,consents.sms.granted,geographic.location.latitude,geographic.location.longitude\r\n"
            + "csv-1,\"O'Neil, \"\"Al\"\"\",1990-01-02,12.50,Music|Ski,true,50.5,6.5\r\n\r\ncsv-2,\"two\nlines\",,,,,,\r\ncsv-3,last,1991-01-01,3,,false,,";
        var answer = (await ImportAsync(csv, "text/csv")).Expect(200);
        Assert.Equal((3, 3, 0, 0), Counts(answer));
        var one = (await Api.GetAsync("customers/csv-1")).Expect(200);
        Assert.Equal("O'Neil, \"Al\"", one["firstName"].GetString());
        Assert.Equal(12.50m, one["demographic"].GetProperty("income").GetDecimal());
        Assert.Equal(2, one["psychographic"].GetProperty("interests").GetArrayLength());
        Assert.True(one["consents"].GetProperty("sms").GetProperty("granted").GetBoolean());
        Assert.Equal("two\nlines", (await Api.GetAsync("customers/csv-2")).Expect(200)["firstName"].GetString());
    }

    [Fact]
    public async Task Ndjson_BadLines_AreRejectedAloneWithTheirPlace()
    {
        var lines = new List<(string Line, bool Good)>
        {
            ("""{"id":"nd-1","firstName":"A"}""", true),
            ("""{"id":"nd-2","firstName":""", false),
            ("""{"id":"nd-3","demographic":{"birthDate":"2023-02-30"}}""", false),
            ("""{"firstName":"no id"}""", false),
            ("""{"id":"nd-5","unknown":1}""", false),
            ($$"""{"id":"nd-6","lastName":"{{new string('x', 300)}}"}""", false),
            ($$"""{"id":"nd-7","lastName":"{{new string('x', 4 * 1024 * 1024)}}"}""", false),
            ("""{"id":"nd-1","firstName":"B"}""", true),
            ("null", false),
            ("[1]", false),
            ("{\"id\":\"nd-9\",\"firstName\":\"a\\u0000b\"}", false),
            ("{\"id\":\"nd-10\",\"firstName\":\"\\ud800\"}", false),
            ("""{"id":"nd-11","value":{"lifetimeValue":99},"behavioral":{"eventCount":7}}""", true),
            ("""{"id":"nd-12","email":"truncat""", false),
        };
        var answer = (await ImportAsync(string.Join('\n', lines.Select(l => l.Line)), "application/x-ndjson")).Expect(200);
        Assert.Equal((14, 2, 1, 11), Counts(answer));
        Assert.Equal(lines.Index().Where(l => !l.Item.Good).Select(l => l.Index + 1), answer["errors"].EnumerateArray().Select(e => e.GetProperty("line").GetInt32()));
        Assert.DoesNotContain("System.", answer.Body, StringComparison.Ordinal);
        Assert.Equal("B", (await Api.GetAsync("customers/nd-1")).Expect(200)["firstName"].GetString());
        Assert.Equal(0, (await Api.GetAsync("customers/nd-11")).Expect(200)["value"].GetProperty("lifetimeValue").GetDecimal());
    }

    [Fact]
    public async Task Ndjson_InvalidUtf8_IsRejectedAlone()
    {
        byte[] body = [.. Encoding.UTF8.GetBytes("{\"id\":\"u-1\",\"firstName\":\""), 0xC3, 0x28, .. Encoding.UTF8.GetBytes("\"}\n{\"id\":\"u-2\"}\n")];
        Assert.Equal((2, 1, 0, 1), Counts((await Api.SendAsync("POST", "customers/import", body, "application/x-ndjson", [])).Expect(200)));
    }

    [Theory]
    [InlineData("id,demographic.agee\nx,1", "demographic.agee")]
    [InlineData("firstName\nx", "id")]
    [InlineData("id,id\nx,y", "id")]
    [InlineData("", "")]
    public async Task Csv_WrongHeader_Returns400AndStoresNothing(string csv, string named)
    {
        var answer = (await ImportAsync(csv, "text/csv")).Expect(400);
        Assert.Contains(named, answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OtherMediaType_Returns415() => (await ImportAsync("{}", "application/json")).Expect(415);

    [Fact]
    public async Task AgainKeepsWhatEventsMade_AndReplacesTheProfile()
    {
        Assert.Equal((1, 1, 0, 0), Counts(await ImportAsync("""{"id":"kept","firstName":"A","lastName":"B"}""", "application/x-ndjson")));
        (await Api.PostAsync("events", """{"customerId":"kept","id":"1","type":"order_completed","amount":5,"occurredAt":"2024-01-01T00:00:00Z"}""")).Expect(200);
        Assert.Equal((1, 0, 1, 0), Counts(await ImportAsync("""{"id":"kept","firstName":"C"}""", "application/x-ndjson")));
        var customer = (await Api.GetAsync("customers/kept")).Expect(200);
        Assert.Equal(("C", 5m, "2024-01-01T00:00:00Z"), (customer["firstName"].GetString(), customer["value"].GetProperty("lifetimeValue").GetDecimal(), customer["firstSeenAt"].GetString()));
        Assert.False(customer.Json.TryGetProperty("lastName", out _));
    }

    [Theory]
    [InlineData("text/csv")]
    [InlineData("application/x-ndjson")]
    public async Task Export_ImportedAgain_GivesTheSameCustomers(string format)
    {
        await using var other = new ApiFixtureScope();
        var api = await other.StartAsync();
        (await api.PutAsync("attributes/tier", """{"type":"text","kind":"value"}""")).Expect(201);
        (await api.PutAsync("attributes/tags", """{"type":"set","kind":"value"}""")).Expect(201);
        var lines = Enumerable.Range(0, 50).Select(i => JsonSerializer.Serialize(new
        {
            id = $"x {i},\"é\"", firstName = i % 3 == 0 ? null : $"=Näme;{i}", demographic = new { birthDate = "1990-01-0" + ((i % 9) + 1), income = i / 8m },
            psychographic = new { interests = new[] { "A b", "c,d" }.Take(i % 3) }, attributes = i % 2 == 0 ? new { tier = "Gold", tags = new[] { "q" } } : null,
            consents = i % 4 == 0 ? new { sms = new { granted = true, at = "2024-01-01T00:00:00Z" } } : null, signedUpAt = "2024-01-01T00:00:00.5Z",
        }));
        (await api.SendAsync("POST", "customers/import", Encoding.UTF8.GetBytes(string.Join('\n', lines)), "application/x-ndjson", [])).Expect(200);
        var before = await api.AllAsync("customers");
        var export = (await api.GetAsync("customers/export", ("Accept", format))).Expect(200);
        Assert.Equal(format, export.ContentType);
        foreach (var customer in before)
        {
            (await api.DeleteAsync("customers/" + Uri.EscapeDataString(customer.GetProperty("id").GetString()!))).Expect(204);
        }

        var imported = (await api.SendAsync("POST", "customers/import", Encoding.UTF8.GetBytes(export.Body), format, [])).Expect(200);
        Assert.Equal((50, 50, 0, 0), Counts(imported));
        static string Text(JsonElement c) => string.Join('\n', c.EnumerateObject().Where(p => p.Name is not ("createdAt" or "updatedAt")).Select(p => p.Name + p.Value.GetRawText()));
        Assert.Equal(before.Select(Text), (await api.AllAsync("customers")).Select(Text));
    }

    private Task<Answer> ImportAsync(string body, string type) => Api.SendAsync("POST", "customers/import", Encoding.UTF8.GetBytes(body), type, []);

    private static (int Received, int Created, int Updated, int Rejected) Counts(Answer answer) => (
        answer["received"].GetInt32(), answer["created"].GetInt32(), answer["updated"].GetInt32(), answer["rejected"].GetInt32());

    /// <summary>An API over a database that nobody else sees.</summary>
    private sealed class ApiFixtureScope : IAsyncDisposable
    {
        private readonly ApiFixture own = new();

        public async Task<Api> StartAsync()
        {
            await own.InitializeAsync();
            return own.Api;
        }

        public async ValueTask DisposeAsync() => await own.DisposeAsync();
    }
}
