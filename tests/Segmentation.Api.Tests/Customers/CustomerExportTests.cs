using System.Text.Json;
using Npgsql;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Files out, and in again.</summary>
public sealed class CustomerExportTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Theory]
    [InlineData("text/csv")]
    [InlineData("application/x-ndjson")]
    public async Task Export_ImportedAgain_GivesTheSameExport(string type)
    {
        await FillAsync();
        var first = (await Api.GetAsync("customers/export", ("Accept", type))).Expect(200);
        Assert.Equal(type, first.ContentType);

        await ExecuteAsync("DELETE FROM customers");
        var count = Lines(first.Body, type).Length;
        var result = (await Api.SendAsync("POST", "customers/import", first.Body, type)).Expect(200).Json;
        Assert.True(
            result.GetProperty("created").GetInt32() == count && result.GetProperty("rejected").GetInt32() == 0, result.GetRawText());

        // What events made does not come back with the profile; nor does when the service first held it.
        var second = (await Api.GetAsync("customers/export", ("Accept", "application/x-ndjson"))).Expect(200);
        var third = (await Api.SendAsync("POST", "customers/import", second.Body, "application/x-ndjson")).Expect(200).Json;
        Assert.Equal(count, third.GetProperty("updated").GetInt32());
        Assert.Equal(Profiles(second.Body), Profiles((await Api.GetAsync("customers/export")).Expect(200).Body));
        if (type != "text/csv")
        {
            Assert.Equal(Profiles(first.Body), Profiles(second.Body));
        }
        else
        {
            Assert.Equal(
                first.Body.Split("createdAt")[0], (await Api.GetAsync("customers/export", ("Accept", type))).Body.Split("createdAt")[0]);
            Assert.Contains("\"quoted \"\"x\"\", comma|a\\|b|back\\\\slash\"", first.Body);
        }
    }

    public static TheoryData<string, string> Cells => new()
    {
        { "=cmd|' C calc'!A0", "'=cmd|' C calc'!A0" },
        { "+49 170 123", "'+49 170 123" },
        { "-a", "'-a" },
        { "@x", "'@x" },
        { "＝1", "'＝1" },
        { "'=x", "''=x" },
        { "''@x", "'''@x" },
        { "'-5", "''-5" },
        { "'quoted'", "'quoted'" },
        { "'", "'" },
        { "''", "''" },
        { "-5", "-5" },
        { "+1.5", "+1.5" },
        { "a=b", "a=b" },
        { "TRUE", "TRUE" },
    };

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Csv_CellLikeAFormula_IsLedByAnApostrophe_AndComesBackAsItWas(string text, string cell)
    {
        await ExecuteAsync("DELETE FROM customers");
        await Api.PutAsync("attributes/plan", """{"type":"text","kind":"value"}""");
        await Api.PutAsync("attributes/balance", """{"type":"decimal","kind":"value"}""");
        var json = JsonSerializer.Serialize(text);
        (await Api.PostAsync("customers", $$"""
            {"id":{{json}},"firstName":{{json}},"psychographic":{"interests":[{{json}}]},
             "attributes":{"plan":{{json}},"balance":-5},"consents":{"marketing":{"granted":true,"at":"2024-01-01T00:00:00Z"} } }
            """)).Expect(201);
        var first = (await Api.GetAsync("customers/export?format=csv")).Expect(200).Body;
        Assert.Contains($"\n{cell},,{cell},", first);
        Assert.Contains(",-5,", first);
        Assert.Contains(",true", first);
        Assert.DoesNotContain("True", first);
        var before = (await Api.GetAsync("customers/export")).Expect(200).Body;
        await ExecuteAsync("DELETE FROM customers");
        Assert.Equal(1, (await Api.SendAsync("POST", "customers/import", first, "text/csv")).Expect(200)["created"].GetInt32());
        Assert.Equal(Profiles(before), Profiles((await Api.GetAsync("customers/export")).Expect(200).Body));
    }

    [Theory]
    [InlineData("customers/export?format=csv&bom=true", true)]
    [InlineData("customers/export?format=csv&bom=false", false)]
    [InlineData("customers/export?bom=true", false)]
    [InlineData("segments/exported/members?format=csv&bom=true", true)]
    public async Task Bom_IsThereWhereItIsAskedFor(string path, bool there)
    {
        await Api.PutAsync("segments/exported", """{"rule":{"combinator":"and","rules":[]},"name":"E"}""");
        var bytes = await Api.Client.GetByteArrayAsync("/api/v1/" + path);
        Assert.Equal(there, bytes.AsSpan().StartsWith("\uFEFF"u8));
    }

    [Fact]
    public async Task Export_ClientGoesAway_StatementEnds()
    {
        // More than the buffers on the way hold.
        var lines = string.Join(
            '\n', Enumerable.Range(0, 60_000).Select(i => $$"""{"id":"many-{{i}}","firstName":"{{new string('x', 200)}}"}"""));
        (await Api.SendAsync("POST", "customers/import", lines, "application/x-ndjson")).Expect(200);
        using (var response = await Api.Client.GetAsync("/api/v1/customers/export", HttpCompletionOption.ResponseHeadersRead))
        {
            await using var body = await response.Content.ReadAsStreamAsync();
            await body.ReadExactlyAsync(new byte[1000]);
        }

        for (var i = 0; ; i++)
        {
            if (await ExecuteAsync(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()")
                is 0L)
            {
                return;
            }

            Assert.True(i < 3000, "The statement runs on.");
            await Task.Delay(100);
        }
    }

    private static string[] Lines(string body, string type) =>
        body.Split('\n', StringSplitOptions.RemoveEmptyEntries) is var lines && type == "text/csv" ? lines[1..] : lines;

    private static string[] Profiles(string ndjson) => [.. Lines(ndjson, "").Select(line =>
    {
        var customer = JsonSerializer.Deserialize<JsonElement>(line);
        return string.Concat(customer.EnumerateObject()
            .Where(m => m.Name is not ("createdAt" or "updatedAt" or "value" or "behavioral"))
            .Select(m => $"{m.Name}={m.Value.GetRawText()};"));
    }).Order(StringComparer.Ordinal)];

    private async Task FillAsync()
    {
        await ExecuteAsync("DELETE FROM customers");
        foreach (var (name, type) in new[]
        {
            ("plan", "text"), ("tags", "set"), ("score", "decimal"), ("vip", "boolean"), ("lastCall", "instant")
        })
        {
            await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""");
        }

        var lines = Enumerable.Range(0, 50).Select(i => $$$"""
            {"id":"c {{{i}}}","email":"Ünï{{{i}}}@x.y","firstName":"\"q\", {{{i}}}",
            "demographic":{"birthDate":"1990-02-{{{(i % 28) + 1:00}}}","income":{{{i}}}.50},
            "geographic":{"country":"DE","location":{"latitude":{{{i}}}.123456789012345,"longitude":-0.1}},
            "psychographic":{"interests":["quoted \"x\", comma","a|b","back\\slash"]},
            "attributes":{"plan":"😀 Gold","tags":["x|y","Z"],"score":1.25,"vip":false,"lastCall":"2025-01-01T12:00:00Z"},
            "consents":{"marketing":{"granted":{{{(i % 2 == 0 ? "true" : "false")}}},"at":"2024-01-01T00:00:00.123456Z"}},
            "signedUpAt":"2024-01-01T00:00:00Z"}
            """.ReplaceLineEndings("")).Append("""{"id":"bare"}""");
        (await Api.SendAsync("POST", "customers/import", string.Join('\n', lines), "application/x-ndjson")).Expect(200);
    }

    private async Task<object?> ExecuteAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }
}
