using System.Text.Json;
using Segmentation.Api.Access;

namespace Segmentation.Api.Tests.Access;

/// <summary>Playbooks whose rules read sensitive fields.</summary>
public sealed partial class SensitiveTests
{
    private const string Morning = """{"combinator":"and","rules":[{"field":"context.hour","operator":">=","value":0}]}""";

    [Fact]
    public async Task Decision_Explained_MasksWhatItsRulesRead_AndIsTheSameWhateverTheValue()
    {
        List<string> answers = [];
        foreach (var (income, zone) in new[] { (71234, "Asia/Tokyo"), (82345, "America/Lima") })
        {
            await using var server = await world.StartAsync(
                ("Privacy:SensitiveFields", "demographic.income,geographic.timeZone"));
            var (all, few) = await PrepareAsync(server);
            (await server.Api.PutAsync(
                "customers/ann", $$$"""{"demographic":{"income":{{{income}}}},"geographic":{"timeZone":"{{{zone}}}"}}""", all)).Expect(201);
            (await server.Api.PutAsync("placements/banner", """{"type":"string"}""", all)).Expect(201);
            (await server.Api.PutAsync("playbooks/rich", Playbook(Rich, Morning), all)).Expect(201);
            var shown = await DecideAsync(all);
            var (audience, when) = (shown.GetProperty("audience"), shown.GetProperty("when"));
            Assert.Equal((true, true), (audience.GetProperty("matched").GetBoolean(), when.GetProperty("matched").GetBoolean()));
            Assert.Equal(income, audience.GetProperty("rules")[0].GetProperty("actual").GetInt32());
            Assert.Equal(JsonValueKind.Number, when.GetProperty("rules")[0].GetProperty("actual").ValueKind);

            var masked = await DecideAsync(few);
            foreach (var tree in new[] { masked.GetProperty("audience"), masked.GetProperty("when") })
            {
                Assert.Equal(JsonValueKind.Null, tree.GetProperty("matched").ValueKind);
                Assert.Equal(JsonValueKind.Null, tree.GetProperty("rules")[0].GetProperty("matched").ValueKind);
                Assert.Equal("***", tree.GetProperty("rules")[0].GetProperty("actual").GetString());
            }

            answers.Add(masked.GetRawText());

            // Who may not read customers sees no value of theirs, and what matched would tell it.
            var blind = await DecideAsync(await AddKeyAsync(server, "decisions000", Scopes.Decisions, Scopes.SegmentsRead));
            var asked = blind.GetProperty("audience").GetProperty("rules")[0];
            Assert.Equal((JsonValueKind.Null, false), (asked.GetProperty("matched").ValueKind, asked.TryGetProperty("actual", out _)));
            Assert.Equal("***", blind.GetProperty("when").GetProperty("rules")[0].GetProperty("actual").GetString());

            async Task<JsonElement> DecideAsync((string, string) caller)
            {
                const string question =
                    """{"customerId":"ann","placements":["banner"],"explain":true,"at":"2026-02-01T15:30:00Z"}""";
                var answer = (await server.Api.PostAsync("decisions", question, caller)).Expect(200);
                return answer["decisions"][0].GetProperty("considered")[0];
            }
        }

        Assert.Equal(answers[0], answers[1]);
    }

    [Fact]
    public async Task Playbook_NamesFieldsInRules_NotInTexts()
    {
        await using var server = await StartAsync();
        var (all, few) = await PrepareAsync(server);
        (await server.Api.PutAsync("placements/card", """{"type":"object"}""", all)).Expect(201);
        const string everybody = """{"combinator":"and","rules":[]}""";
        var refused = (await server.Api.PutAsync("playbooks/rich", Playbook(Rich, everybody, "card", "{}"), few)).Expect(403);
        Assert.Equal(["/audience/rules/0/field"], refused.Faults);

        // What a page makes of what it is shown, and what people write, reads no customer here.
        const string content = """{"field":"demographic.income","demographic.income":["attributes.illness"]}""";
        (await server.Api.PutAsync("playbooks/plain", Playbook(everybody, everybody, "card", content), few)).Expect(201);
        (await server.Api.PatchAsync("playbooks/plain", """{"name":"demographic.income","goal":"attributes.illness"}""", few)).Expect(200);
        (await server.Api.PatchAsync("placements/card", $$"""{"fallback":{{content}}}""", few)).Expect(200);
        (await server.Api.PutAsync(
            "segments/plain", $$"""{"name":"demographic.income","goal":"geographic.city","rule":{{everybody}}}""", few)).Expect(201);

        (await server.Api.PutAsync("playbooks/once", Playbook(Rich, everybody, "card", "{}"), all)).Expect(201);
        (await server.Api.PutAsync("playbooks/once", Playbook(everybody, everybody, "card", "{}"), few)).Expect(200);
        Assert.Equal(["version"], (await server.Api.PostAsync("playbooks/once/versions/1/restore", "", few)).Expect(403).Faults);
        (await server.Api.PostAsync("playbooks/once/versions/2/restore", "", few)).Expect(200);

        // A model's goal is a rule.
        const string goal = """{"combinator":"and","rules":[{"field":"demographic.income","operator":">","value":1}]}""";
        Assert.Equal(
            ["/goal/rules/0/field"],
            (await server.Api.PutAsync("models/rich", $$"""{"type":"propensity","name":"A","goal":{{goal}}}""", few)).Expect(403).Faults);
    }

    private static string Playbook(string audience, string when, string placement = "banner", string content = "\"shown\"") => $$"""
        {"status":"active","audience":{{audience}},
        "plays":[{"key":"a","placement":"{{placement}}","when":{{when}},"content":{{content}}}]}
        """;
}
