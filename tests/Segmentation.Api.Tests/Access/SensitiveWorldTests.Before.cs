using System.Text.Json.Nodes;

namespace Segmentation.Api.Tests.Access;

/// <summary>Results that were stored before a field was sensitive, and those that are made since.</summary>
public sealed partial class SensitiveWorldTests
{
    [Fact]
    public async Task Profile_FromBeforeAFieldWasSensitive_IsMasked_AndOneFromAfterLeavesItOut()
    {
        const string request = """{"type":"profile","segment":"trend-seekers"}""", field = "psychographic.interests";
        var database = await api.CopyAsync();
        string everything, few, address;
        JsonNode first;
        await using (var host = new SampleHost(database))
        {
            var (all, rest) = await CreateClientsAsync(host);
            (everything, few) = (TokenOf(all), TokenOf(rest));
            first = JsonNode.Parse(await AnalyzeAsync(all, request))!;
            Assert.Contains(field, first.ToJsonString(), StringComparison.Ordinal);
            Assert.NotEmpty(first["habits"]!["countries"]!.AsArray());
            var listed = (await ReadAsync(rest, "analyses?type=profile"))["items"]![0]!;
            address = $"analyses/{listed["id"]}";
            Assert.IsType<JsonObject>((await ReadAsync(rest, address))["result"]);
            Assert.NotNull((await ReadAsync(rest, "segments/trend-seekers/brief"))["persona"]);
        }

        // Each alone: also those that a profile tells of and does not name.
        foreach (var one in new[] { field, "geographic.country", "geographic.timeZone" })
        {
            await using var host = new SampleHost(database, ("Privacy:SensitiveFields", one)) { Key = few };
            var rest = host.CreateClient();
            var result = (await ReadAsync(rest, address))["result"]!.ToJsonString();
            Assert.True(result == "\"***\"", $"{one}: {result}");
            Assert.Null((await ReadAsync(rest, "segments/trend-seekers/brief"))["persona"]);
        }

        await using var after = new SampleHost(
            database, ("Privacy:SensitiveFields", $"{field},geographic.country,geographic.timeZone"));
        after.Key = few;
        var hidden = after.CreateClient();
        Assert.Equal("***", (string?)(await ReadAsync(hidden, address))["result"]);
        Assert.Equal("***", (string?)(await ReadAsync(hidden, "analyses?type=profile"))["items"]![0]!["result"]);
        Assert.Null((await ReadAsync(hidden, "segments/trend-seekers/brief"))["persona"]);
        after.Key = everything;
        var seeing = after.CreateClient();
        Assert.IsType<JsonObject>((await ReadAsync(seeing, address))["result"]);
        Assert.NotNull((await ReadAsync(seeing, "segments/trend-seekers/brief"))["persona"]);

        var second = JsonNode.Parse(await AnalyzeAsync(hidden, request))!;
        Assert.DoesNotContain(field, second.ToJsonString(), StringComparison.Ordinal);
        Assert.Empty(second["habits"]!["countries"]!.AsArray());
        Assert.Empty(second["habits"]!["fields"]!.AsArray());
        Assert.NotEqual(first["habits"]!["hours"]!.ToJsonString(), second["habits"]!["hours"]!.ToJsonString());
    }

    private static string TokenOf(HttpClient client) => client.DefaultRequestHeaders.Authorization!.Parameter!;

    private static async Task<JsonNode> ReadAsync(HttpClient client, string path) =>
        JsonNode.Parse(await client.GetStringAsync(new Uri($"/api/v1/{path}", UriKind.Relative)))!;
}
