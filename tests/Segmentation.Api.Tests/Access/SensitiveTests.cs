using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;

namespace Segmentation.Api.Tests.Access;

/// <summary>Sensitive fields, before callers with every scope but <c>privacy</c>.</summary>
public sealed partial class SensitiveTests(AccessWorld world) : IClassFixture<AccessWorld>
{
    private const string Rich =
        """{"combinator":"and","rules":[{"field":"demographic.income","operator":">","value":50000}]}""";

    private const string Occupied =
        """
        {"combinator":"or","rules":[{"field":"customer.id","operator":"=","value":"x"},
        {"field":"segment","operator":"in","value":["rich"]}]}
        """;

    [Fact]
    public async Task EveryAnswer_HasAMask_AndIsTheSameWhateverTheValue()
    {
        List<string> answers = [];
        foreach (var (income, illness, city) in new[] { (71234, "\"markergout\"", "markertown"), (82345, "\"markerflu\"", "markerville") })
        {
            await using var server = await StartAsync();
            var (all, few) = await PrepareAsync(server);
            var customer = $$$"""
                {"email":"a@example.com","demographic":{"income":{{{income}}},"birthDate":"1980-02-01"},"geographic":{"city":"{{{city}}}"},
                "attributes":{"illness":{{{illness}}},"plan":"pro"}}
                """;
            (await server.Api.PutAsync("customers/ann", customer, all)).Expect(201);
            (await server.Api.PutAsync("customers/bob", "{}", all)).Expect(201);
            (await server.Api.PutAsync("segments/rich", $$"""{"rule":{{Rich}}}""", all)).Expect(201);
            (await server.Api.PutAsync("segments/nested", $$"""{"rule":{{Occupied}}}""", all)).Expect(201);
            (await server.Api.PutAsync("segments/plain", """{"rule":{"combinator":"and","rules":[]}}""", all)).Expect(201);
            foreach (var address in new[]
            {
                "customers/ann", "customers", "customers?id=ann", "customers/export?format=csv", "customers/export?format=ndjson",
                "segments/rich/members?live=true", "segments/rich/members?live=true&format=csv", "segments/rich/explain/ann",
                "segments/nested/explain/ann", "segments/rich/members/ann", "customers/ann/segments", "fields", "attributes",
            })
            {
                var answer = (await server.Api.GetAsync(address, few)).Expect(200).Body;
                answers.Add($"{address}: {Instants().Replace(answer, "T")}");
            }

            var preview = (await server.Api.PostAsync(
                "segments/preview", """{"rule":{"combinator":"and","rules":[]}}""", few)).Expect(200).Body;
            answers.Add(Elapsed().Replace(Instants().Replace(preview, "T"), "E"));
            var combined = (await server.Api.PostAsync(
                "segments/combine", """{"operation":"union","keys":["rich","plain"]}""", few)).Expect(200).Body;
            answers.Add(Instants().Replace(combined, "T"));

            foreach (var id in new[] { "ann", "bob" })
            {
                var shown = (await server.Api.GetAsync($"customers/{id}", few)).Expect(200);
                Assert.Equal("***", shown["demographic"].GetProperty("income").GetString());
                Assert.Equal("***", shown["demographic"].GetProperty("age").GetString());
                Assert.Equal("***", shown["attributes"].GetProperty("illness").GetString());
                Assert.Equal(id == "ann", shown["attributes"].TryGetProperty("plan", out var plan) && plan.ValueEquals("pro"));
            }

            var whole = (await server.Api.GetAsync("customers/ann", all)).Expect(200);
            Assert.Equal(income, whole["demographic"].GetProperty("income").GetInt32());
            var rule = (await server.Api.GetAsync("segments/rich/explain/ann", few)).Expect(200)["rule"].GetProperty("rules")[0];
            Assert.Equal("***", rule.GetProperty("actual").GetString());
            Assert.Equal(JsonValueKind.Null, rule.GetProperty("matched").ValueKind);

            // Who may not read customers sees no value, and what matched would tell it.
            var outsider = await AddKeyAsync(server, "membership00", Scopes.MembershipRead);
            rule = (await server.Api.GetAsync("segments/rich/explain/ann", outsider)).Expect(200)["rule"].GetProperty("rules")[0];
            Assert.Equal(JsonValueKind.Null, rule.GetProperty("matched").ValueKind);
            Assert.False(rule.TryGetProperty("actual", out _));
            foreach (var (key, isSensitive) in new[] { ("rich", true), ("nested", true), ("plain", false) })
            {
                var segment = (await server.Api.GetAsync($"segments/{key}", few)).Expect(200).Json;
                Assert.Equal(isSensitive, segment.TryGetProperty("sensitive", out var flag) && flag.GetBoolean());
            }
        }

        Assert.All(answers, a => Assert.DoesNotContain("marker", a, StringComparison.Ordinal));
        Assert.All(
            answers.Where(a => a.Contains("format=", StringComparison.Ordinal)),
            a => Assert.Contains("***", a, StringComparison.Ordinal));
        Assert.All(answers, a => Assert.DoesNotMatch("71234|82345|1980-02-01", a));
        Assert.Equal(answers.Take(answers.Count / 2), answers.Skip(answers.Count / 2));
    }

