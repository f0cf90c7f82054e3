using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Routing;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Audit;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints;

namespace Segmentation.Api.Tests.Audit;

/// <summary>What each operation leaves in the audit log.</summary>
public sealed class AuditedOperationTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Rule =
        """{"combinator":"and","rules":[{"field":"geographic.city","operator":"=","value":"jane@example.com"}]}""";

    private const string Profile = "no definition: profiles and what people did are in the change log, and go with an erasure";
    private const string Members = "no definition: who was added and removed is in the segment's changes, and goes with an erasure";
    private const string Reads = "changes nothing";
    private const string Decides = "what is shown is in the exposures, and goes with an erasure";
    private const string Queues = "asks for an analysis, which is listed with who asked and changes no definition";
    private const string Delivers = "sends again what was told before; the delivery says so";

    /// <summary>Every action that is no GET, and the entries it can leave: or, with a blank in it, why none.</summary>
    private static readonly Dictionary<string, string[]> Operations = new()
    {
        ["Analyses.Create"] = [Queues],
        ["Analyses.Delete"] = [Queues],
        ["Anonymization.Anonymize"] = ["customers.anonymize"],
        ["ApiKeys.Create"] = ["api-keys.create"],
        ["ApiKeys.Patch"] = ["api-keys.change"],
        ["ApiKeys.Revoke"] = ["api-keys.revoke"],
        ["ApiKeys.Rotate"] = ["api-keys.rotate"],
        ["Attributes.Delete"] = ["attributes.delete"],
        ["Attributes.Put"] = ["attributes.create", "attributes.change"],
        ["Audit.Verify"] = ["audit.verify"],
        ["Consents.PutConsent"] = ["consents.record"],
        ["Customers.Create"] = ["consents.record"],
        ["Customers.Delete"] = ["customers.erase"],
        ["Customers.Erase"] = ["customers.erase"],
        ["Customers.Import"] = ["consents.import"],
        ["Customers.Patch"] = ["consents.record"],
        ["Customers.Put"] = ["consents.record"],
        ["Decisions.Decide"] = [Decides],
        ["Events.AddEvent"] = [Profile],
        ["Events.Create"] = [Profile],
        ["Experiments.Archive"] = ["experiments.archive"],
        ["Experiments.Assignments"] = [Reads],
        ["Experiments.Create"] = ["experiments.create"],
        ["Experiments.Delete"] = ["experiments.delete"],
        ["Experiments.Patch"] = ["experiments.change"],
        ["Experiments.Put"] = ["experiments.create", "experiments.change"],
        ["Experiments.Restore"] = ["experiments.restore"],
        ["Experiments.Start"] = ["experiments.start"],
        ["Experiments.Stop"] = ["experiments.stop"],
        ["Exposures.Create"] = [Decides],
        ["Imports.Delete"] = [Profile],
        ["Members.AddMember"] = [Members],
        ["Members.ChangeMembers"] = [Members],
        ["Members.RemoveMember"] = [Members],
        ["Metrics.Delete"] = ["metrics.delete"],
        ["Metrics.Put"] = ["metrics.create", "metrics.change"],
        ["Models.Delete"] = ["models.delete"],
        ["Models.Fit"] = [Queues],
        ["Models.Predict"] = [Reads],
        ["Models.Put"] = ["models.create", "models.change"],
        ["Models.Restore"] = ["models.restore"],
        ["Ofrep.EvaluateFlag"] = [Decides],
        ["Ofrep.EvaluateFlags"] = [Decides],
        ["Placements.Create"] = ["placements.create"],
        ["Placements.Delete"] = ["placements.delete"],
        ["Placements.Patch"] = ["placements.change"],
        ["Placements.Put"] = ["placements.create", "placements.change"],
        ["Playbooks.Clone"] = ["playbooks.create"],
        ["Playbooks.Create"] = ["playbooks.create"],
        ["Playbooks.Delete"] = ["playbooks.delete"],
        ["Playbooks.Patch"] = ["playbooks.change"],
        ["Playbooks.Preview"] = [Reads],
        ["Playbooks.Put"] = ["playbooks.create", "playbooks.change"],
        ["Playbooks.Restore"] = ["playbooks.restore"],
        ["Playbooks.Validate"] = [Reads],
        ["Purposes.Delete"] = ["purposes.delete"],
        ["Purposes.Put"] = ["purposes.create", "purposes.change"],
        ["Refresh.CancelRefresh"] = ["segments.cancelRefresh"],
        ["Refresh.Refresh"] = ["segments.refresh"],
        ["Rules.Compile"] = [Reads],
        ["Rules.Preview"] = [Reads],
        ["Rules.Validate"] = [Reads],
        ["Restrictions.DeleteRestriction"] = ["customers.unrestrict"],
        ["Restrictions.PutRestriction"] = ["customers.restrict"],
        ["Segments.Clone"] = ["segments.create"],
        ["Segments.Create"] = ["segments.create"],
        ["Segments.Delete"] = ["segments.delete"],
        ["Segments.Patch"] = ["segments.change"],
        ["Segments.Put"] = ["segments.create", "segments.change"],
        ["Segments.Restore"] = ["segments.restore"],
        ["Sets.Combine"] = ["segments.create"],
        ["Sets.Overlap"] = [Reads],
        ["Transitions.Transitions"] = [Reads],
        ["Visitors.Erase"] = ["visitors.erase"],
        ["Webhooks.Create"] = ["webhooks.create"],
        ["Webhooks.Delete"] = ["webhooks.delete"],
        ["Webhooks.Patch"] = ["webhooks.change"],
        ["Webhooks.Put"] = ["webhooks.change"],
        ["Webhooks.Replay"] = [Delivers],
        ["Webhooks.ReplayOne"] = [Delivers],
        ["Webhooks.Test"] = [Delivers],
    };

    [Fact]
    public void Operation_EachThatChangesSomething_SaysWhatItLeaves()
    {
        var actions = typeof(SegmentsController).Assembly.GetTypes().Where(t => t.IsAssignableTo(typeof(ControllerBase)))
            .SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(m => m.GetCustomAttributes<HttpMethodAttribute>().Any(a => a.HttpMethods.Any(h => h is not ("GET" or "HEAD"))))
            .Select(m => $"{m.DeclaringType!.Name.Replace("Controller", "", StringComparison.Ordinal)}.{m.Name}");
        Assert.Equal(Operations.Keys.Order(StringComparer.Ordinal), actions.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Table_EachAuditedOne_IsMapped()
    {
        using var scope = fixture.Host.Services.CreateScope();
        var model = scope.ServiceProvider.GetRequiredService<SegmentationDb>().Model;
        Assert.Equal(
            AuditedTables.All.Keys.Order(StringComparer.Ordinal),
            model.GetEntityTypes().Select(AuditedTables.Find).OfType<AuditedTable>().Select(t => t.Table).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Log_OfEveryKindOfChange_HasItOnce_AndNoSecret()
    {
        var api = fixture.Api;
        foreach (var (path, body, change) in new[]
        {
            ("attributes/tier", """{"type":"text","kind":"geographic"}""", """{"type":"text","kind":"geographic","label":"Tier"}"""),
            ("metrics/sales", Count("A"), Count("B")),
            ("models/again", Propensity("A"), Propensity("B")),
        })
        {
            (await api.PutAsync(path, body)).Expect(201);
            (await api.PutAsync(path, change)).Expect(200);
            (await api.PutAsync(path, change)).Expect(200);
            (await api.DeleteAsync(path)).Expect(204);
        }

        foreach (var (kind, body, patch) in new[]
        {
            ("segments", $$"""{"key":"a","name":"A","rule":{{Rule}} }""", """{"name":"B"}"""),
            ("placements", """{"key":"a","type":"string"}""", """{"name":"B"}"""),
            ("playbooks", """{"key":"a","plays":[]}""", """{"name":"B"}"""),
            ("experiments", """{"key":"a","variants":[{"key":"control"},{"key":"new"}]}""", """{"name":"B"}"""),
        })
        {
            (await api.PostAsync(kind, body)).Expect(201);
            (await api.PatchAsync($"{kind}/a", patch)).Expect(200);
            (await api.PatchAsync($"{kind}/a", """{"name":5}""")).Expect(400);
            if (kind != "placements")
            {
                (await api.PostAsync($"{kind}/a/versions/1/restore", "")).Expect(200);
            }

            if (kind is "segments" or "playbooks")
            {
                (await api.PostAsync($"{kind}/a/clone", """{"key":"b"}""", ("Idempotency-Key", "clone"))).Expect(201);
                (await api.PostAsync($"{kind}/a/clone", """{"key":"b"}""", ("Idempotency-Key", "clone"))).Expect(201);
            }
        }

        (await api.PostAsync("experiments/a/start", "{}")).Expect(200);
        (await api.PostAsync("experiments/a/stop", "{}")).Expect(200);
        (await api.PostAsync("experiments/a/archive", "")).Expect(200);
        (await api.PostAsync("segments/a/refresh", "")).Expect(202);
        (await api.DeleteAsync("segments/a/refresh")).Expect(204);
        (await api.GetAsync("segments/a/members?format=csv")).Expect(200);
        (await api.GetAsync("customers/export")).Expect(200);
        foreach (var kind in new[] { "segments", "placements", "playbooks", "experiments" })
        {
            (await api.DeleteAsync($"{kind}/a")).Expect(204);
        }

        var hook = (await api.PostAsync("webhooks", """{"url":"https://shop.example/SECRETPATH?x=SECRETPATH"}""")).Expect(201);
        var path2 = $"webhooks/{hook["id"].GetString()}";
        (await api.PatchAsync(path2, """{"description":"B"}""")).Expect(200);
        (await api.PatchAsync(path2, """{"secret":null}""")).Expect(200);
        (await api.DeleteAsync(path2)).Expect(204);
        (await api.PostAsync("audit/verify", "{}")).Expect(200);

        var key = (await api.PostAsync("api-keys", """{"name":"me","scopes":["admin","audit:read","segments:write"]}""")).Expect(201);
        var me = ("Authorization", $"Bearer {key["secret"].GetString()}");
        (await api.PatchAsync($"api-keys/{key["id"].GetString()}", """{"name":"I"}""", me)).Expect(200);
        (await api.PostAsync($"api-keys/{key["id"].GetString()}/rotate", "{}", me)).Expect(200);
        var other = (await api.PostAsync("api-keys", """{"name":"other","scopes":["segments:write"]}""", me)).Expect(201);
        (await api.DeleteAsync($"api-keys/{other["id"].GetString()}", me)).Expect(204);
        (await api.GetAsync("audit")).Expect(401);

        var answer = (await api.GetAsync("audit?limit=1000", me)).Expect(200);
        var entries = answer["items"].EnumerateArray().Reverse().ToList();
        string Actions(string kind) => string.Join(
            ' ', entries.Select(e => e.GetProperty("action").GetString()!).Where(a => a.StartsWith(kind + '.', StringComparison.Ordinal))
                .Select(a => a[(kind.Length + 1)..]));
        Assert.Equal("create change delete", Actions("attributes"));
        Assert.Equal("create change delete", Actions("metrics"));
        Assert.Equal("create change delete", Actions("models"));
        Assert.Equal("create change delete", Actions("placements"));
        Assert.Equal("create change restore create delete", Actions("playbooks"));
        Assert.Equal("create change restore start stop archive delete", Actions("experiments"));
        Assert.Equal("create change restore create refresh cancelRefresh delete", Actions("segments"));
        Assert.Equal("create change change delete", Actions("webhooks"));
        Assert.Equal("create change rotate create revoke", Actions("api-keys"));
        Assert.Equal("export", Actions("members"));
        Assert.Equal("export", Actions("customers"));
        Assert.Equal("verify", Actions("audit"));
        Assert.Equal("change", Actions("settings"));
        foreach (var secret in new[]
        {
            key["secret"].GetString()!, hook["secret"].GetString()!, "SECRETPATH", "jane@example.com", "Password", fixture.ConnectionString,
        })
        {
            Assert.DoesNotContain(secret, answer.Body, StringComparison.OrdinalIgnoreCase);
        }

        // A change is a patch there and one back.
        var changed = entries.First(e => e.GetProperty("action").GetString() == "segments.change");
        Assert.Equal("""{"op":"replace","path":"/name","value":"B"}""", Find(changed.GetProperty("after"), "/name"));
        Assert.Equal("""{"op":"replace","path":"/name","value":"A"}""", Find(changed.GetProperty("before"), "/name"));
        Assert.Equal("segments/a", changed.GetProperty("resource").GetString());
        Assert.Equal("anonymous", changed.GetProperty("actor").GetProperty("id").GetString());
        var created = entries.First(e => e.GetProperty("action").GetString() == "segments.create");
        Assert.Contains("hmac:", created.GetRawText(), StringComparison.Ordinal);

        // What is asked for is what is answered.
        var mine = await api.GetAsync($"audit?actor={key["id"].GetString()}&action=api-keys.rotate", me);
        Assert.Equal(1, mine.Expect(200)["items"].GetArrayLength());
        Assert.Equal(4, (await api.GetAsync("audit?resource=placements/a&limit=2", me)).Expect(200)["items"].GetArrayLength() + 2);
        Assert.Equal(0, (await api.GetAsync("audit?to=2020-01-01T00:00:00Z", me)).Expect(200)["items"].GetArrayLength());
    }

    [Fact]
    public async Task Change_ThatIsTakenBack_LeavesNothing()
    {
        await using var scope = fixture.Host.Services.CreateAsyncScope();
        var (db, log) = (scope.ServiceProvider.GetRequiredService<SegmentationDb>(), scope.ServiceProvider.GetRequiredService<AuditLog>());
        await using (await db.BeginAsync(CancellationToken.None))
        {
            await log.AppendAsync(db, "test.undone", "test");
        }

        await using (var outer = new OuterTransaction(db, _ => Task.CompletedTask))
        {
            await using (await outer.BeginPartAsync(CancellationToken.None))
            {
                await log.AppendAsync(db, "test.partUndone", "test");
            }

            await using (var part = await outer.BeginPartAsync(CancellationToken.None))
            {
                await log.AppendAsync(db, "test.kept", "test");
                await part.CommitAsync();
            }

            await outer.CommitAsync(CancellationToken.None);
        }

        var reader = scope.ServiceProvider.GetRequiredService<AuditReader>();
        var page = await reader.ListAsync(new AuditFilter(null, null, "test", null, null), 10, null, CancellationToken.None);
        Assert.Equal(["test.kept"], page.Items.Select(e => e.Action));
    }

    private static string Count(string name) => $$"""
        {"name":"{{name}}","kind":"count","goal":"increase","event":{"combinator":"and","rules":[]} }
        """;

    private static string Propensity(string name) => $$$"""
        {"type":"propensity","name":"{{{name}}}","withinDays":30,
         "goal":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}}
        """;

    private static string? Find(JsonElement patch, string path) =>
        patch.EnumerateArray().FirstOrDefault(o => o.GetProperty("path").GetString() == path) is { ValueKind: JsonValueKind.Object } found
            ? found.GetRawText()
            : null;
}
