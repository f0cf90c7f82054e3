using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Segmentation.Api.Audit;

namespace Segmentation.Api.Tests.Audit;

/// <summary>What consents that come with a profile or an import leave in the audit log.</summary>
public sealed class AuditedConsentTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Fact]
    public async Task Profile_EachConsentThatDiffers_IsAnEntry()
    {
        var id = $"audited-{Guid.NewGuid():N}";
        const string both = """
            {"consents":{"news":{"granted":true,"at":"2025-01-01T00:00:00Z"},"sms":{"granted":false,"at":"2025-01-02T00:00:00Z"}}}
            """;
        (await Api.PutAsync($"customers/{id}", both)).Expect(201);
        (await Api.PutAsync($"customers/{id}", both)).Expect(200);
        (await Api.PutAsync($"customers/{id}", """{"firstName":"A"}""")).Expect(200);
        Assert.Equal(
            """
            {"at":"2025-01-01T00:00:00Z","granted":true,"purpose":"news","source":"profile"}
            {"at":"2025-01-02T00:00:00Z","granted":false,"purpose":"sms","source":"profile"}
            """.ReplaceLineEndings("\n"), string.Join('\n', (await ListAsync(id)).Split('\n').Order(StringComparer.Ordinal)));

        (await Api.PatchAsync($"customers/{id}", """{"consents":{"news":null}}""")).Expect(200);
        var withdrawn = JsonElement.Parse((await ListAsync(id)).Split('\n')[^1]);
        Assert.Equal(("news", false), (withdrawn.GetProperty("purpose").GetString(), withdrawn.GetProperty("granted").GetBoolean()));

        // What is refused leaves none.
        (await Api.PutAsync($"customers/{id}", """{"consents":{"sms":{"granted":true}},"demographic":{"birthDate":"x"}}""")).Expect(400);
        Assert.Equal(3, (await ListAsync(id)).Split('\n').Length);

        async Task<string> ListAsync(string customer)
        {
            var name = await fixture.Host.Services.GetRequiredService<CustomerMarks>().NameAsync(customer, CancellationToken.None);
            var entries = await Api.AllAsync($"audit?action=consents.record&resource={Uri.EscapeDataString(name)}", 10);
            return string.Join('\n', entries.Select(e => e.GetProperty("after").GetRawText()).Reverse());
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Import_LeavesOneEntry_WithAHashOverItsRecords(bool inBackground)
    {
        var id = $"audited-{Guid.NewGuid():N}";
        var lines = string.Join('\n', Enumerable.Range(0, 30).Select(i => Line(i % 25, i % 3 == 0, 1 + (i / 25)))
            .Append($$$"""{"id":"{{{id}}}-x","consents":{"news":{"granted":"?"} } }""").Append($$"""{"id":"{{id}}-y"}"""));
        var before = (await Api.AllAsync("audit?action=consents.import", 10)).Count;
        await ImportAsync(lines);
        var entries = await Api.AllAsync("audit?action=consents.import", 10);
        Assert.Equal(before + 1, entries.Count);

        // Computed anew, from the records that are there.
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = database.CreateCommand(
            "SELECT r.id, c.id, r.purpose, r.granted, r.at FROM consent_records r JOIN customers c ON c.key = r.customer_key "
            + $"WHERE starts_with(c.id, '{id}') ORDER BY r.id");
        await using var reader = await command.ExecuteReaderAsync();
        var (marks, text, numbers) = (fixture.Host.Services.GetRequiredService<CustomerMarks>(), new StringBuilder(), new List<long>());
        while (await reader.ReadAsync())
        {
            numbers.Add(reader.GetInt64(0));
            var at = reader.GetFieldValue<DateTimeOffset>(4).ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'", CultureInfo.InvariantCulture);
            var name = await marks.NameAsync(reader.GetString(1), CancellationToken.None);
            text.Append(CultureInfo.InvariantCulture, $$"""{"at":"{{at}}","customer":"{{name}}","granted":""")
                .Append(reader.GetBoolean(3) ? "true" : "false")
                .Append(CultureInfo.InvariantCulture, $$""","purpose":"{{reader.GetString(2)}}"}""").Append('\n');
        }

        var (entry, root) = (entries[0], Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))));
        Assert.Equal(30, numbers.Count);
        Assert.Equal(
            $$"""{"firstRecord":{{numbers[0]}},"lastRecord":{{numbers[^1]}},"records":30,"root":"{{root}}"}""",
            entry.GetProperty("after").GetRawText());
        Assert.Equal("consents", entry.GetProperty("resource").GetString());

        // Whoever sent the file, not the service that stored it.
        Assert.Equal("anonymous", entry.GetProperty("actor").GetProperty("id").GetString());
        Assert.True(entry.TryGetProperty("requestId", out _));

        // The same file again records nothing.
        await ImportAsync(lines);
        Assert.Equal(before + 1, (await Api.AllAsync("audit?action=consents.import", 10)).Count);

        string Line(int customer, bool granted, int day)
        {
            var consent = $$"""{"granted":{{(granted ? "true" : "false")}},"at":"2025-01-0{{day}}T00:00:00.5Z"}""";
            return $$"""{"id":"{{id}}-{{customer}}","consents":{"news":{{consent}} } }""";
        }

        async Task ImportAsync(string content)
        {
            if (!inBackground)
            {
                (await Api.SendAsync("POST", "customers/import", content, "application/x-ndjson")).Expect(200);
                return;
            }

            var job = (await Api.SendAsync(
                "POST", "customers/import", content, "application/x-ndjson", ("Prefer", "respond-async"))).Expect(202);
            await Wait.UntilAsync(
                async () => (await Api.GetAsync($"imports/{job["id"].GetString()}")).Expect(200)["state"].GetString() == "completed",
                "the import");
        }
    }
}
