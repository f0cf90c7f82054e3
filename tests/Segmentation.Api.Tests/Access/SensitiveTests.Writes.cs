namespace Segmentation.Api.Tests.Access;

/// <summary>What callers without the scope write, of what they do not see.</summary>
public sealed partial class SensitiveTests
{
    [Fact]
    public async Task Write_WithoutTheScope_KeepsWhatItDoesNotSee()
    {
        await using var server = await StartAsync();
        var (all, few) = await PrepareAsync(server);
        (await server.Api.PutAsync(
            "customers/ann",
            """{"firstName":"Ann","demographic":{"income":7,"children":2},"attributes":{"illness":"gout","plan":"pro"}}""",
            all)).Expect(201);
        foreach (var answer in new[]
        {
            await server.Api.PutAsync("customers/ann", """{"firstName":"Anna"}""", few),
            await server.Api.PatchAsync("customers/ann", """{"lastName":"Lee","demographic":null,"attributes":null}""", few),
        })
        {
            Assert.Equal("***", answer.Expect(200)["demographic"].GetProperty("income").GetString());
            Assert.Equal("""{"illness":"***"}""", answer["attributes"].GetRawText());
        }

        // Rules read another copy of attributes.
        const string ill = """{"rule":{"combinator":"and","rules":[{"field":"attributes.illness","operator":"=","value":"gout"}]}}""";
        Assert.Equal(1, (await server.Api.PostAsync("segments/preview", ill, all)).Expect(200)["count"].GetInt32());
        var kept = (await server.Api.GetAsync("customers/ann", all)).Expect(200);
        Assert.Equal(7, kept["demographic"].GetProperty("income").GetInt32());
        Assert.Equal("""{"illness":"gout"}""", kept["attributes"].GetRawText());
        Assert.False(kept["demographic"].TryGetProperty("children", out _));
        Assert.Equal("Anna Lee", $"{kept["firstName"]} {kept["lastName"]}");
        foreach (var line in new[] { """{"id":"ann","demographic":null}""", """{"id":"ann","attributes":null}""" })
        {
            var imported = (await server.Api.SendAsync("POST", "customers/import", line, "application/x-ndjson", few)).Expect(200);
            Assert.Equal((1, 0), (imported["rejected"].GetInt32(), imported["updated"].GetInt32()));
        }

        Assert.Equal(kept["attributes"].GetRawText(), (await server.Api.GetAsync("customers/ann", all))["attributes"].GetRawText());
        Assert.Equal(
            7, (await server.Api.GetAsync("customers/ann", all))["demographic"].GetProperty("income").GetInt32());

        // Who becomes anonymous loses the texts of them, whoever may read what is left.
        (await server.Api.PutAsync(
            "customers/eve", """{"demographic":{"income":7},"geographic":{"city":"Kassel","region":"Hesse"}}""", all)).Expect(201);
        var anonymous = (await server.Api.PostAsync("customers/eve/anonymize", "", all)).Expect(200)["id"].GetString();
        var left = (await server.Api.GetAsync($"customers/{anonymous}", all)).Expect(200);
        Assert.Equal("""{"region":"Hesse"}""", left["geographic"].GetRawText());
        Assert.Equal("""{"income":7}""", left["demographic"].GetRawText());
        (await server.Api.PutAsync("customers/ann", """{"firstName":"Anna"}""", all)).Expect(200);
        Assert.Equal("{}", (await server.Api.GetAsync("customers/ann", all)).Expect(200)["attributes"].GetRawText());
    }

    [Fact]
    public async Task Restore_OfARuleOverOne_NeedsTheScope()
    {
        await using var server = await StartAsync();
        var (all, few) = await PrepareAsync(server);
        string Rule(string field, string value) =>
            $$"""{"rule":{"combinator":"and","rules":[{"field":"{{field}}","operator":"=","value":{{value}}}]} }""";
        (await server.Api.PutAsync("segments/rich", Rule("demographic.income", "7"), all)).Expect(201);
        (await server.Api.PutAsync("segments/rich", Rule("attributes.plan", "\"month\""), few)).Expect(200);
        Assert.Equal(["version"], (await server.Api.PostAsync("segments/rich/versions/1/restore", "", few)).Expect(403).Faults);
        (await server.Api.PostAsync("segments/rich/versions/2/restore", "", few)).Expect(200);
        (await server.Api.PostAsync("segments/rich/versions/1/restore", "", all)).Expect(200);
    }
}
