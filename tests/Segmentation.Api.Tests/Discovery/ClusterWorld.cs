using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Segmentation.Api.Tests.Discovery;

/// <summary>
/// Nine hundred customers in three groups (half, three tenths, a fifth), which numbers, dates, gaps, a text, a boolean and a set show; and
/// fields that tell nothing.
/// </summary>
public sealed class ClusterWorld : IAsyncLifetime
{
    public const int Customers = 900;

    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private static readonly string[] Plans = ["Basic", "Plus", "Premium"];

    private readonly ApiFixture fixture = new();

    public Api Api => fixture.Api;

    public Task InitializeAsync() => LoadAsync(isReversed: false);

    /// <summary>Loads the customers; the order in which they come does not tell who they are.</summary>
    public async Task LoadAsync(bool isReversed)
    {
        await fixture.InitializeAsync();
        foreach (var (name, type) in new[]
        {
            ("plan", "text"), ("beta", "boolean"), ("score", "decimal"), ("visits", "integer"), ("contract", "date"), ("spend", "decimal"),
            ("calledAt", "instant"), ("tags", "set"), ("noise", "decimal"), ("dice", "text"), ("same", "text"), ("many", "text"),
        })
        {
            (await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""")).Expect(201);
        }

        var random = new Random(21);
        var customers = Enumerable.Range(0, Customers).Select(i => Create(i, random)).ToList();
        customers = isReversed ? [.. customers.AsEnumerable().Reverse()] : customers;
        var lines = string.Join('\n', customers.Select(c => c.ToJsonString()));
        (await Api.SendAsync("POST", "customers/import", lines, "application/x-ndjson")).Expect(200);
        (await Api.PutAsync(
            "segments/half",
            """{"rule":{"combinator":"and","rules":[{"field":"attributes.dice","operator":"in","value":["d1","d2","d3"]}]}}"""))
            .Expect(201);
    }

    public Task DisposeAsync() => fixture.DisposeAsync();

    /// <summary>The group that a customer was drawn from.</summary>
    public static int Group(int i) => (i % 10) switch { < 5 => 0, < 8 => 1, _ => 2 };

    /// <summary>Runs the analysis to its end.</summary>
    public async Task<Answer> RunAsync(string request) =>
        (await Api.PostAsync("analyses?wait=60", $$"""{"type":"clusters"{{request}}}""")).Expect(201);

    /// <summary>How many satisfy all of some rules.</summary>
    public async Task<long> CountAsync(params JsonElement[] rules)
    {
        var body = new JsonObject
        {
            ["rule"] = new JsonObject
            {
                ["combinator"] = "and",
                ["rules"] = new JsonArray([.. rules.Select(r => JsonNode.Parse(r.GetRawText()))]),
            },
            ["sampleSize"] = 0,
        };
        return (await Api.PostAsync("segments/preview", body.ToJsonString())).Expect(200)["count"].GetInt64();
    }

    private static JsonObject Create(int i, Random random)
    {
        var group = Group(i);
        double Bell() => random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5;
        bool Chance(double share) => random.NextDouble() < share;
        return new JsonObject
        {
            ["id"] = $"c{i.ToString(CultureInfo.InvariantCulture)}",
            ["attributes"] = new JsonObject
            {
                ["plan"] = Chance(0.1) ? null : Chance(0.85) ? (i % 7 == 0 ? Plans[group].ToUpperInvariant() : Plans[group])
                    : Plans[random.Next(3)],
                ["beta"] = Chance(group == 1 ? 0.8 : 0.1) ? true : Chance(0.5) ? false : null,
                ["score"] = Math.Round((decimal)((group * 2) + Bell()), 3),
                ["visits"] = (group == 2 ? 20 : 5) + random.Next(10),
                ["contract"] = DateOnly.FromDateTime(Now.UtcDateTime).AddDays(-(group == 0 ? 400 : 50) - random.Next(100))
                    .ToString("O", null),
                ["spend"] = Chance(group == 2 ? 0.9 : 0.05) ? null : Math.Round((decimal)Math.Exp(2 * Bell()), 2),
                ["calledAt"] = Now.AddMinutes(-((group == 1 ? 100_000 : 0) + random.Next(50_000))).ToString("O", null),
                ["tags"] = new JsonArray(Chance(0.8) ? $"Tag{group}" : "x", Chance(0.5) ? "y" : "z"),
                ["noise"] = Math.Round((decimal)Bell(), 3),
                ["dice"] = $"d{(1 + random.Next(6)).ToString(CultureInfo.InvariantCulture)}",
                ["same"] = "one",
                ["many"] = $"m{i.ToString(CultureInfo.InvariantCulture)}",
            },
        };
    }
}
