using System.Reflection;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Privacy;
using Segmentation.Api.Rights;
using Segmentation.Api.Tests.Experiments;
using Segmentation.Api.Tests.Playbooks;

namespace Segmentation.Api.Tests.Rights;

/// <summary>What is held of a customer: all of it, and nothing of others.</summary>
public sealed class CustomerDataTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const int Events = 1_203;

    // The tables that hold something of a person, with what shows it; null where it says nothing that another does not show.
    private static readonly Dictionary<string, Type?> OfPersons = new()
    {
        ["customers"] = typeof(CustomerResource),
        ["consent_records"] = typeof(ConsentRecordResource),
        ["customer_scores"] = typeof(HeldScores),
        ["score_copy_parts"] = typeof(ToldScore),
        ["events"] = typeof(EventResource),
        ["memberships"] = typeof(HeldMembership),
        ["manual_members"] = typeof(HeldManualSegment),
        ["visitor_links"] = typeof(HeldVisitor),
        ["experiment_units"] = typeof(HeldAssignment),
        ["impressions"] = typeof(HeldImpression),
        ["exposure_reports"] = typeof(HeldExposureReport),
        ["webhook_deliveries"] = typeof(Recipient),
        ["idempotency"] = typeof(HeldRequest),
        ["import_rejections"] = typeof(HeldRejectedLine),

        // Who was erased, as marks and keys that lead to nobody; and, while a mass of impressions goes, the ids in them.
        ["erased"] = null,
        ["erasure_queue"] = null,

        // Who waits to be evaluated or scored, for seconds; which ids a dry run has seen, while it runs; the erased, who are nobody's data.
        ["membership_work"] = null,
        ["unscored_customers"] = null,
        ["seen_in_dry_runs"] = null,
        ["erased_members"] = null,
    };

    private static readonly string[] OfNobody =
    [
        "__EFMigrationsHistory", "analyses", "api_key_secrets", "api_keys", "attributes", "audit", "audit_head",
        "customer_count", "decision_stamp", "definition_stamp", "deleted_segments", "erasures", "experiment_runs", "experiment_versions",
        "experiments", "imports", "membership_batches", "mark_key", "membership_leader", "membership_states", "metrics",
        "model_versions", "model_weights", "models", "placements", "playbook_versions", "playbooks", "purposes",
        "rfm_thresholds", "score_copies", "scoring_state", "segment_versions", "segments", "sentiment_model", "webhooks",
        "event_horizon",
    ];

    // Columns that are shown by another name, or say nothing of the person: keys, versions, and copies for comparisons.
    private static readonly Dictionary<string, string[]> OtherColumns = new()
    {
        // Counters and the last feedback, which value, behavioral and psychographic.sentiment are reckoned from.
        ["customers"] =
        [
            "key", "version", "consents_granted", "event_count", "first_event_at", "first_order_at", "last_event_at", "last_feedback_at",
            "last_order_at", "lifetime_value", "order_amount", "order_count", "demographic_birth_month_day",
            "geographic_latitude", "geographic_longitude", "restricted_at", "restriction_reason",
            .. Enumerable.Range(1, 5).SelectMany(i => new[] { $"sentiment_at{i}", $"sentiment_mean{i}" }),

            // The part of these counters whose events are no longer kept.
            .. typeof(ForgottenEvents).GetProperties().Select(p => $"forgotten{SnakeCase(p.Name)}"),
        ],
        ["consent_records"] = ["id", "customer_key"],
        ["customer_scores"] = ["customer_key"],
        ["score_copy_parts"] = ["copy_id", "part", "customers", "probabilities", "mean_amounts"],
        ["events"] = ["customer_key", "type_sent", "channel_sent", "properties_sent"],
        ["memberships"] = ["segment_id", "joined_batch", "customer_key", "left_batch"],
        ["manual_members"] = ["segment_id", "customer_key"],
        ["visitor_links"] = ["customer_id"],
        ["experiment_units"] = ["experiment_id"],
        ["impressions"] = ["id"],
        ["exposure_reports"] = [],
        ["webhook_deliveries"] =
        [
            "id", "customer_key", "customer_id", "joined", "last_error", "last_status", "message_id", "next_attempt_at", "segment_key",
            "segment_name", "segment_version", "webhook_key",
        ],

        // What is in it is the person's own request, or what this document shows.
        ["idempotency"] =
            ["scope_hash", "body", "created_at", "entity_tag", "fingerprint", "is_secret", "location", "media_type", "mentions"],
        ["import_rejections"] = ["key", "customer_id", "import_id", "is_readable", "mentions"],
    };

    private Api Api => fixture.Api;

    private static string SnakeCase(string name) =>
        string.Concat(name.Select(c => char.IsUpper(c) ? $"_{char.ToLowerInvariant(c)}" : $"{c}"));

    [Fact]
    public async Task Database_EachTable_IsKnown()
    {
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = database.CreateCommand(
            """
            SELECT relname::text FROM pg_class
            WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            """);
        List<string> tables = [];
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            tables.Add(reader.GetString(0));
        }

        Assert.Equal(tables.Order(StringComparer.Ordinal), OfPersons.Keys.Concat(OfNobody).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Document_EachColumnOfAPerson_IsShown()
    {
        List<string> missing = [];
        foreach (var (table, type) in OfPersons.Where(t => t.Value is not null))
        {
            var shown = Properties(type!).ToHashSet(StringComparer.OrdinalIgnoreCase);
            var columns = Model().GetEntityTypes().Where(t => t.GetTableName() == table).SelectMany(Columns).Distinct();
            missing.AddRange(columns
                .Where(c => !c.EndsWith("_folded", StringComparison.Ordinal) && !OtherColumns[table].Contains(c))
                .Where(c => !shown.Contains(c.Replace("_", "", StringComparison.Ordinal)))
                .Select(c => $"{table}.{c}"));
        }

        Assert.Equal([], missing);
    }

    [Fact]
    public async Task Get_HasAllThatIsHeld_AndNothingOfOthers()
    {
        var id = $"data-{Guid.NewGuid():N}";
        var other = $"other-{Guid.NewGuid():N}";
        var webhook = (await Api.PostAsync("webhooks", """{"url":"https://receiver.invalid/hook"}""")).Expect(201)["id"].GetString();
        await MakeAsync(id);
        await MakeAsync(other);
        var placement = await Api.MakePlacementAsync("string");
        var playbook = await Api.MakePlaybookAsync($$"""{"key":"a","placement":"{{placement}}","content":"x"}""");
        var experiment = await Api.MakeExperimentAsync(start: true);
        var unit = (await Api.FindUnitsAsync(experiment, "treated", 1))[0];
        Assert.Equal((2, 0, 0), await Api.SeeAsync(
            unit, [$"play:{placement}/{playbook}@1/a", $"experiment:{experiment}@1=treated"], customer: id, id: "report-1"));
        await Wait.UntilAsync(
            async () => await fixture.CountAsync(
                $"SELECT count(*) FROM webhook_deliveries WHERE customer_id = '{id}' AND segment_key IN ('{id}','{id}-manual')") >= 2,
            "both joinings have messages");
        await ExecuteAsync(
            $$"""
            UPDATE customers SET restricted_at = now(), restriction_reason = 'objects' WHERE id = '{{id}}';
            INSERT INTO customer_scores (customer_key, scored_on, silence, repeats)
            SELECT key, '2026-11-28', 1.25, 3 FROM customers WHERE id = '{{id}}'
            ON CONFLICT (customer_key) DO UPDATE SET silence = 1.25, repeats = 3;
            INSERT INTO score_copies (model_key, version, pinned, scored_on, known_until, told_until, settings)
            VALUES ('{{id}}', 2, false, '2026-11-28', now(), now(), '{}');
            INSERT INTO score_copy_parts (copy_id, part, customers, probabilities)
            SELECT s.id, c.key / 1000, ARRAY[c.key - 1, c.key], ARRAY[0.5, 0.25]::real[]
            FROM score_copies s, customers c WHERE s.model_key = '{{id}}' AND c.id = '{{id}}'
            """);

        var answer = (await Api.GetAsync($"customers/{id}/data")).Expect(200);
        var data = answer.Json;

        Assert.Equal("attachment", answer.Message.Content.Headers.ContentDisposition?.DispositionType);
        Assert.Equal(id, data.GetProperty("id").GetString());
        Assert.Equal((await Api.GetAsync($"customers/{id}")).Json.GetRawText(), data.GetProperty("profile").GetRawText());
        Assert.Equal(Events, data.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("id").GetString()).Distinct().Count());
        Assert.Equal(
            (await Api.AllAsync($"customers/{id}/events", 1000)).Select(e => e.GetRawText()).Order(),
            data.GetProperty("events").EnumerateArray().Select(e => e.GetRawText()).Order());
        Assert.Equal([("email", true)], data.GetProperty("consents").EnumerateArray()
            .Select(c => (Text(c, "purpose"), c.GetProperty("granted").GetBoolean())));
        Assert.Equal(["consents.record", "customers.data"], Each("audit", "action").Select(e => e.GetString()));
        Assert.Equal([1.25m], Each("scores", "silence").Select(e => e.GetDecimal()));
        Assert.Equal([0.25m], Each("toldScores", "probability").Select(e => e.GetDecimal()));
        Assert.Equal([id, $"{id}-manual"], Each("memberships", "segment").Select(e => e.GetString()).Order());
        Assert.Equal([$"{id}-manual"], Each("manualSegments", "segment").Select(e => e.GetString()));
        Assert.Equal([unit], Each("visitors", "visitorId").Select(e => e.GetString()));
        Assert.Equal([experiment], Each("assignments", "experiment").Select(e => e.GetString()));
        Assert.Equal([playbook], Each("impressions", "playbook").Select(e => e.GetString()));
        Assert.Equal(["report-1"], Each("exposureReports", "id").Select(e => e.GetString()));
        Assert.Equal(
            [(webhook, id, "joined"), (webhook, $"{id}-manual", "joined")],
            data.GetProperty("recipients").EnumerateArray()
                .Select(r => (Text(r, "webhook"), Text(r, "segment"), Text(r, "change")))
                .Where(r => r.Item2!.StartsWith(id, StringComparison.Ordinal)).OrderBy(r => r.Item2));
        Assert.Contains(201, Each("requests", "status").Select(e => e.GetInt32()));
        Assert.Equal([$"{id},31.12.1990"], Each("rejectedLines", "record").Select(r => r.GetString()?.Trim()));
        Assert.DoesNotContain(other, answer.Body, StringComparison.Ordinal);
        Assert.Equal(
            typeof(CustomerData).GetProperties().Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name)),
            data.EnumerateObject().Select(p => p.Name));

        IEnumerable<JsonElement> Each(string part, string property) =>
            data.GetProperty(part).EnumerateArray().Select(row => row.GetProperty(property));
    }

    [Fact]
    public async Task Get_OfSomebodyWithNothing_HasEmptyParts_AndOfNobody_IsNotFound()
    {
        var id = $"bare-{Guid.NewGuid():N}";
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);

        var data = (await Api.GetAsync($"customers/{id}/data")).Expect(200).Json;

        Assert.All(
            data.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Array && p.Name != "audit"),
            p => Assert.Equal(0, p.Value.GetArrayLength()));
        (await Api.GetAsync("customers/no-such-customer/data")).Expect(404);
    }

    [Fact]
    public async Task Delete_EachTime_LeavesAnEntry_WithoutTheId()
    {
        var id = $"gone-{Guid.NewGuid():N}";
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        var before = (await ListAsync()).Count;
        (await Api.DeleteAsync($"customers/{id}")).Expect(204);
        (await Api.DeleteAsync($"customers/{id}")).Expect(204);

        var entries = await ListAsync();
        Assert.Equal(before + 2, entries.Count);
        Assert.Equal(Text(entries[0], "resource"), Text(entries[1], "resource"));
        Assert.DoesNotContain(id, string.Concat(entries), StringComparison.Ordinal);

        Task<List<JsonElement>> ListAsync() => Api.AllAsync("audit?action=customers.erase");
    }

    // A customer in two segments, one of them manual, with a request that is remembered and a line that was rejected.
    private async Task MakeAsync(string id)
    {
        (await Api.PostAsync("customers", $$$"""{"id":"{{{id}}}","email":"{{{id}}}@example.com","consents":{"email":{"granted":true} } }""",
            ("Idempotency-Key", id))).Expect(201);
        var rows = string.Join('\n', Enumerable.Range(0, Events)
            .Select(i => $$$"""{"id":"{{{id}}}-{{{i}}}","customerId":"{{{id}}}","type":"{{{(i == 0 ? id : "page_viewed")}}}"}"""));
        (await Api.SendAsync("POST", "events", rows, "application/x-ndjson")).Expect(200);
        (await Api.PutAsync($"segments/{id}", $$"""
            {"name":"{{id}}","status":"active","rule":{"combinator":"and","rules":[
              {"field":"customer.id","operator":"=","value":"{{id}}"}]} }
            """)).Expect(201);
        (await Api.PutAsync($"segments/{id}-manual", $$"""{"name":"{{id}}","status":"active","kind":"manual"}""")).Expect(201);
        (await Api.PutAsync($"segments/{id}-manual/members/{id}", "{}")).Expect(200, 201, 204);
        var import = (await Api.SendAsync(
            "POST", "customers/import", $"id,demographic.birthDate\n{id},31.12.1990\n", "text/csv",
            ("Prefer", "respond-async"))).Expect(202);
        await Wait.UntilAsync(
            async () => (await Api.GetAsync(import.Message.Headers.Location!.OriginalString))["state"].GetString() == "completed",
            "the import has ended");
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static string? Text(JsonElement row, string name) => row.GetProperty(name).GetString();

    private static IModel Model()
    {
        using var db = new DesignTimeDbFactory().CreateDbContext([]);
        return db.Model;
    }

    private static IEnumerable<string> Columns(ITypeBase type) =>
        type.GetProperties().Select(p => p.GetColumnName()).Concat(type.GetComplexProperties().SelectMany(p => Columns(p.ComplexType)));

    // Their names without dots; a part's are prefixed with its own.
    private static IEnumerable<string> Properties(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .SelectMany(p => p.PropertyType.Name.EndsWith("Resource", StringComparison.Ordinal)
            ? Properties(p.PropertyType).Select(name => p.Name + name)
            : [p.Name]);
}
