using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Models.Propensities;

namespace Segmentation.Api.Tests.Discovery;

/// <summary>Customers of whom those on plan "Pro" who came by a friend order more often than others, which no segment says.</summary>
public sealed class OpportunityWorld : IAsyncLifetime
{
    public const int Customers = 2400;

    private readonly ApiFixture fixture = new();

    public Api Api => fixture.Api;

    public DateTimeOffset Now { get; } = DateTimeOffset.UtcNow;

    /// <summary>What each ordered in the last 30 days, refunds taken off; only those who ordered.</summary>
    public Dictionary<string, decimal> Revenue { get; } = [];

    public async Task InitializeAsync()
    {
        await fixture.InitializeAsync();
        foreach (var (name, type) in new[]
        {
            ("plan", "text"), ("friend", "boolean"), ("score", "decimal"), ("visits", "integer"), ("contract", "date"), ("tags", "set"),
            ("left", "boolean"),
        })
        {
            (await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""")).Expect(201);
        }

        var random = new Random(5);
        List<JsonObject> customers = [], events = [];
        for (var i = 0; i < Customers; i++)
        {
            var (id, plan, friend) = (Id(i), random.Next(3), random.Next(2) == 0);
            customers.Add(new JsonObject
            {
                ["id"] = id,
                ["geographic"] = new JsonObject { ["country"] = i < 4 ? "LU" : random.Next(3) == 0 ? "FR" : "DE" },
                ["psychographic"] = new JsonObject
                {
                    ["interests"] = random.Next(2) == 0 ? new JsonArray("Sport", "sport") : new JsonArray(),
                },
                ["consents"] = new JsonObject { ["newsletter"] = new JsonObject { ["granted"] = random.Next(2) == 0 } },
                ["attributes"] = new JsonObject
                {
                    ["plan"] = plan switch { 0 => random.Next(9) == 0 ? "PRO" : "Pro", 1 => "Basic", _ => null },
                    ["friend"] = friend,
                    ["score"] = random.Next(5) == 0 ? null : Math.Round((decimal)random.NextDouble() * 100, 3),
                    ["visits"] = random.Next(4),
                    ["contract"] = DateOnly.FromDateTime(Now.UtcDateTime).AddDays(-random.Next(500)).ToString("O", null),
                    ["tags"] = random.Next(3) == 0 ? new JsonArray("X", "Y") : new JsonArray("x"),
                    ["left"] = random.Next(4) == 0,
                },
                ["signedUpAt"] = Now.AddDays(-40 - random.Next(700)).ToString("O", null),
            });
            for (var e = random.Next(4); e > 0; e--)
            {
                var type = random.Next(3) == 0 ? "order_completed" : "Page.Viewed";
                Add(id, type, Now.AddMinutes(-60 - random.Next(150_000)), random.Next(90));
            }

            if (random.NextDouble() < (plan == 0 && friend ? 0.5 : 0.05))
            {
                Add(id, "order_completed", Now.AddDays(-1 - (28 * random.NextDouble())), 20 + random.Next(60));
                Add(id, "page.viewed", Now.AddDays(-1), null);
            }
        }

        (await Api.SendAsync("POST", "customers/import", Lines(customers), "application/x-ndjson")).Expect(200);
        (await Api.SendAsync("POST", "events", Lines(events), "application/x-ndjson")).Expect(200);
        await SegmentAsync("pro", """{"field":"attributes.plan","operator":"=","value":"pro"}""");
        await SegmentAsync(
            "pro-by-friend",
            """
            {"field":"attributes.plan","operator":"=","value":"pro"},{"field":"attributes.friend","operator":"=","value":true},
            {"field":"attributes.score","operator":"notNull"}
            """);
        await SegmentAsync("german", """{"field":"geographic.country","operator":"=","value":"DE"}""");
        await SegmentAsync("gone", """{"field":"attributes.left","operator":"=","value":true}""");
        await Wait.UntilAsync(
            async () => (await Api.GetAsync("segments?limit=1000"))["items"].EnumerateArray()
                .All(s => s.GetProperty("state").GetProperty("status").GetString() == "ready"),
            "all segments are built");

        void Add(string id, string type, DateTimeOffset at, int? amount)
        {
            events.Add(new JsonObject
            {
                ["customerId"] = id,
                ["type"] = type,
                ["occurredAt"] = at.ToString("O", null),
                ["amount"] = amount,
            });
            if (type == "order_completed" && at > Now.AddDays(-30))
            {
                Revenue[id] = Revenue.GetValueOrDefault(id) + amount!.Value;
            }
        }
    }

    public Task DisposeAsync() => fixture.DisposeAsync();

    public static string Id(int i) => $"c{i.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Whether a customer is in the half that is searched.</summary>
    public static bool IsDiscovering(string id, int seed = 1) => CustomerHash.Share(seed, id) < 0.5;

    /// <summary>Searches to the end, and shows all that was taken.</summary>
    public async Task<Answer> SearchAsync(string request) =>
        (await Api.PostAsync("analyses?wait=60&show=all", $$"""{"type":"opportunities",{{request}}}""")).Expect(201);

    /// <summary>Whom a rule holds of.</summary>
    public async Task<HashSet<string>> ListAsync(JsonElement rule, DateTimeOffset? asOf = null)
    {
        var key = $"rule-{Guid.NewGuid():N}";
        (await Api.PutAsync($"segments/{key}", $$"""{"status":"draft","rule":{{rule.GetRawText()}}}""")).Expect(201);
        var at = asOf is null ? "" : $"&asOf={Uri.EscapeDataString(asOf.Value.ToString("O", null))}";
        var members = await Api.AllAsync($"segments/{key}/members?fields=id{at}", 1000);
        (await Api.DeleteAsync($"segments/{key}")).Expect(204);
        return [.. members.Select(m => m.GetProperty("id").GetString()!)];
    }

    private static string Lines(List<JsonObject> rows) => string.Join('\n', rows.Select(r => r.ToJsonString()));

    private async Task SegmentAsync(string key, string rule) =>
        (await Api.PutAsync($"segments/{key}", $$"""{"rule":{"combinator":"and","rules":[{{rule}}]} }""")).Expect(201);
}
