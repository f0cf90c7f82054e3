using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Tests.Access;
using Segmentation.Api.Tests.Experiments;
using Segmentation.Api.Tests.Playbooks;
using Segmentation.Api.Tests.QueryBuilder;

namespace Segmentation.Api.Tests.Ofrep;

/// <summary>OpenFeature's own SDKs, with their providers for the protocol, get what the service decides.</summary>
public sealed class OfrepClientTests(AccessWorld world) : IClassFixture<AccessWorld>
{
    private Api Api => world.Api;

    [NodeFact]
    public async Task Sdks_OfServersAndPages_GetWhatIsDecided()
    {
        Api.Client.DefaultRequestHeaders.Authorization = new("Bearer", world.Everything);
        var flags = new JsonObject();
        var playbooks = new Dictionary<string, string>();
        foreach (var (name, type, content) in new[]
        {
            ("object", "object", """{"headline":"Grüße","list":[1,null]}"""), ("string", "string", "\"text\""),
            ("number", "number", "0.5"), ("boolean", "boolean", "true"),
        })
        {
            var placement = await Api.MakePlacementAsync(type);
            flags[name] = placement;
            const string when = """
                {"combinator":"and","rules":[{"field":"context.custom.plan","operator":"=","value":"plus"},
                 {"field":"context.device","operator":"=","value":"mobile"}]}
                """;
            playbooks[name] = await Api.MakePlaybookAsync(
                $$"""{"key":"a","placement":"{{placement}}","content":{{content}},"when":{{when}} }""");
        }

        var (nothing, split) = (await Api.MakePlacementAsync("string"), await Api.MakePlacementAsync("string"));
        (flags["nothing"], flags["split"]) = (nothing, split);
        var experiment = await Api.MakeExperimentAsync(start: true);
        await Api.MakePlaybookAsync(
            $$"""{"key":"a","placement":"{{split}}","experiment":"{{experiment}}","contents":{"control":"c","treated":"t"} }""");
        var variant = await Api.AssignAsync(experiment, "visitor ü");
        var asked = new JsonObject
        {
            ["baseUrl"] = Api.Client.BaseAddress!.ToString().TrimEnd('/'),
            ["token"] = world.Everything,
            ["flags"] = flags,
            ["context"] = new JsonObject { ["targetingKey"] = "visitor ü", ["device"] = "mobile", ["plan"] = "plus" },
            ["changed"] = new JsonObject { ["path"] = $"placements/{nothing}", ["body"] = """{"fallback":"new"}""" },
        };
        var answers = await RunAsync("test/clients.mjs", asked);
        var (server, page) = (answers.GetProperty("server"), answers.GetProperty("page"));
        foreach (var client in new[] { server, page })
        {
            Same(client, "object", """{"headline":"Grüße","list":[1,null]}""", "TARGETING_MATCH", $"{playbooks["object"]}/a");
            Same(client, "string", "\"text\"", "TARGETING_MATCH", $"{playbooks["string"]}/a");
            Same(client, "number", "0.5", "TARGETING_MATCH", $"{playbooks["number"]}/a");
            Same(client, "boolean", "true", "TARGETING_MATCH", $"{playbooks["boolean"]}/a");
            Same(client, "split", variant == "treated" ? "\"t\"" : "\"c\"", "SPLIT", variant!);
            var metadata = client.GetProperty("string").GetProperty("flagMetadata");
            Assert.Equal((playbooks["string"], 1, "a", "matched"), (
                metadata.GetProperty("playbook").GetString(), metadata.GetProperty("version").GetInt32(),
                metadata.GetProperty("play").GetString(), metadata.GetProperty("reason").GetString()));
            Assert.Equal($"play:{flags["string"]}/{playbooks["string"]}@1/a", metadata.GetProperty("exposures").GetString());
            Same(client, "otherType", "true", "ERROR", null, "TYPE_MISMATCH");
            Same(client, "unknown", "\"code\"", "ERROR", null, "FLAG_NOT_FOUND");
            Same(client, "slash", "\"code\"", "ERROR", null, "FLAG_NOT_FOUND");
            Assert.Equal("code", client.GetProperty("nothing").GetProperty("value").GetString());
        }

        // The provider for pages knows of the code's default, the older one for servers gives it all the same.
        Same(page, "nothing", "\"code\"", "DEFAULT", "none");
        Same(server, "nobody", "\"code\"", "ERROR", null, "TARGETING_KEY_MISSING");
        Same(server, "invalid", "\"code\"", "ERROR", null, "INVALID_CONTEXT");
        Assert.StartsWith("device: ", server.GetProperty("invalid").GetProperty("errorMessage").GetString(), StringComparison.Ordinal);
        Same(server, "refused", "\"code\"", "ERROR", null, "GENERAL");

        // A page hears of changes by asking again with the ETag, and of another visitor at once.
        Assert.Equal([nothing], page.GetProperty("flagsChanged").EnumerateArray().Select(f => f.GetString()));
        Same(page, "changed", "\"new\"", "STATIC", "fallback");
        Same(page, "another", "\"code\"", "DEFAULT", "none");
    }

    private static void Same(JsonElement client, string name, string value, string reason, string? variant, string? error = null)
    {
        var details = client.GetProperty(name);
        Assert.Equal(
            (value, reason, variant, error),
            (details.GetProperty("value").GetRawText(), Text("reason"), Text("variant"), Text("errorCode")));

        string? Text(string property) => details.TryGetProperty(property, out var text) ? text.GetString() : null;
    }

    private static async Task<JsonElement> RunAsync(string program, JsonObject asked)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, asked.ToJsonString());
            var (exitCode, output, errors) = await NodeExample.OpenFeature.RunAsync(program, file);
            Assert.True(exitCode == 0, errors);
            return JsonElement.Parse(output);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
