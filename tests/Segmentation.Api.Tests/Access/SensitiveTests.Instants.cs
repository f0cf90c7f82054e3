using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Access;

namespace Segmentation.Api.Tests.Access;

/// <summary>Whoever chooses the instant that a rule is asked about could halve its way to the date that the rule reads.</summary>
public sealed partial class SensitiveTests
{
    private const string Adult = """{"field":"demographic.age","operator":">=","value":18}""";

    [Fact]
    public async Task Instant_ThatTheCallerChooses_OfWhatReadsASensitiveDate_NeedsTheScope()
    {
        await using var server = await StartAsync();
        var (all, few) = await PrepareAsync(server);
        (await server.Api.PutAsync("customers/ann", """{"demographic":{"birthDate":"1980-02-01"}}""", all)).Expect(201);
        (await server.Api.PutAsync("segments/adult", $$"""{"rule":{"combinator":"and","rules":[{{Adult}}] } }""", all)).Expect(201);
        const string nested = """{"combinator":"and","rules":[{"field":"segment","operator":"in","value":["adult"]}]}""";
        (await server.Api.PutAsync("segments/rich", $$"""{"rule":{{Rich}}}""", all)).Expect(201);
        (await server.Api.PutAsync("segments/nested", $$"""{"rule":{{nested}}}""", few)).Expect(201);
        (await server.Api.PutAsync("segments/plain", """{"rule":{"combinator":"and","rules":[]}}""", few)).Expect(201);
        (await server.Api.PutAsync("placements/top", """{"name":"Top","type":"string"}""", all)).Expect(201);
        (await server.Api.PutAsync(
            "playbooks/adults",
            $$"""
            {"name":"A","goal":"G","status":"active","audience":{{nested}},"plays":[{"key":"a","placement":"top","content":"x"}]}
            """,
            all)).Expect(201);
        const string then = "2020-01-01T00:00:00Z", asOf = $"asOf={then}";
        var recent = DateTimeOffset.UtcNow.AddDays(-100).ToString("O", CultureInfo.InvariantCulture);
        foreach (var (path, body) in new[]
        {
            ($"segments/adult/members?{asOf}", ""), ($"segments/adult/members?format=csv&{asOf}", ""),
            ($"segments/adult/count?{asOf}", ""), ($"segments/adult/members/ann?{asOf}", ""), ($"segments/adult/explain/ann?{asOf}", ""),
            ($"segments/nested/members?{asOf}", ""), ($"segments/nested/members?asOf=2030-01-01T00:00:00Z", ""),
            ($"customers/ann/segments?{asOf}", ""), ("segments/adult/movers", ""),
            ("segments/adult/forecast?membership=rule", ""), ("segments/adult/performance?membership=rule&population=start", ""),
            ("segments/preview", $$"""{"rule":{{nested}},"asOf":"{{then}}"}"""),
            (
                "segments/transitions",
                $$"""{"states":["plain","adult"],"membership":"rule","at":{"from":"{{recent}}","interval":"month"} }"""),
            ("decisions", $$"""{"customerId":"ann","placements":["top"],"at":"{{then}}"}"""),
            ("analyses", $$"""{"type":"profile","segment":"adult","asOf":"{{then}}"}"""),
            ("analyses", $$"""{"type":"clusters","within":"nested","asOf":"{{then}}"}"""),
            ("analyses", $$"""{"type":"opportunities","target":{"metric":"revenue"},"within":"adult"}"""),
        })
        {
            var refused = await SendAsync(path, body, few);
            Assert.True(refused.Status == 403, $"{path} {body}: {refused.Status} {refused.Body}");
            Assert.Contains("privacy", refused.Body, StringComparison.Ordinal);
            var allowed = await SendAsync(path, body, all);
            Assert.True(allowed.Status is 200 or 201 or 202, $"{path} {body}: {allowed.Status} {allowed.Body}");
        }

        // Now, and of what reads none or not the clock, everybody may ask.
        foreach (var (path, body) in new[]
        {
            ("segments/adult/members?live=true", ""), ("segments/adult/explain/ann", ""), ("customers/ann/segments", ""),
            ($"segments/plain/members?{asOf}", ""), ($"segments/rich/members?{asOf}", ""), ("segments/plain/movers", ""),
            ("segments/preview", $$"""{"rule":{{nested}}}"""),
            ("decisions", """{"customerId":"ann","placements":["top"]}"""),
        })
        {
            (await SendAsync(path, body, few)).Expect(200);
        }

        // What is told besides leaves out what the days would tell.
        var forecast = (await server.Api.GetAsync("segments/adult/forecast", few)).Expect(200);
        Assert.Empty(forecast["clock"].EnumerateArray());
        Assert.Contains("no-clock", forecast["warnings"].GetRawText(), StringComparison.Ordinal);
        Assert.NotEmpty((await server.Api.GetAsync("segments/adult/forecast", all)).Expect(200)["clock"].EnumerateArray());
        var brief = (await server.Api.GetAsync("segments/adult/brief?format=json", few)).Expect(200).Json;
        Assert.Equal(JsonValueKind.Null, brief.GetProperty("leaving").ValueKind);
        Assert.Contains("no-movers", brief.GetRawText(), StringComparison.Ordinal);

        Task<Answer> SendAsync(string path, string body, (string, string) caller) => body.Length == 0
            ? server.Api.GetAsync(path, caller)
            : server.Api.PostAsync(path, body, caller);
    }

