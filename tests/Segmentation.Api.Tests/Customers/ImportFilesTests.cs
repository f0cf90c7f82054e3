using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Segmentation.Api.Http;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Files as people have them: encodings, separators, forms; and what is said of those that can't be taken.</summary>
public sealed class ImportFilesTests(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private static readonly Encoding Latin = CodePagesEncodingProvider.Instance.GetEncoding(1252)!;
    private static int made;

    private Api Api => fixture.Api;

    public async Task InitializeAsync()
    {
        foreach (var (name, type) in new[] { ("renewal", "date"), ("vip", "boolean"), ("lastCall", "instant"), ("score", "integer") })
        {
            await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""");
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public static TheoryData<string, string, bool> Encodings => new()
    {
        { "utf-8", "", false },
        { "utf-8", "", true },
        { "utf-8", "; charset=UTF-8", true },
        { "utf-8", "; charset=windows-1252", true }, // The mark outweighs.
        { "utf-16", "", true },
        { "utf-16", "", false },
        { "utf-16", "; charset=utf-16", true },
        { "utf-16", "; charset=\"utf-16\"", false },
        { "utf-16", "; charset=utf-16le", false },
        { "utf-16BE", "", true },
        { "utf-16BE", "; charset=utf-16", false },
        { "utf-16BE", "; charset=utf-16be", false },
        { "windows-1252", "; charset=windows-1252", false },
        { "windows-1252", "; charset=CP1252", false },
        { "windows-1252", "; charset=iso-8859-1", false },
        { "windows-1252", "; charset=latin1", false },
    };

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task Encoding_IsRead(string encoding, string charset, bool bom)
    {
        var id = NewId();
        var form = encoding == "windows-1252" ? Latin : Encoding.GetEncoding(encoding);
        foreach (var (type, text) in new[]
        {
            ("text/csv", $"id;firstName;lastName\r\n{id};Zoë €;\"Müller; “x”\"\r\n"),
            ("application/x-ndjson", $$"""{"id":"{{id}}","firstName":"Zoë €","lastName":"Müller; “x”"}"""),
        })
        {
            if (type == "application/x-ndjson" && (encoding == "windows-1252" || charset.Contains("1252", StringComparison.Ordinal)))
            {
                continue; // JSON is Unicode.
            }

            byte[] body = [.. bom ? form.GetPreamble() : [], .. form.GetBytes(text)];
            (await Api.SendAsync("POST", "customers/import?recreate=true", body, type + charset, [])).Expect(200);
            var customer = (await Api.GetAsync($"customers/{id}")).Expect(200);
            Assert.Equal(("Zoë €", "Müller; “x”"), (customer["firstName"].GetString(), customer["lastName"].GetString()));
            (await Api.DeleteAsync($"customers/{id}")).Expect(204);
        }
    }

    [Theory]
    [InlineData("text/csv; charset=ebcdic")]
    [InlineData("text/csv; charset=iso-8859-15")]
    [InlineData("text/csv; charset=utf-7")]
    [InlineData("application/x-ndjson; charset=windows-1252")]
    public async Task OtherCharset_Is415ThatNamesThem(string type) =>
        Assert.Contains("utf-8", (await Api.SendAsync("POST", "customers/import", "id\nx", type)).Expect(415)["title"].GetString());

    [Fact]
    public async Task Windows1252_WithoutSayingSo_IsToldHowToSayIt()
    {
        var body = Latin.GetBytes($"id,firstName\n{NewId()},Zoë\n");
        var result = (await Api.SendAsync("POST", "customers/import", body, "text/csv", [])).Expect(200);
        Assert.Contains("charset=windows-1252", result["errors"][0].GetProperty("message").GetString());
        var header = (await Api.SendAsync("POST", "customers/import", Latin.GetBytes("id,größe\nx,y"), "text/csv", [])).Expect(400);
        Assert.Contains("charset=windows-1252", header["errors"].GetProperty("header")[0].GetString());
    }

    [Fact]
    public async Task Utf16_WithHalfASurrogatePair_Is400()
    {
        var id = NewId();
        var body = Encoding.Unicode.GetBytes($"id,firstName\n{id}-1,aXb\n{id}-2,ok\n");
        (body[(id.Length + 16) * 2], body[((id.Length + 16) * 2) + 1]) = (0x00, 0xD8);
        var answer = (await Api.SendAsync("POST", "customers/import", body, "text/csv; charset=utf-16le", [])).Expect(400);
        Assert.Contains("not valid UTF-16", answer.Body);
    }

    [Theory]
    [InlineData("id,firstName,\nID,A,\n")]
    [InlineData("id,firstName,,,\nID,A,,,\n")]
    [InlineData("id,firstName,\nID,A\n")]
    [InlineData("id,firstName\nID,A,\n")]
    [InlineData("id;firstName\nID;A")]
    [InlineData("id\tfirstName\r\nID\tA\r\n")]
    [InlineData("id|firstName\nID|A\n")]
    [InlineData("id,firstName\rID,A\r")]
    [InlineData("id,firstName\r\rID,A")]
    [InlineData("\"id\";\"firstName\"\n\"ID\";\"A\"\n;;\n;\n")]
    [InlineData("customer.id,customer.firstName\nID,A")]
    [InlineData(" id , firstName \n ID , A ")]
    public async Task Form_IsFoundFromTheHeader(string body)
    {
        var id = NewId();
        var result = (await Api.SendAsync("POST", "customers/import", body.Replace("ID", id), "text/csv")).Expect(200);
        Assert.Equal((1, 1), (result["received"].GetInt32(), result["created"].GetInt32()));
        Assert.Equal("A", (await Api.GetAsync($"customers/{id}")).Expect(200)["firstName"].GetString());
    }

    [Theory]
    [InlineData("demographic.income", "\"50000,5\"", "must be a number. There is a comma in it: send 50000.5.")]
    [InlineData("demographic.income", "\"1,234.50\"", "thousands separators")]
    [InlineData("demographic.income", "€ 5", "more than a number")]
    [InlineData("demographic.income", "n/a", "Send digits")]
    [InlineData("demographic.birthDate", "13.05.1990", "must be a date. The day is first: send 1990-05-13.")]
    [InlineData("demographic.birthDate", "05/13/1990", "The month is first: send 1990-05-13.")]
    [InlineData("demographic.birthDate", "05/06/1990", "can't be told: send 1990-05-13.")]
    [InlineData("demographic.birthDate", "1990/05/13", "Send the year, the month and the day as 1990-05-13")]
    [InlineData("demographic.birthDate", "1990-05-13T00:00:00Z", "and no time")]
    [InlineData("demographic.birthDate", "33006", "spreadsheet's own number")]
    [InlineData("demographic.birthDate", "May 1990", "Send 1990-05-13.")]
    [InlineData("attributes.renewal", "31.12.25", "The day is first")]
    [InlineData("attributes.vip", "yes", "must be true or false.")]
    [InlineData("attributes.score", "abc", "must be a number.")]
    [InlineData("attributes.lastCall", "2024-05-31 12:00", "Send a T before the time and the offset after it: 2024-05-31T12:00:00Z.")]
    [InlineData("signedUpAt", "2024-05-31", "A date alone is no instant")]
    [InlineData("signedUpAt", "31.05.2024 12:00", "The day is first: send 2024-05-31T12:00:00Z.")]
    [InlineData("consents.news.granted", "1", "must be true or false.")]
    public async Task Misread_IsToldWhatToSend(string column, string cell, string message)
    {
        var body = $"firstName,id,{column}\nA,{NewId()},{cell}\n";
        var result = (await Api.SendAsync("POST", "customers/import", body, "text/csv")).Expect(200);
        var text = result["errors"][0].GetProperty("message").GetString();
        Assert.StartsWith($"{column} (column 3) must be ", text);
        Assert.Contains(message, text);
        Assert.DoesNotContain(cell.Trim('"'), text!.Replace("send 50000.5", "").Replace("1990-05-13", "").Replace("2024-05-31", ""));
    }

    [Fact]
    public async Task Header_OfTooManyColumns_IsRefusedBeforeALineIsRead()
    {
        var header = "id," + string.Join(',', Enumerable.Range(0, 2000).Select(i => $"consents.p{i}.granted"));
        var answer = (await Api.SendAsync("POST", "customers/import", header + "\n", "text/csv")).Expect(400);
        Assert.Equal(
            "The header has 2,001 columns; 2,000 at most in one file.", answer["errors"].GetProperty("header")[0].GetString());

        // As many as can be; a line gives consent to at most a hundred purposes.
        var id = NewId();
        header = "id," + string.Join(',', Enumerable.Range(0, 1999).Select(i => $"consents.p{i}.granted"));
        var lines = $"{id},{string.Join(',', Enumerable.Range(0, 1999).Select(i => i < 100 ? "true" : ""))}\n";
        Assert.Equal(
            1, (await Api.SendAsync("POST", "customers/import", $"{header}\n{lines}", "text/csv")).Expect(200)["created"].GetInt32());

        // Faults are listed up to a point.
        header = "id," + string.Join(',', Enumerable.Range(0, 1999).Select(i => $"demographics{i}.agee"));
        var faulty = (await Api.SendAsync("POST", "customers/import", header + "\n", "text/csv")).Expect(400);
        Assert.Equal(21, faulty["errors"].GetProperty("header").GetArrayLength());
    }

    [Theory]
    [InlineData("customers.csv", "text/csv")]
    [InlineData("customers.csv", "application/octet-stream")]
    [InlineData("customers.csv", "application/vnd.ms-excel")]
    [InlineData("customers.txt", null)]
    [InlineData("x", "text/csv; charset=windows-1252")]
    [InlineData("customers.ndjson", null)]
    [InlineData("customers", "application/x-ndjson")]
    public async Task Form_WithAFile_IsTaken(string name, string? type)
    {
        var id = NewId();
        var csv = !(type ?? name).Contains("ndjson", StringComparison.Ordinal);
        var latin = type?.Contains("1252", StringComparison.Ordinal) == true;
        using var file = new ByteArrayContent((latin ? Latin : Encoding.UTF8).GetBytes(csv
            ? $"id,firstName\n{id},Zoë\n"
            : $$"""{"id":"{{id}}","firstName":"Zoë"}"""));
        file.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        using var form = new MultipartFormDataContent { { new StringContent("x"), "note" }, { file, "file", name } };
        using var response = await Api.Client.PostAsync("/api/v1/customers/import?mode=merge", form);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        Assert.Equal("Zoë", (await Api.GetAsync($"customers/{id}")).Expect(200)["firstName"].GetString());
    }

    [Fact]
    public async Task Form_ThatCantBeTaken_IsToldHow()
    {
        foreach (var (body, type, status) in new[]
        {
            ("--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", 400),
            ("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.xlsx\"\r\n\r\nx\r\n--b--\r\n",
                "multipart/form-data; boundary=b", 415),
            ("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.csv\"\r\n\r\nid\r\n", "multipart/form-data; boundary=b", 400),
            ("nothing", "multipart/form-data; boundary=b", 400),
            ("", "multipart/form-data", 415),
            ("id\nx", "application/json", 415),
            ("id\nx", "application/x-www-form-urlencoded", 415),
        })
        {
            var answer = (await Api.SendAsync("POST", "customers/import", body, type)).Expect(status);
            Assert.True(status == 400 || answer["title"].GetString()!.Contains("curl", StringComparison.Ordinal), answer.Body);
        }
    }

    [Fact]
    public void Json_DescribesTypes_BeforeAnythingIsReadOrWritten()
    {
        // The columns of a CSV are listed by the first request, which may be a process's first of all.
        var options = Json.Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web));
        Assert.NotEmpty(options.GetTypeInfo(typeof(Segmentation.Api.Customers.CustomerResource)).Properties);
    }

    private static string NewId() => $"file-{Interlocked.Increment(ref made)}";
}
