using System.Text;
using System.Text.Json;
using Npgsql;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Files in, over HTTP: what is taken, what is rejected alone, and what a file can't break.</summary>
public sealed class CustomerImportTests(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private static int made;

    private Api Api => fixture.Api;

    public async Task InitializeAsync()
    {
        foreach (var (name, type) in new[]
        {
            ("plan", "text"), ("score", "integer"), ("vip", "boolean"), ("tags", "set"), ("renewal", "date")
        })
        {
            await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""");
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Csv_AllKindsOfColumns_AreRead()
    {
        var id = NewId();
        (string Column, string Cell)[] cells =
        [
            ("id", id), ("email", "a@b.c"), ("demographic.birthDate", "1990-01-31"), ("demographic.income", "1234.50"),
            ("demographic.children", "2"),
            ("geographic.country", "de"), ("geographic.location.latitude", "52.123456789012"), ("geographic.location.longitude", "13.4"),
            ("psychographic.interests", "\" Golf|Chess|a\\|b|golf\""), ("attributes.plan", "Gold"), ("attributes.score", "7"),
            ("attributes.vip", "TRUE"),
            ("attributes.tags", "x|y"), ("attributes.renewal", "2025-02-28"), ("consents.marketing.granted", "true"),
            ("consents.marketing.at", "2024-01-01T00:00:00Z"), ("signedUpAt", "2023-05-01T10:00:00+02:00"), ("demographic.age", "99"),
            ("value.orderCount", "7"),
        ];
        var result = await CsvAsync($"{string.Join(',', cells.Select(c => c.Column))}\n{string.Join(',', cells.Select(c => c.Cell))}");
        Assert.Equal((1, 1, 0, 0), Counts(result));
        var customer = await GetAsync(id);
        Assert.Equal("a@b.c", customer.GetProperty("email").GetString());
        Assert.Equal("1990-01-31", customer.GetProperty("demographic").GetProperty("birthDate").GetString());
        Assert.Equal(1234.5m, customer.GetProperty("demographic").GetProperty("income").GetDecimal());
        Assert.Equal(
            """{"country":"DE","location":{"latitude":52.123456789012,"longitude":13.4}}""",
            customer.GetProperty("geographic").GetRawText());
        Assert.Equal("""["Golf","Chess","a|b"]""", customer.GetProperty("psychographic").GetProperty("interests").GetRawText());
        Assert.Equal(
            ["\"Gold\"", "7", "true", """["x","y"]""", "\"2025-02-28\""],
            new[] { "plan", "score", "vip", "tags", "renewal" }
                .Select(a => customer.GetProperty("attributes").GetProperty(a).GetRawText()));
        Assert.Equal(
            """{"granted":true,"at":"2024-01-01T00:00:00Z"}""", customer.GetProperty("consents").GetProperty("marketing").GetRawText());
        Assert.Equal("2023-05-01T08:00:00Z", customer.GetProperty("signedUpAt").GetString());
        Assert.Equal(0, customer.GetProperty("value").GetProperty("orderCount").GetInt32());
    }

    [Fact]
    public async Task Csv_QuotesBreaksBomCrlfAndNoLastBreak_AreRead()
    {
        var id = NewId();
        var result = await CsvAsync(
            $"\uFEFF\"id\",firstName,lastName\r\n{id}-1,\"a \"\"b\"\", c\",\"two\r\nlines\"\r\n\r\n\n   \n{id}-2,,\"\"\r\n{id}-3,x,y");
        Assert.Equal((3, 3, 0, 0), Counts(result));
        Assert.Equal(("a \"b\", c", "two\r\nlines"), (
            (await GetAsync($"{id}-1")).GetProperty("firstName").GetString(),
            (await GetAsync($"{id}-1")).GetProperty("lastName").GetString()));
        Assert.False((await GetAsync($"{id}-2")).TryGetProperty("firstName", out _));
        Assert.Equal("y", (await GetAsync($"{id}-3")).GetProperty("lastName").GetString());
    }

    public static TheoryData<string, int, string> DirtyCsv => new()
    {
        { "ID,x,1990-13-01,,\n", 2, "demographic.birthDate" },
        { "ID,x,,abc,\n", 2, "demographic.income" },
        { "ID,x,,1e30,\n", 2, "demographic.income" },
        { "ID,x,,,Germany\n", 2, "geographic.country" },
        { ",x,,,\n", 2, "id" },
        { "a/b,x,,,\n", 2, "id" },
        { "ID,x\n", 2, "2 fields; the header has 5" },
        { "ID,x,,,,,y\n", 2, "7 fields" },
        { "ID,\"x,,,\n", 2, "quote" },
        { "ID,\"x\"y,,,\n", 2, "quote" },
        { $"ID,{new string('x', 257)},,,\n", 2, "firstName" },
        { $"ID,{new string('x', 4_000_000)},,,\n", 2, "1024 KiB" },
        { $"ID,\"{new string('x', 4_000_000)}\n", 2, "1024 KiB" },
        { "ID,a\0b,,,\n", 2, "firstName" },
        { "ID,\u00ff,,,\n", 2, "UTF-8" },
    };

    [Theory]
    [MemberData(nameof(DirtyCsv))]
    public async Task Csv_BadLine_IsRejectedAlone(string line, int number, string message)
    {
        var id = NewId();

        // Latin-1, so that a case can have bytes that are not UTF-8.
        const string header = "id,firstName,demographic.birthDate,demographic.income,geographic.country";
        var body = Encoding.Latin1.GetBytes($"{header}\n{line.Replace("ID", id + "-0")}{id}-1,x,,,\n{id}-2,y,,,");
        var result = (await Api.SendAsync("POST", "customers/import", body, "text/csv", [])).Expect(200).Json;
        Assert.Equal((3, 2, 0, 1), Counts(result));
        var error = Assert.Single(result.GetProperty("errors").EnumerateArray());
        Assert.Equal(number, error.GetProperty("line").GetInt32());
        Assert.Contains(message, error.GetProperty("message").GetString());
        (await Api.GetAsync($"customers/{id}-2")).Expect(200);
        (await Api.GetAsync($"customers/{id}-0")).Expect(404);
    }

    [Theory]
    [InlineData("id,emial\n", "email")]
    [InlineData("id,attributes.plam\n", "attributes.plan")]
    [InlineData("email\n", "id")]
    [InlineData("id,email,email\n", "twice")]
    [InlineData("id;emial\n", "Column 2, \"emial\", is not a column. Did you mean \"email\"?")]
    [InlineData("id:email\n", "separated by a comma as it was read")]
    [InlineData("id,,email\n", "Column 2 has no name.")]
    [InlineData("id,qqqqq\n", "is not a column. GET")]
    [InlineData("id,x\n", "is not a column. GET")]
    [InlineData("id,email,customer.email\n", "twice: column 2 is the same")]
    [InlineData("id,value.percentile\n", "not a column")]
    [InlineData("id,demographic\n", "not a column")]
    [InlineData("\"id\n", "can't be read")]
    [InlineData("", "empty")]
    public async Task Csv_WrongHeader_Returns400ThatNamesIt(string body, string message)
    {
        var answer = (await Api.SendAsync("POST", "customers/import", body, "text/csv")).Expect(400);
        Assert.Equal(["header"], answer.Faults);
        Assert.Contains(message, string.Join(' ', answer["errors"].GetProperty("header").EnumerateArray().Select(e => e.GetString())));
    }

    [Fact]
    public async Task Csv_MostlyDirt_ListsTheFirst100AndGoesOn()
    {
        var id = NewId();
        var result = await CsvAsync("id,geographic.country\n"
            + string.Concat(Enumerable.Range(0, 500).Select(i => $"{id}-{i},{(i % 2 == 0 ? "DE" : "Deutschland")}\n")));
        Assert.Equal((500, 250, 0, 250), Counts(result));
        Assert.Equal(
            Enumerable.Range(0, 100).Select(i => (2 * i) + 3),
            result.GetProperty("errors").EnumerateArray().Select(e => e.GetProperty("line").GetInt32()));
        Assert.DoesNotContain("Deutschland", result.GetRawText());
    }

    public static TheoryData<string, string> DirtyJson => new()
    {
        { "{", "JSON" },
        { "[]", "object" },
        { "null", "object" },
        { "\"x\"", "object" },
        { """{"id":"ID"} trailing""", "JSON" },
        { """{"id":"ID","nmae":"x"}""", "nmae" },
        { """{"id":"ID","id":"x"}""", "Duplicate" },
        { """{"firstName":"x"}""", "id is missing" },
        { """{"id":"ID","firstName":5}""", "firstName" },
        { """{"id":"ID","firstName":"\ud800"}""", "" },
        { """{"id":"ID","firstName":"a\u0000"}""", "firstName" },
        { """{"id":"ID","attributes":{"plam":"x"}}""", "plan" },
        { """{"id":"ID","attributes":{"score":"x"}}""", "attributes.score" },
        { """{"id":"ID","attributes":{"plan":"\ud800"}}""", "surrogate" },
        { """{"id":"ID","geographic":{"country":"XXX"},"demographic":{"children":-1}}""", "demographic.children" },
        { $$"""{"id":"ID","firstName":"{{new string('x', 4_000_000)}}"}""", "1024 KiB" },
        { "{\"id\":\"ID\",\"firstName\":\"\u00ff\"}", "UTF-8" },
        { string.Concat(Enumerable.Repeat("[", 5000)), "" },
    };

    [Theory]
    [MemberData(nameof(DirtyJson))]
    public async Task Ndjson_BadLine_IsRejectedAlone(string line, string message)
    {
        var id = NewId();
        var body = Encoding.Latin1.GetBytes($"{{\"id\":\"{id}-1\"}}\r\n\r\n{line.Replace("ID", id + "-0")}\n{{\"id\":\"{id}-2\"}}");
        var result = (await Api.SendAsync("POST", "customers/import", body, "application/x-ndjson", [])).Expect(200).Json;
        Assert.Equal((3, 2, 0, 1), Counts(result));
        var error = Assert.Single(result.GetProperty("errors").EnumerateArray());
        Assert.Equal(3, error.GetProperty("line").GetInt32());
        Assert.Contains(message, error.GetProperty("message").GetString());
        Assert.DoesNotContain("System.", error.GetProperty("message").GetString());
    }

    [Fact]
    public async Task Replace_ReplacesProfilesAndKeepsWhatEventsMade()
    {
        var id = NewId();
        await NdjsonAsync($$"""{"id":"{{id}}","firstName":"A","email":"a@b.c"}""");
        (await Api.PostAsync("events", $$"""
            [{"customerId":"{{id}}","type":"order_completed","amount":10,"occurredAt":"2024-01-01T00:00:00Z"},
             {"customerId":"{{id}}","type":"order_completed","amount":20.5,"occurredAt":"2024-02-01T00:00:00Z"}]
            """)).Expect(200);
        var before = await GetAsync(id);

        Assert.Equal(
            (1, 0, 1, 0),
            Counts(await NdjsonAsync(
                $$"""{"id":"{{id}}","lastName":"B","firstSeenAt":"2023-01-01T00:00:00Z","lastSeenAt":"2024-01-15T00:00:00Z"}""",
                "?mode=replace")));
        var answer = (await Api.GetAsync($"customers/{id}")).Expect(200);
        Assert.Equal("\"2\"", answer.Version);
        Assert.Equal("B", answer["lastName"].GetString());
        Assert.False(answer.Json.TryGetProperty("firstName", out _));
        Assert.False(answer.Json.TryGetProperty("email", out _));
        foreach (var kept in new[] { "value", "behavioral", "createdAt" })
        {
            Assert.Equal(before.GetProperty(kept).GetRawText(), answer[kept].GetRawText());
        }

        Assert.Equal(
            ("2023-01-01T00:00:00Z", "2024-02-01T00:00:00Z"), (answer["firstSeenAt"].GetString(), answer["lastSeenAt"].GetString()));
    }

    // COPY's own form of a number is four decimal digits a group, counted from the point.
    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("9999.9999")]
    [InlineData("10000")]
    [InlineData("100000000")]
    [InlineData("0.5")]
    [InlineData("0.00001")]
    [InlineData("-0.000000001")]
    [InlineData("120000.10")]
    [InlineData("999999999999999999.999999999")]
    [InlineData("-100000000000000000.000000001")]
    public async Task Number_IsKeptExactly(string number)
    {
        var id = NewId();
        await NdjsonAsync($$$"""{"id":"{{{id}}}","demographic":{"income":{{{number}}}}}""");
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = source.CreateCommand($"SELECT demographic_income::text FROM customers WHERE id = '{id}'");
        Assert.Equal(number, await command.ExecuteScalarAsync());
    }

    [Theory]
    [InlineData("2024-05-31T12:00:00Z", "2024-05-31T12:00:00Z")]
    [InlineData("2024-05-31T12:00:00.5Z", "2024-05-31T12:00:00.5Z")]
    [InlineData("1969-12-31T23:59:59.123456789Z", "1969-12-31T23:59:59.123456Z")]
    [InlineData("2024-05-31T12:00:00.690882+02:00", "2024-05-31T10:00:00.690882Z")]
    [InlineData("2024-05-31T12:00z", "2024-05-31T12:00:00Z")]
    public async Task Instant_IsKeptToTheMicrosecond(string sent, string kept)
    {
        var id = NewId();
        await NdjsonAsync($$"""{"id":"{{id}}","signedUpAt":"{{sent}}"}""");
        Assert.Equal(kept, (await GetAsync(id)).GetProperty("signedUpAt").GetString());
    }

    [Fact]
    public async Task SameIdTwice_TheLaterWinsAndCountsAsUpdated()
    {
        var id = NewId();
        var result = await NdjsonAsync($$$"""{"id":"{{{id}}}","firstName":"A"}""" + "\n" + $$$"""{"id":"{{{id}}}","lastName":"B"}""" + "\n"
            + $$$"""{"id":"{{{id}}}","geographic":{"country":"?"}}""", "?mode=replace");
        Assert.Equal((3, 1, 1, 1), Counts(result));
        Assert.Equal("B", (await GetAsync(id)).GetProperty("lastName").GetString());
        Assert.False((await GetAsync(id)).TryGetProperty("firstName", out _));
    }

    [Fact]
    public async Task Large_IsStoredWholeAndFolded()
    {
        var id = NewId();
        var result = await CsvAsync(
            "id,firstName,attributes.plan\n" + string.Concat(Enumerable.Range(0, 9001).Select(i => $"{id}-{i},Näme,GOLD\n")));
        Assert.Equal((9001, 9001, 0, 0), Counts(result));
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = source.CreateCommand($$"""
            SELECT count(*) FROM customers
            WHERE id LIKE '{{id}}-%' AND first_name_folded = 'näme' AND first_name = 'Näme' AND attributes_folded = '{"plan":"gold"}'
                AND id_folded = id AND version = 1
            """);
        Assert.Equal(9001L, await command.ExecuteScalarAsync());
    }

    [Fact]
    public async Task TwoAtOnce_WithTheSameIds_BothSucceed()
    {
        var id = NewId();
        string File(bool reverse) => string.Join(
            '\n', (reverse ? Enumerable.Range(0, 6000).Reverse() : Enumerable.Range(0, 6000)).Select(i => $$"""{"id":"{{id}}-{{i}}"}"""));
        var results = await Task.WhenAll(NdjsonAsync(File(false)), NdjsonAsync(File(true)));
        Assert.Equal(6000, results.Sum(r => r.GetProperty("created").GetInt32()));
        Assert.Equal(6000, results.Sum(r => r.GetProperty("updated").GetInt32()));
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    [InlineData("application/xml; charset=utf-8")]
    public async Task OtherMediaType_Returns415(string type) =>
        (await Api.SendAsync("POST", "customers/import", "id\nx", type)).Expect(415);

    [Fact]
    public async Task Empty_Ndjson_IsNothing() => Assert.Equal((0, 0, 0, 0), Counts(await NdjsonAsync("")));

    private static string NewId() => $"import-{Interlocked.Increment(ref made)}";

    private static (int Received, int Created, int Updated, int Rejected) Counts(JsonElement result) => (
        result.GetProperty("received").GetInt32(),
        result.GetProperty("created").GetInt32(),
        result.GetProperty("updated").GetInt32(),
        result.GetProperty("rejected").GetInt32());

    private async Task<JsonElement> GetAsync(string id) => (await Api.GetAsync($"customers/{id}")).Expect(200).Json;

    private async Task<JsonElement> CsvAsync(string body) =>
        (await Api.SendAsync("POST", "customers/import", body, "text/csv; charset=utf-8")).Expect(200).Json;

    private async Task<JsonElement> NdjsonAsync(string body, string query = "") =>
        (await Api.SendAsync("POST", "customers/import" + query, body, "application/x-ndjson")).Expect(200).Json;
}
