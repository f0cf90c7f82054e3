using System.Globalization;
using System.Text.Json.Nodes;

namespace Segmentation.Api.Tests.Insight;

/// <summary>Six hundred customers with traits of every kind, two hundred of whom are in the segment "alpha".</summary>
public sealed class ProfileWorld : IAsyncLifetime
{
    public const int Customers = 600;

    private readonly ApiFixture fixture = new();

    public Api Api => fixture.Api;

    public string ConnectionString => fixture.ConnectionString;

    public async Task InitializeAsync()
    {
        await fixture.InitializeAsync();
        foreach (var (name, type) in new[]
        {
            ("team", "text"), ("beta", "boolean"), ("score", "decimal"), ("visits", "integer"), ("contract", "date"),
            ("calledAt", "instant"), ("tags", "set"), ("same", "text"),
        })
        {
            (await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""")).Expect(201);
        }

        var (random, now) = (new Random(7), DateTimeOffset.UtcNow);
        List<JsonObject> customers = [], events = [];
        for (var i = 0; i < Customers; i++)
        {
            var isMember = i % 3 == 0;
            var birth = random.Next(10) == 0 ? null : new DateOnly(1950 + random.Next(50), 1 + random.Next(12), 3).ToString("O", null);
            customers.Add(new JsonObject
            {
                ["id"] = $"c{i.ToString(CultureInfo.InvariantCulture)}",
                ["demographic"] = new JsonObject
                {
                    ["birthDate"] = birth,
                    ["gender"] = random.Next(4) == 0 ? "female" : "Female",
                    ["income"] = random.Next(5) == 0 ? null : random.Next(20_000, 90_000) + 0.25m,
                },
                ["geographic"] = new JsonObject
                {
                    ["country"] = i < 3 ? "LU" : random.Next(10) < (isMember ? 7 : 3) ? "DE" : "FR",
                    ["timeZone"] = random.Next(2) == 0 ? null : "America/New_York",
                },
                ["psychographic"] = new JsonObject
                {
                    ["interests"] = random.Next(10) < (isMember ? 6 : 2) ? new JsonArray("Sport", "sport", "Food") : new JsonArray(),
                },
                ["consents"] = new JsonObject { ["newsletter"] = new JsonObject { ["granted"] = random.Next(2) == 0 } },
                ["attributes"] = new JsonObject
                {
                    ["team"] = isMember ? (i % 30 == 0 ? "ALPHA" : "Alpha") : "other",
                    ["beta"] = random.Next(10) < (isMember ? 5 : 1),
                    ["score"] = Math.Round((decimal)(random.NextDouble() * 100) + (isMember ? 20 : 0), 3),
                    ["visits"] = random.Next(12),
                    ["contract"] = DateOnly.FromDateTime(now.UtcDateTime).AddDays(-random.Next(500)).ToString("O", null),
                    ["calledAt"] = now.AddMinutes(-random.Next(400_000)).ToString("O", null),
                    ["tags"] = random.Next(3) == 0 ? new JsonArray("X", "Y") : new JsonArray("x"),
                    ["same"] = "one",
                },
                ["signedUpAt"] = now.AddDays(-1 - random.Next(700)).ToString("O", null),
            });
            for (var e = random.Next(isMember ? 12 : 6); e > 0; e--)
            {
                var isOrder = random.Next(2) == 0;
                events.Add(new JsonObject
                {
                    ["customerId"] = $"c{i.ToString(CultureInfo.InvariantCulture)}",
                    ["type"] = isOrder ? "order_completed" : "Page.Viewed",
                    ["occurredAt"] = now.AddMinutes(-60 - random.Next(200_000)).ToString("O", null),
                    ["amount"] = isOrder ? random.Next(100) : null,
                    ["channel"] = random.Next(3) == 0 ? "Store" : "web",
                    ["properties"] = new JsonObject
                    {
                        ["category"] = random.Next(4) switch { 0 => "Shoes", 1 => "shoes", 2 => "bags", _ => "hats" },
                        ["items"] = random.Next(3),
                        ["gift"] = random.Next(5) == 0,
                    },
                });
            }
        }

        (await Api.SendAsync("POST", "customers/import", Lines(customers), "application/x-ndjson")).Expect(200);
        (await Api.SendAsync("POST", "events", Lines(events), "application/x-ndjson")).Expect(200);
        await SegmentAsync("alpha", """{"field":"attributes.team","operator":"=","value":"alpha"}""");
        await SegmentAsync("alpha-again", """{"field":"segment","operator":"in","value":["alpha"]}""");
        await SegmentAsync("german", """{"field":"geographic.country","operator":"=","value":"DE"}""");
        await SegmentAsync("young", """{"field":"demographic.age","operator":"<","value":45}""");
        await SegmentAsync("tiny", """{"field":"geographic.country","operator":"=","value":"LU"}""");
        await SegmentAsync(
            "buyers",
            """
            {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":2},"value":{"combinator":"and","rules":[
                {"field":"type","operator":"=","value":"order_completed"}]}}
            """);
        (await Api.PutAsync("segments/by-hand", """{"kind":"manual"}""")).Expect(201);
        await Wait.UntilAsync(
            async () => (await Api.GetAsync("segments?limit=1000"))["items"].EnumerateArray()
                .Where(s => s.GetProperty("kind").GetString() == "rule")
                .All(s => s.GetProperty("state").GetProperty("status").GetString() == "ready"),
            "all segments are built");
    }

    public Task DisposeAsync() => fixture.DisposeAsync();

    /// <summary>Runs a profile to its end.</summary>
    public async Task<Answer> ProfileAsync(string request) =>
        (await Api.PostAsync("analyses?wait=60&show=all", $$"""{"type":"profile",{{request}}}""")).Expect(201);

    private static string Lines(List<JsonObject> rows) => string.Join('\n', rows.Select(r => r.ToJsonString()));

    private async Task SegmentAsync(string key, string rule) =>
        (await Api.PutAsync($"segments/{key}", $$"""{"rule":{"combinator":"and","rules":[{{rule}}]} }""")).Expect(201);
}
