using System.Text;
using System.Text.Json;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Http;

/// <summary>
/// What attackers send, wherever a text is taken, with the answer to each: it is the text that it is, or a 4xx that says where it is wrong.
/// </summary>
public sealed class PayloadTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    // Nothing is special about them: each is stored, found and shown as it is.
    private static readonly string[] Texts =
    [
        "' OR '1'='1", "'; DROP TABLE customers;--", "\" OR \"\"=\"", "\\'; SELECT pg_sleep(9);--", "$$; SELECT 1; $$", "$1", ":p0",
        "@p0", "{0}", "%s%n", "%", "_", "\\", "*", "a%", "<script>alert(1)<script>", "<img src=x onerror=alert(1)>", "{{7*7}}",
        "${jndi:ldap:x}", "| ls", "`id`", "\u202egnp", "ÅİIß", "😀", "null", "=cmd|' C calc'!A0", "__proto__", "E'\\x27'", "x') OR true--",
        "&lt;&amp;", "%27%20OR%201=1", "{\"$gt\":\"\"}", "[0]", "true", "NaN",
    ];

    private static readonly string[] FieldNames =
    [
        "", " ", "customer.email'", "customer.email;--", "\"Email\"", "customers.id", "pg_sleep(9)", "attributes.plan'",
        "attributes.\"plan\"", "attributes.plan->>x", "attributes.", "consent.", "customer.email\0", "__proto__", "customer..email", "*",
        "1=1", "CUSTOMER.EMAIL", "Id", "xmin", "ctid", "tableoid", "customer.email COLLATE \"C\"",
    ];

    private static readonly string[] Operators =
    [
        "", "LIKE", "= ANY", "=;--", "= OR 1=1 --", "~", "~*", "IS", "=\0", "||", "==", "$eq", "<=>",
    ];

    private static readonly string[] AttributeNames =
    [
        "a'b", "a\"b", "a b", "a;b", "a--", "1a", "_a", "a.b", "ü", "a%", "$where", "a,b", new('a', 64), "a\nb", "a)", "{a}", "a:b",
    ];

    private static readonly string[] Cursors =
    [
        "x", "AAAA", "e30", "W10", "bnVsbA", "InguIg", "WzFd", "W251bGxd", "W3RydWVd", "W1tdXQ", "W3t9XQ", "WyJhIiwiYiJd", "WzFlOTldWzFd",
        "%27", "%3B--", "../..", "WyInOyBEUk9QIFRBQkxFIGN1c3RvbWVyczstLSIsMV0", "WyJcdWQ4MDAiXQ", "WyJcdTAwMDAiXQ", "W1swXSwwLDBd",
    ];

    private static readonly string[] NoETags =
    [
        "1", "x", "\"", "'1'", "\"1", "W/1", "\"1\"; DROP", "\"1\" OR 1=1", "\"\"", "\"0\"", "W/\"1\"", "\"99999999999999999999\"",
        "\"-1\"", "\"1;--\"", "\"%31\"", "\"1e0\"",
    ];

    private static readonly string[] Urls =
    [
        "", " ", "x", "/relative", "//example.com/x", "javascript:alert(1)", "file:///etc/passwd", "ftp://example.com",
        "gopher://example.com", "data:text/plain,x", "ldap://example.com", "unix:/run/x", "http://", "https://",
        "https://user:pw@example.com", "https://user@example.com", "https://example.com#f", "https://exa mple.com",
        "https://example.com/\r\nHost: x", "https://example.com/\0", "http://localhost/x", "http://127.0.0.1/x", "http://[::1]/x",
        "http://169.254.169.254/latest", "http://10.0.0.1", "http://192.168.1.1", "http://0.0.0.0", "http://0x7f.1", "http://2130706433",
        "http://017700000001", "http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]", "http://127.1", "http://[fd00::1]",
        "http://[fe80::1]", "http://100.64.0.1", "http://224.0.0.1", "http://localhost./x",
    ];

    private static readonly string[] Cells =
    [
        "=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://x\",\"y\")", "＝1+1", "＋1", "－1", "＠x", "-", "+",
        "=", "'=1", "''=1", "=\"a\"\"b\"", "=1,2", "=1;2", "=1|2", "+49 30 1234",
    ];

    private static readonly (string Header, string Value, string Method, string Path, int[] Statuses)[] Headers =
    [
        .. new[] { "x", "-1", "0-0", "' OR 1=1", "W10", "WzFd", "Wy0xLDAsMF0", "WzEsOSwwXQ" }
            .Select(v => ("Last-Event-ID", v, "GET", "segments/known/stream", new[] { 400 })),
        .. new[] { "'; DROP TABLE", "respond-async'", "return=minimal; x=\"", ",,,;;" }
            .Select(v => ("Prefer", v, "POST", "customers/import", new[] { 200 })),
        .. new[] { "image/png", "text/html", "x", "application/json;q=0", "text/*", "';--/x", "application/jsonx" }
            .Select(v => ("Accept", v, "GET", "segments", new[] { 200, 406 })),
        .. new[] { "https://evil.example", "null", "'", "file://", "http://127.0.0.1.evil.example", "https://app.example'", "*" }
            .Select(v => ("Origin", v, "POST", "customers/import", new[] { 403 })),
        .. new[] { "deflate", "zstd", "gzip, gzip", "x'", "compress", "br;q=1" }
            .Select(v => ("Content-Encoding", v, "POST", "customers/import", new[] { 415 })),
        .. new[] { "<script>", "' OR 1=1", "a b", "../..", "{0}" }
            .Select(v => ("X-Request-Id", v, "GET", "segments", new[] { 200 })),
    ];

    private readonly List<string> wrong = [];

    private Api Api => fixture.Api;

    [Fact]
    public async Task Payloads_AreAnsweredAsTheTableSays()
    {
        (await Api.PutAsync("attributes/plan", """{"type":"text","kind":"value"}""")).Expect(201);
        (await Api.PutAsync("customers/known", """{"email":"known@example.invalid"}""")).Expect(201);
        (await Api.PutAsync("segments/known", RuleJson.Body(RuleJson.Everyone))).Expect(201);
        await TextsAreTextsAsync();
        await NamesAreRefusedAsync();
        await CursorsAndETagsAreRefusedAsync();
        await HeadersAsync();
        await UrlsAreRefusedAsync();
        await CellsAreNoFormulasAsync();
        (await Api.GetAsync("customers/known")).Expect(200);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.InRange(
            Texts.Length + FieldNames.Length + Operators.Length + AttributeNames.Length + Cursors.Length + NoETags.Length + Urls.Length
                + Headers.Length + Cells.Length, 150, int.MaxValue);
    }

    // As an id, a value, a value in a rule, the name of a property in a path of JSON, and what a list is searched for.
    private async Task TextsAreTextsAsync()
    {
        foreach (var text in Texts)
        {
            var (address, json) = (Uri.EscapeDataString(text), JsonSerializer.Serialize(text));
            Is(201, await Api.PutAsync($"customers/{address}", $$$"""{"firstName":{{{json}}},"attributes":{"plan":{{{json}}}}}"""), text);
            var read = await Api.GetAsync($"customers/{address}");
            Is(200, read, text);
            Same(text, read["id"].GetString(), "id");
            Same(text, read["firstName"].GetString(), "firstName");
            Same(text, read["attributes"].GetProperty("plan").GetString(), "attribute");
            var found = await Api.GetAsync($"customers?id={address}");
            Same("1", $"{found["items"].GetArrayLength()}", $"?id={text}");
            await CountsAsync(1, $$"""{"field":"attributes.plan","operator":"=","value":{{json}}}""", text);
            await CountsAsync(0, $$"""{"field":"customer.email","operator":"beginsWith","value":{{json}}}""", text);

            Is(200, await Api.PostAsync("events", $$$"""{"customerId":{{{json}}},"type":"t","properties":{{{{json}}}:"here"}}"""), text);
            var property = JsonSerializer.Serialize($"properties.{text}");
            await CountsAsync(1, $$$$"""
                {"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":{"combinator":"and",
                "rules":[{"field":{{{{property}}}},"operator":"=","value":"here"}]}}
                """, text);
            foreach (var list in new[] { $"customers?email={address}", $"segments?q={address}", $"segments?tag={address}" })
            {
                var listed = await Api.GetAsync(list);
                Is(200, listed, list);
                Same("0", $"{listed["items"].GetArrayLength()}", list);
            }

            // How names begin, and nothing else: % and _ are letters.
            foreach (var item in (await Api.GetAsync($"customers?q={address}"))["items"].EnumerateArray())
            {
                Holds(item.GetProperty("id").GetString()!.StartsWith(text, StringComparison.OrdinalIgnoreCase), $"?q={text}");
            }
        }

        foreach (var text in Texts)
        {
            Is(204, await Api.DeleteAsync($"customers?id={Uri.EscapeDataString(text)}"), text);
        }
    }

    private async Task NamesAreRefusedAsync()
    {
        foreach (var name in FieldNames)
        {
            var answer = await PreviewAsync($$"""{"field":{{JsonSerializer.Serialize(name)}},"operator":"=","value":"x"}""");
            IsFaultAt("/rule/rules/0/field", answer, $"field {name}");
        }

        foreach (var name in Operators)
        {
            var answer = await PreviewAsync($$"""{"field":"customer.email","operator":{{JsonSerializer.Serialize(name)}},"value":"x"}""");
            IsFaultAt("/rule/rules/0/operator", answer, $"operator {name}");
        }

        foreach (var name in AttributeNames)
        {
            var answer = await Api.PutAsync($"attributes/{Uri.EscapeDataString(name)}", """{"type":"text","kind":"value"}""");
            IsFaultAt("/name", answer, $"attribute {name}");
        }
    }

    private async Task CursorsAndETagsAreRefusedAsync()
    {
        foreach (var cursor in Cursors)
        {
            foreach (var list in new[] { "webhooks", "segments/known/changes", "customers/known/events", "customers/known/changes" })
            {
                IsFaultAt("cursor", await Api.GetAsync($"{list}?cursor={cursor}"), $"{list} {cursor}");
            }
        }

        foreach (var tag in NoETags)
        {
            var answer = await Api.PatchAsync("customers/known", """{"firstName":"X"}""", ("If-Match", tag));
            Holds(answer.Status is 400 or 412, $"If-Match {tag}: {answer.Status}");
        }
    }

    private async Task HeadersAsync()
    {
        foreach (var (header, value, method, path, statuses) in Headers)
        {
            var answer = await Api.SendAsync(
                method, path, method == "GET" ? null : "id\nby-header\n", "text/csv", (header, value));
            Holds(statuses.Contains(answer.Status), $"{header}: {value}: {answer.Status} {answer.Body}");
            Holds(
                header != "X-Request-Id" || !answer.Message.Headers.ToString().Contains(value, StringComparison.Ordinal),
                $"{header}: {value} is in the answer");
        }
    }

    private async Task UrlsAreRefusedAsync()
    {
        foreach (var url in Urls)
        {
            IsFaultAt("/url", await Api.PostAsync("webhooks", $$"""{"url":{{JsonSerializer.Serialize(url)}}}"""), $"url {url}");
        }
    }

    // Out of an export a spreadsheet takes none for a formula, and back in it is what it was.
    private async Task CellsAreNoFormulasAsync()
    {
        foreach (var (i, cell) in Cells.Index())
        {
            Is(201, await Api.PutAsync($"customers/cell-{i}", $$"""{"firstName":{{JsonSerializer.Serialize(cell)}}}"""), cell);
        }

        foreach (var accept in new[] { "text/csv", "text/csv; formulas=raw" })
        {
            var file = (await Api.GetAsync("customers/export", ("Accept", accept))).Expect(200).Body;
            foreach (var (i, cell) in Cells.Index())
            {
                var written = cell.Replace("\"", "\"\"", StringComparison.Ordinal);
                var line = file.Split("\r\n").Single(l => l.StartsWith($"cell-{i},", StringComparison.Ordinal));
                var isLed = accept == "text/csv" || cell[0] == '\'';
                Holds(line.Contains("'" + written, StringComparison.Ordinal) == isLed, $"{accept}: {line}");
            }

            await Task.WhenAll(Cells.Select((_, i) => Api.PutAsync($"customers/cell-{i}", "{}")));
            Is(200, await Api.SendAsync("POST", "customers/import", Encoding.UTF8.GetBytes(file), "text/csv", []), "import");
            foreach (var (i, cell) in Cells.Index())
            {
                Same(cell, (await Api.GetAsync($"customers/cell-{i}"))["firstName"].GetString(), $"{accept}: cell");
            }
        }
    }

    private Task<Answer> PreviewAsync(string node) =>
        Api.PostAsync("segments/preview", $$$"""{"rule":{"combinator":"and","rules":[{{{node}}}]},"sampleSize":0}""");

    private async Task CountsAsync(int expected, string node, string payload)
    {
        var answer = await PreviewAsync(node);
        Is(200, answer, payload);
        Same($"{expected}", answer.Status == 200 ? answer["count"].GetRawText() : answer.Body, $"{payload}: {node}");
    }

    private void Is(int status, Answer answer, string payload) =>
        Holds(answer.Status == status, $"{payload}: {answer.Status} instead of {status} {answer.Body}");

    private void IsFaultAt(string place, Answer answer, string payload) => Holds(
        answer.Status == 400 && answer.Faults.Contains(place), $"{payload}: {answer.Status} {answer.Body} instead of a fault at {place}");

    private void Same(string expected, string? found, string what) => Holds(found == expected, $"{what} is {found} instead of {expected}");

    private void Holds(bool isRight, string otherwise)
    {
        if (!isRight)
        {
            wrong.Add(otherwise);
        }
    }
}