    [Fact]
    public async Task Count_ByARuleThatReadsOne_AndRejectedLines_LeaveAnEntry()
    {
        await using var server = await StartAsync();
        var (all, _) = await PrepareAsync(server);
        var import = (await server.Api.SendAsync(
            "POST", "customers/import", "{\"id\":\"bob\",\"email\":\"marker\"}", "application/x-ndjson", ("Prefer", "respond-async"), all))
            .Expect(202)["id"].GetString();
        (await server.Api.PostAsync("segments/preview", $$"""{"rule":{{Rich}},"sampleSize":0}""", all)).Expect(200);
        await CheckLastAsync("customers");
        (await server.Api.GetAsync($"imports/{import}/errors", all)).Expect(200);
        await CheckLastAsync($"imports/{import}");

        // By the id, for who may know who it is; nobody else can try out ids.
        (await server.Api.PutAsync("customers/ann", "{}", all)).Expect(201);
        (await server.Api.PutAsync("customers/ann/restriction", """{"reason":"r"}""", all)).Expect(200);
        var found = (await server.Api.GetAsync("audit?resource=customers/ann", all)).Expect(200)["items"];
        Assert.Equal("customers.restrict", found[0].GetProperty("action").GetString());
        await using var scope = server.Services.CreateAsyncScope();
        var auditor = AccessWorld.With(await AccessKeys.AddAsync(scope.ServiceProvider, "auditor00000", [Scopes.AuditRead]));
        (await server.Api.GetAsync("audit?resource=customers/ann", auditor)).Expect(403);
        (await server.Api.GetAsync($"audit?resource={found[0].GetProperty("resource").GetString()}", auditor)).Expect(200);
        (await server.Api.GetAsync("audit?actor=system", auditor)).Expect(200);

        // Nor does whoever writes rules alone read whom there are.
        var author = AccessWorld.With(await AccessKeys.AddAsync(scope.ServiceProvider, "author000000", [Scopes.SegmentsRead]));
        (await server.Api.GetAsync("fields/customer.email/values", author)).Expect(403);
        (await server.Api.GetAsync("fields/geographic.country/values", author)).Expect(200);

        async Task CheckLastAsync(string resource)
        {
            var last = (await server.Api.GetAsync("audit?limit=1", all)).Expect(200)["items"][0];
            Assert.Equal(
                ("sensitive.read", resource), (last.GetProperty("action").GetString(), last.GetProperty("resource").GetString()));
        }
    }

    [Fact]
    public async Task Answer_ThatIsKept_IsForWhoMaySeeAsMuch()
    {
        const string made = """{"id":"idem","demographic":{"children":2}}""";
        var (whole, few) = (
            AccessWorld.With(world.Provider.Sign($"{Scopes.CustomersWrite} {Scopes.CustomersRead} {Scopes.Privacy}")),
            AccessWorld.With(world.Provider.Sign($"{Scopes.CustomersWrite} {Scopes.CustomersRead}")));
        var first = (await world.Api.PostAsync("customers", made, whole, ("Idempotency-Key", "seen"))).Expect(201);
        Assert.Equal(first.Body, (await world.Api.PostAsync("customers", made, whole, ("Idempotency-Key", "seen"))).Expect(201).Body);
        (await world.Api.PostAsync("customers", made, few, ("Idempotency-Key", "seen"))).Expect(409);
    }
}