    [Fact]
    public async Task Request_ThatNamesOne_Is403AtItsPlace()
    {
        await using var server = await StartAsync();
        var (all, few) = await PrepareAsync(server);
        (await server.Api.PutAsync("segments/rich", $$"""{"rule":{{Rich}}}""", all)).Expect(201);
        foreach (var (method, path, body, fault) in new[]
        {
            ("POST", "segments/preview", $$"""{"rule":{{Rich}}}""", "/rule/rules/0/field"),
            ("POST", "segments/validate", $$"""{"rule":{{Rich}}}""", "/rule/rules/0/field"),
            ("POST", "segments/compile", $$"""{"rule":{{Rich}}}""", "/rule/rules/0/field"),
            ("POST", "segments", $$"""{"key":"new","rule":{{Rich}}}""", "/rule/rules/0/field"),
            ("PUT", "segments/new", $$"""{"rule":{{Rich}}}""", "/rule/rules/0/field"),
            ("PATCH", "segments/rich", $$"""{"rule":{{Rich}}}""", "/rule/rules/0/field"),
            ("POST", "segments/preview",
                """
                {"rule":{"combinator":"and","rules":[
                {"field":"demographic.children","operator":">","valueSource":"field","value":"demographic.age"}]}}
                """,
                "/rule/rules/0/value"),
            ("GET", "fields/demographic.income/values", "", "name"),
            ("GET", "fields/attributes.illness/values", "", "name"),
            ("GET", "customers?q=a", "", ""),
            ("PUT", "attributes/illness", """{"type":"text","kind":"value"}""", "/sensitive"),
            ("PUT", "attributes/illness", """{"type":"integer","kind":"value","sensitive":true}""", "/type"),
            ("DELETE", "attributes/illness", "", "name"),
            ("GET", "fields/DEMOGRAPHIC.INCOME/values", "", "name"),
            ("GET", "fields/demographic.age/values", "", "name"),
            ("POST", "analyses", """{"type":"clusters","fields":["demographic.children","demographic.income"]}""", "/fields/1"),
            ("PUT", "models/soon",
                """
                {"type":"propensity","name":"Soon","features":["attributes.illness"],
                "goal":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order"}]}}
                """,
                "/features/0"),
            ("POST", "segments/preview",
                """
                {"rule":{"combinator":"and","rules":[{"field":"behavioral.events","operator":"exists","value":
                {"combinator":"and","rules":[{"field":"temporal.birthday","operator":"=","value":"x"}]}}]}}
                """,
                "/rule/rules/0/value/rules/0/field"),
            ("PATCH", "customers/x", """{"attributes":{"illness":null}}""", "/attributes/illness"),
            ("POST", "customers", """{"id":"x","demographic":{"income":5}}""", "/demographic/income"),
            ("PUT", "customers/x", """{"attributes":{"illness":"***"}}""", "/attributes/illness"),
            ("PATCH", "customers/x", """{"demographic":{"income":null}}""", "/demographic/income"),
            ("POST", "customers/import?mode=replace", """{"id":"x"}""", "mode"),
        })
        {
            var type = method == "PATCH" ? "application/merge-patch+json"
                : path.Contains("import", StringComparison.Ordinal) ? "application/x-ndjson" : "application/json";
            using var request = new HttpRequestMessage(new HttpMethod(method), "/api/v1/" + path)
            {
                Content = body.Length == 0 ? null : new StringContent(body, null, type),
            };
            request.Headers.Add(few.Item1, few.Item2);
            using var answer = await server.Api.Client.SendAsync(request);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True((int)answer.StatusCode == (fault.Length == 0 ? 200 : 403), $"{method} {path}: {(int)answer.StatusCode} {text}");
            Assert.True(fault.Length == 0 || text.Contains($"\"{fault}\":", StringComparison.Ordinal), $"{method} {path}: {text}");
        }

        using var import = new HttpRequestMessage(HttpMethod.Post, "/api/v1/customers/import")
        {
            Content = new StringContent("id,demographic.income\nx,5\n", null, "text/csv"),
        };
        import.Headers.Add(few.Item1, few.Item2);
        using var refused = await server.Api.Client.SendAsync(import);
        Assert.Equal(403, (int)refused.StatusCode);
        (await server.Api.PatchAsync("segments/rich", """{"name":"Rich"}""", few)).Expect(200);
        (await server.Api.PatchAsync("segments/rich", """{"description":"Who has much, demographic.income"}""", few)).Expect(200);
        var lines = await server.Api.SendAsync(
            "POST", "customers/import", "{\"id\":\"a\"}\n{\"id\":\"b\",\"demographic\":{\"income\":5}}\n", "application/x-ndjson", few);
        Assert.Equal((1, 1), (lines.Expect(200)["created"].GetInt32(), lines["rejected"].GetInt32()));
        var message = lines["errors"][0].GetProperty("message").GetString();
        Assert.Equal($"demographic.income: {SensitiveFields.Remedy}", message);
    }

