using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Segmentation.Api.Tests.Http;

/// <summary>HTTP as people expect it: revalidation, packed bodies, weighted Accept, preflights.</summary>
public sealed class EdgeTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Everyone = """{"rule":{"combinator":"and","rules":[]},"name":"Everyone"}""";

    private Api Api => fixture.Api;

    [Fact]
    public async Task Customer_WithKnownETag_Is304UntilAnythingShownChanges()
    {
        (await Api.PutAsync("customers/tagged", """{"firstName":"A"}""")).Expect(201);
        var read = (await Api.GetAsync("customers/tagged")).Expect(200);
        foreach (var known in new[] { read.ETag!, $"\"0\", {read.ETag}", $"W/{read.ETag}", "*" })
        {
            var again = (await Api.GetAsync("customers/tagged", ("If-None-Match", known))).Expect(304);
            Assert.Equal(("", read.ETag), (again.Body, again.ETag));
        }

        (await Api.GetAsync("customers/tagged", ("If-None-Match", "\"1\""))).Expect(200);

        // An event changes what is shown, and is nobody's edit: the tag is a new one, and the old one still good for a write.
        (await Api.PostAsync("customers/tagged/events", """{"type":"order_completed","amount":5}""")).Expect(200);
        var after = (await Api.GetAsync("customers/tagged", ("If-None-Match", read.ETag!))).Expect(200);
        Assert.NotEqual(read.ETag, after.ETag);
        var patched = (await Api.PatchAsync("customers/tagged", """{"firstName":"B"}""", ("If-Match", read.ETag!))).Expect(200);
        (await Api.PatchAsync("customers/tagged", """{"firstName":"C"}""", ("If-Match", read.ETag!))).Expect(412);
        (await Api.GetAsync("customers/tagged", ("If-None-Match", patched.ETag!))).Expect(304);
        (await Api.PatchAsync("customers/tagged", """{"firstName":"C"}""", ("If-Match", "\"2\""))).Expect(200);
    }

    [Fact]
    public async Task Post_WithoutABody_IsToldOnce()
    {
        var answer = (await Api.PostAsync("customers", "")).Expect(400);
        Assert.Equal("""{"":["A JSON body is needed."]}""", answer["errors"].GetRawText());
    }

    [Theory]
    [InlineData("If-Match", "nonsense")]
    [InlineData("If-None-Match", "3")]
    public async Task Put_WhatIsNoETag_Is400(string header, string value)
    {
        var answer = (await Api.PutAsync("customers/no-tag", "{}", (header, value))).Expect(400);
        Assert.Contains("quotation marks", answer["errors"].GetProperty(header)[0].GetString()!, StringComparison.Ordinal);
        (await Api.GetAsync("customers/no-tag")).Expect(404);
    }

    [Theory]
    [InlineData("customers/created-once", "{}")]
    [InlineData("segments/created-once", Everyone)]
    [InlineData("attributes/createdOnce", """{"type":"text","kind":"value"}""")]
    public async Task Put_IfNoneMatchAny_CreatesOnly(string path, string body)
    {
        (await Api.PutAsync(path, body, ("If-None-Match", "*"))).Expect(201);
        (await Api.PutAsync(path, body, ("If-None-Match", "*"))).Expect(412);
        (await Api.PutAsync(path, body)).Expect(200);
    }

    [Fact]
    public async Task Segment_WithKnownETag_Is304()
    {
        // A draft: nobody counts it meanwhile.
        var draft = Everyone.Replace("{\"rule\"", "{\"status\":\"draft\",\"rule\"", StringComparison.Ordinal);
        (await Api.PutAsync("segments/tagged", draft)).Expect(201);
        (await Api.GetAsync("segments/tagged")).Expect(200);
        var read = (await Api.GetAsync("segments/tagged")).Expect(200);
        (await Api.GetAsync("segments/tagged", ("If-None-Match", read.ETag!))).Expect(304);
        var renamed = draft.Replace("Everyone", "All", StringComparison.Ordinal);
        (await Api.PutAsync("segments/tagged", renamed, ("If-Match", read.ETag!))).Expect(200);
        (await Api.GetAsync("segments/tagged", ("If-None-Match", read.ETag!))).Expect(200);
    }

    [Fact]
    public async Task Preflight_IsGoodForTenMinutes()
    {
        var preflight = await Api.SendAsync("OPTIONS", "segments/x", null, headers: [("Origin", "https://app.example"),
            ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "if-match,content-type")]);
        Assert.Equal("600", preflight.Message.Headers.GetValues("Access-Control-Max-Age").Single());
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("GZIP")]
    public async Task PackedBody_IsTakenOnEveryKindOfRoute(string encoding)
    {
        var id = $"packed-{encoding}";
        (await SendPackedAsync("PUT", $"customers/{id}", """{"firstName":"P"}""", "application/json", encoding)).Expect(201);
        (await SendPackedAsync("PATCH", $"customers/{id}", """{"lastName":"Q"}""", "application/merge-patch+json", encoding)).Expect(200);
        var lines = string.Concat(Enumerable.Range(0, 5000).Select(i => $"{{\"customerId\":\"{id}\",\"type\":\"t{i}\"}}\n"));
        Assert.Equal(
            5000, (await SendPackedAsync("POST", "events", lines, "application/x-ndjson", encoding)).Expect(200)["stored"].GetInt32());
        Assert.Equal(
            1,
            (await SendPackedAsync("POST", "customers/import", $"id,firstName\n{id},R", "text/csv", encoding))
                .Expect(200)["updated"].GetInt32());
    }

    [Theory]
    [InlineData("POST", "segments", "application/json")]
    [InlineData("PATCH", "customers/a", "application/merge-patch+json")]
    [InlineData("POST", "events", "application/json")]
    [InlineData("POST", "events", "application/x-ndjson")]
    [InlineData("POST", "customers/import", "text/csv")]
    [InlineData("POST", "customers/import", "text/csv; charset=windows-1252")]
    public async Task PackedBody_WithoutContentEncoding_IsToldToSendIt(string method, string path, string type)
    {
        var answer = (await Api.SendAsync(method, path, Pack("{}", "gzip"), type, [])).Expect(400);
        Assert.Equal(
            "The body is packed with gzip: send Content-Encoding: gzip with it.", answer["errors"].GetProperty("")[0].GetString());
    }

    [Fact]
    public async Task PackedBody_Malformed_Is400()
    {
        foreach (var encoding in new[] { "gzip", "br" })
        {
            foreach (var (path, type) in new[] { ("segments", "application/json"), ("customers/import", "text/csv"),
                ("events", "application/json") })
            {
                var whole = Pack("{\"key\":\"x\",\"name\":\"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\"}", encoding);
                foreach (var body in new[] { Encoding.UTF8.GetBytes("not packed at all"), whole[..(whole.Length / 2)] })
                {
                    var answer = (await Api.SendAsync("POST", path, body, type, [("Content-Encoding", encoding)])).Expect(400);
                    Assert.DoesNotContain("Exception", answer.Body);
                }
            }
        }
    }

    [Theory]
    [InlineData("gzip", "customers/import", "id\n", "{0}-{1}\n", "text/csv")]
    [InlineData("br", "customers/import", "id\n", "{0}-{1}\n", "text/csv")]
    [InlineData("gzip", "events", "", "{{\"customerId\":\"{0}-{1}\",\"type\":\"t\"}}\n", "application/x-ndjson")]
    [InlineData("br", "events", "", "{{\"customerId\":\"{0}-{1}\",\"type\":\"t\"}}\n", "application/x-ndjson")]
    public async Task PackedBody_ThatBreaksOff_Is400_WhereverItDoes(string encoding, string path, string head, string line, string type)
    {
        var body = head + string.Concat(Enumerable.Range(0, 300).Select(
            i => string.Format(CultureInfo.InvariantCulture, line, $"cut-{encoding}", i * 7919)));
        var whole = Pack(body, encoding);
        foreach (var length in new[] { 1, 12, whole.Length / 3, whole.Length / 2, whole.Length - 9, whole.Length - 1 })
        {
            var answer = (await Api.SendAsync("POST", path, whole[..length], type, [("Content-Encoding", encoding)])).Expect(400);
            Assert.Contains($"not valid {encoding}", answer.Body);
        }

        (await Api.SendAsync("POST", path, whole, type, [("Content-Encoding", encoding)])).Expect(200);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task PackedBody_LimitCountsUnpackedBytes(string encoding) => (await SendPackedAsync(
        "POST", "segments", $"{{\"description\":\"{new string('x', 20_000_000)}\"}}", "application/json", encoding)).Expect(413);

    [Theory]
    [InlineData(null, "application/x-ndjson")]
    [InlineData("*/*", "application/x-ndjson")]
    [InlineData("text/csv", "text/csv")]
    [InlineData("text/csv;q=0", null)]
    [InlineData("text/csv;q=0, */*", "application/x-ndjson")]
    [InlineData("text/csv;q=0.5, application/x-ndjson;q=0.4", "text/csv")]
    [InlineData("application/x-ndjson;q=0, */*;q=0.1", "text/csv")]
    [InlineData("text/*", "text/csv")]
    [InlineData("text/html, */*;q=0.1", "application/x-ndjson")]
    [InlineData("text/csv, */*", "text/csv")]
    [InlineData("TEXT/CSV; charset=utf-8", "text/csv")]
    [InlineData("application/json", null)]
    public async Task Export_ByAccept(string? accept, string? type)
    {
        (string, string)[] headers = accept is null ? [] : [("Accept", accept)];
        var answer = (await Api.GetAsync("customers/export", headers)).Expect(type is null ? 406 : 200);
        Assert.Equal(type ?? "application/problem+json", answer.ContentType);
        if (type is not null)
        {
            var file = answer.Message.Content.Headers.ContentDisposition!;
            Assert.Equal(("attachment", type == "text/csv" ? "customers.csv" : "customers.ndjson"), (file.DispositionType, file.FileName));
        }
    }

    [Theory]
    [InlineData("", "text/csv;q=0.5, application/json;q=0.1", "text/csv")]
    [InlineData("", "text/csv;q=0, */*", "application/json")]
    [InlineData("?format=csv", "application/json", "text/csv")]
    [InlineData("?format=ndjson", "image/png", "application/x-ndjson")]
    [InlineData("?format=json", "text/csv", "application/json")]
    public async Task Members_ByFormatOrAccept(string query, string accept, string type)
    {
        await Api.PutAsync("segments/listed", Everyone);
        Assert.Equal(type, (await Api.GetAsync($"segments/listed/members{query}", ("Accept", accept))).Expect(200).ContentType);
    }

    [Fact]
    public async Task Format_ThatThereIsNot_Is400ThatNamesThem()
    {
        foreach (var path in new[] { "customers/export?format=xlsx", "segments/listed/members?format=xml" })
        {
            Assert.Contains("csv", (await Api.GetAsync(path)).Expect(400)["errors"].GetProperty("format")[0].GetString());
        }
    }

    [Fact]
    public async Task Parameter_ThatDoesNotParse_IsToldWhatItMustBe()
    {
        foreach (var (path, name, message) in new[]
        {
            ("customers?limit=abc", "limit", "limit must be an integer from 1 to 1000."),
            ("segments/x/count?live=yes", "live", "live must be true or false."),
            ("segments?status=on", "status", "status must be one of draft, active, archived."),
        })
        {
            Assert.Equal(message, (await Api.GetAsync(path)).Expect(400)["errors"].GetProperty(name)[0].GetString());
        }
    }

    [Fact]
    public async Task Events_OfUnknownCustomers_SayThatTheyMadeThem()
    {
        const string list =
            """[{"customerId":"made-1","type":"t"},{"customerId":"made-2","type":"t"},{"customerId":"made-1","type":"u"}]""";
        Assert.Equal(2, (await Api.PostAsync("events", list)).Expect(200)["createdCustomers"].GetInt32());
        Assert.Equal(0, (await Api.PostAsync("events", list)).Expect(200)["createdCustomers"].GetInt32());
        Assert.Equal(1, (await Api.PostAsync("customers/made-3/events", """{"type":"t"}""")).Expect(200)["createdCustomers"].GetInt32());
        var lines = (await Api.SendAsync(
            "POST", "events", """{"customerId":"made-4","type":"t"}""" + "\n" + """{"customerId":"made-3","type":"t"}""",
            "application/x-ndjson")).Expect(200);
        Assert.Equal(1, lines["createdCustomers"].GetInt32());
    }

    [Fact]
    public async Task EventsThatAreNoText_CostThemselvesAlone()
    {
        var body = Encoding.Latin1.GetBytes(
            "[{\"customerId\":\"text-1\",\"type\":\"t\",\"properties\":{\"a\":\"\u00ff\"}},{\"customerId\":\"text-1\",\"type\":\"t\"}]");
        var answer = (await Api.SendAsync("POST", "events", body, "application/json", [])).Expect(200);
        Assert.Equal((1, 1), (answer["stored"].GetInt32(), answer["rejected"].GetInt32()));
        Assert.Contains("UTF-8", answer["errors"][0].GetProperty("message").GetString());
        (await Api.SendAsync("POST", "events", "{}", "application/json; charset=utf-16")).Expect(415);
    }

    private async Task<Answer> SendPackedAsync(string method, string path, string body, string type, string encoding) =>
        await Api.SendAsync(method, path, Pack(body, encoding), type, [("Content-Encoding", encoding)]);

    private static byte[] Pack(string body, string encoding)
    {
        using var packed = new MemoryStream();
        using (Stream packer = encoding == "br"
            ? new BrotliStream(packed, CompressionLevel.Fastest)
            : new GZipStream(packed, CompressionLevel.Fastest))
        {
            packer.Write(Encoding.UTF8.GetBytes(body));
        }

        return packed.ToArray();
    }
}