    [Fact]
    public async Task TimeZone_Sensitive_HidesEveryClockThatFollowsIt()
    {
        await using var server = await world.StartAsync(("Privacy:SensitiveFields:0", "geographic.timeZone"));
        var (all, few) = await PrepareAsync(server);
        (await server.Api.PutAsync("customers/ann", """{"geographic":{"timeZone":"Asia/Tokyo"}}""", all)).Expect(201);
        foreach (var rule in new[]
        {
            """{"field":"temporal.localHour","operator":"=","value":3}""",
            """
            {"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":
            {"combinator":"and","rules":[{"field":"hourOfDay","operator":"=","value":3}]}}
            """,
        })
        {
            var body = $$$"""{"rule":{"combinator":"and","rules":[{{{rule}}}]}}""";
            Assert.EndsWith("/field", Assert.Single((await server.Api.PostAsync("segments/preview", body, few)).Expect(403).Faults));
            (await server.Api.PostAsync("segments/preview", body, all)).Expect(200);
            (await server.Api.PutAsync("segments/early", body, all)).Expect(200, 201);
            Assert.True((await server.Api.GetAsync("segments/early", few)).Expect(200)["sensitive"].GetBoolean());
            var early = (await server.Api.GetAsync("segments/early/explain/ann", few)).Expect(200)["rule"].GetProperty("rules")[0];
            Assert.Equal((JsonValueKind.Null, "***"), (early.GetProperty("matched").ValueKind, early.GetProperty("actual").GetString()));
        }

        foreach (var name in new[] { "hourOfDay", "behavioral.events.dayOfWeek", "temporal.localHour" })
        {
            Assert.Equal(["name"], (await server.Api.GetAsync($"fields/{name}/values", few)).Expect(403).Faults);
        }
    }

    [Fact]
    public async Task Read_WithTheScope_LeavesOneEntry_WhereSomethingIsSensitive()
    {
        await using var server = await StartAsync();
        var (all, few) = await PrepareAsync(server);
        (await server.Api.PutAsync("customers/ann", """{"demographic":{"income":7}}""", all)).Expect(201);
        (await server.Api.PutAsync("segments/rich", $$"""{"rule":{{Rich}}}""", all)).Expect(201);
        foreach (var (address, action, resource) in new[]
        {
            ("customers/ann", "sensitive.read", "customers/hmac:"), ("customers", "sensitive.read", "customers"),
            ("customers?limit=1", "sensitive.read", "customers"), ("segments/rich/members?live=true", "sensitive.read", "segments/rich"),
            ("segments/rich/explain/ann", "sensitive.read", "customers/hmac:"),
            ("fields/demographic.income/values", "sensitive.read", "fields/demographic.income"),
            ("customers/export", "customers.export", "customers"),
            ("segments/rich/members?live=true&format=csv", "members.export", "segments/rich"),
        })
        {
            var before = await CountAsync();
            (await server.Api.GetAsync(address, all)).Expect(200);
            var entries = (await server.Api.GetAsync("audit?limit=1", all)).Expect(200)["items"];
            Assert.Equal(before + 1, await CountAsync());
            Assert.Equal(action, entries[0].GetProperty("action").GetString());
            Assert.StartsWith(resource, entries[0].GetProperty("resource").GetString(), StringComparison.Ordinal);
            Assert.DoesNotContain("ann", entries[0].GetRawText(), StringComparison.Ordinal);

            // An export's own entry says it, and of one that is masked it does not.
            var isExport = action.EndsWith(".export", StringComparison.Ordinal);
            Assert.Equal(isExport, SaysSensitive(entries[0]));
            if (isExport)
            {
                (await server.Api.GetAsync(address, few)).Expect(200);
                Assert.False(SaysSensitive((await server.Api.GetAsync("audit?limit=1", all)).Expect(200)["items"][0]));
            }
        }

        // A PATCH answers what was not sent, too.
        (await server.Api.PatchAsync("customers/ann", """{"firstName":"Ann"}""", all)).Expect(200);
        var latest = (await server.Api.GetAsync("audit?limit=1", all)).Expect(200)["items"][0];
        Assert.True(latest.GetProperty("action").ValueEquals("sensitive.read"), latest.GetRawText());

        var last = await CountAsync();
        (await server.Api.GetAsync("customers/ann", few)).Expect(200);
        (await server.Api.GetAsync("fields/demographic.children/values", all)).Expect(200);
        (await server.Api.GetAsync("segments/rich/members?live=true&fields=id", all)).Expect(200);
        Assert.Equal(last, await CountAsync());

        async Task<int> CountAsync() => (await server.Api.GetAsync("audit?limit=1000", all)).Expect(200)["items"].GetArrayLength();

        static bool SaysSensitive(JsonElement entry) =>
            entry.TryGetProperty("after", out var after) && after.GetRawText() == """{"sensitive":true}""";
    }

    [Fact]
    public async Task Names_Sensitive_CannotBeLookedFor_NorReadInRejectedLines()
    {
        await using var server = await world.StartAsync(("Privacy:SensitiveFields", "customer.email"));
        var (all, few) = await PrepareAsync(server);
        (await server.Api.PutAsync("customers/ann", """{"email":"ann@example.com","firstName":"Ann"}""", all)).Expect(201);
        foreach (var (query, place) in new[] { ("q=ann", "q"), ("email=ann@example.com", "email") })
        {
            Assert.Equal([place], (await server.Api.GetAsync($"customers?{query}", few)).Expect(403).Faults);
            Assert.Equal(1, (await server.Api.GetAsync($"customers?{query}", all)).Expect(200)["items"].GetArrayLength());
        }

        var import = (await server.Api.SendAsync(
            "POST", "customers/import", "{\"id\":\"bob\",\"email\":\"marker\"}", "application/x-ndjson", ("Prefer", "respond-async"), all))
            .Expect(202);
        var errors = $"imports/{import["id"].GetString()}/errors";
        (await server.Api.GetAsync(errors, few)).Expect(403);
        (await server.Api.GetAsync(errors, all)).Expect(200);
    }

    [Theory]
    [InlineData("customer.firstName")]
    [InlineData("customer.lastName")]
    public async Task Name_Sensitive_CannotBeLookedFor(string field)
    {
        await using var server = await world.StartAsync(("Privacy:SensitiveFields", field));
        var (all, few) = await PrepareAsync(server);
        Assert.Equal(["q"], (await server.Api.GetAsync("customers?q=ann", few)).Expect(403).Faults);
        (await server.Api.GetAsync("customers?q=ann", all)).Expect(200);
    }

    private async Task<ApiFixture.Server> StartAsync() => await world.StartAsync(
        ("Privacy:SensitiveFields", "demographic.income,demographic.birthDate,geographic.city"));

    // The headers of a key with every scope, and of one with every scope but privacy.
    private static async Task<((string, string) All, (string, string) Few)> PrepareAsync(ApiFixture.Server server)
    {
        var all = await AddKeyAsync(server, "everything00", [.. Scopes.OfKeys]);
        var few = await AddKeyAsync(server, "butprivacy00", [.. Scopes.OfKeys.Where(s => s != Scopes.Privacy)]);
        (await server.Api.PutAsync("attributes/illness", """{"type":"text","kind":"value","sensitive":true}""", all)).Expect(201);
        (await server.Api.PutAsync("attributes/plan", """{"type":"text","kind":"value"}""", all)).Expect(201);
        return (all, few);
    }

    private static async Task<(string, string)> AddKeyAsync(ApiFixture.Server server, string id, params string[] scopes)
    {
        await using var scope = server.Services.CreateAsyncScope();
        return AccessWorld.With(await AccessKeys.AddAsync(scope.ServiceProvider, id, scopes));
    }

    [GeneratedRegex("\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z")]
    private static partial Regex Instants();

    [GeneratedRegex("\"elapsedMs\":[\\d.]+")]
    private static partial Regex Elapsed();
}
