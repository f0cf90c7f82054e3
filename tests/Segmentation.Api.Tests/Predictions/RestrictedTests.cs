using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Predictions;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Predictions;

/// <summary>The data of a restricted customer is kept and not used.</summary>
public sealed class RestrictedTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const int Customers = 12;

    private readonly DateTimeOffset now = DateTimeOffset.UtcNow;

    private Api Api => fixture.Api;

    [Fact]
    public async Task Restricted_IsLearnedOf_ScoredAndComparedWith_ByNothing_UntilItEnds()
    {
        await LoadAsync();
        var scorer = fixture.Host.Services.GetRequiredService<Scorer>();
        await UntilSilenceAsync(isThere: true, () => scorer.ScoreWaitingAsync(default));
        var all = await FindCountsAsync();
        Assert.Equal(
            [Customers, Customers, Customers, Customers, Customers, Customers, Customers],
            all.Select(c => c.Count));

        (await Api.PutAsync("customers/c3/restriction", """{"reason":"objects"}""")).Expect(200);
        Assert.Equal(all.Select(c => c with { Count = Customers - 1 }), await FindCountsAsync());
        await UntilSilenceAsync(isThere: false, () => scorer.ScoreEveryoneAsync(default));
        Assert.NotNull(await ReadSilenceAsync("c4"));

        // What comes meanwhile is kept, too.
        (await Api.PostAsync("events", """{"customerId":"c3","type":"page_viewed"}""")).Expect(200);
        await scorer.ScoreWaitingAsync(default);
        Assert.Null(await ReadSilenceAsync("c3"));

        (await Api.DeleteAsync("customers/c3/restriction")).Expect(204);
        await UntilSilenceAsync(isThere: true, () => scorer.ScoreWaitingAsync(default));
        Assert.Equal(all, await FindCountsAsync());
    }

    // Of how many customers each that is fitted and compared says that they are too few.
    private async Task<List<(string What, decimal Count)>> FindCountsAsync()
    {
        var value = await FindAsync("models/lifetimeValue/fit?wait=60", "{}");
        var propensity = await FindAsync("models/buys/fit?wait=60", "{}");
        var feedback = await FindAsync("models/feedback/fit?wait=60", "{}");
        var profile = await FindAsync("analyses?wait=60", """{"type":"profile","segment":"some"}""");
        var clusters = await FindAsync("analyses?wait=60", """{"type":"clusters"}""");
        var opportunities = await FindAsync("analyses?wait=60", """{"type":"opportunities","target":{"metric":"revenue"}}""");
        return
        [
            ("orders", value["customersWithAnOrder"]),
            ("repeated orders", value["customersWithARepeatedOrder"]),
            ("propensity", propensity["customersWithTheGoal"] + propensity["customersWithoutTheGoal"]),
            ("texts", feedback["ratedTexts"]),
            ("profile", profile["members"] + profile["others"]),
            ("clusters", clusters["customers"]),
            ("opportunities", opportunities["customers"]),
        ];
    }

    private async Task<Dictionary<string, decimal>> FindAsync(string path, string request)
    {
        var made = (await Api.PostAsync(path, request)).Expect(201);
        Assert.True(made["status"].ValueEquals("failed"), made.Body);
        return made["problem"].GetProperty("found").Deserialize<Dictionary<string, decimal>>()!;
    }

    private Task UntilSilenceAsync(bool isThere, Func<Task> score) => Wait.UntilAsync(
        async () =>
        {
            // Whoever leads scores as well: one of the two has its turn.
            await score();
            return await ReadSilenceAsync("c3") is not null == isThere;
        },
        $"c3 is {(isThere ? "" : "not ")}scored");

    private async Task<decimal?> ReadSilenceAsync(string id)
    {
        var behavioral = (await Api.GetAsync($"customers/{id}")).Expect(200)["behavioral"];
        return behavioral.TryGetProperty("silence", out var silence) ? silence.GetDecimal() : null;
    }

    private async Task LoadAsync()
    {
        JsonArray events = [];
        for (var i = 0; i < Customers; i++)
        {
            (await Api.PutAsync($"customers/c{i}", """{"signedUpAt":"2020-01-01T00:00:00Z"}""")).Expect(201);
            for (var n = 1; n <= 6; n++)
            {
                Add(i, $"o{n}", "order_completed", now.AddDays(-30 * n), amount: 10 + i);
            }

            Add(i, "said", "feedback", now.AddDays(-3), text: "It works well, thank you");
        }

        (await Api.PostAsync("events", events.ToJsonString())).Expect(200);
        (await Api.PutAsync("segments/some", Body(All(Is("value.lifetimeValue", ">=", "90"))))).Expect(201);
        (await Api.PutAsync("models/buys", """
            {"type":"propensity","name":"Buys","withinDays":14,
            "goal":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}}
            """)).Expect(201);

        void Add(int customer, string id, string type, DateTimeOffset at, int? amount = null, string? text = null) =>
            events.Add(new JsonObject
            {
                ["customerId"] = $"c{customer}",
                ["id"] = $"{customer}-{id}",
                ["type"] = type,
                ["occurredAt"] = at.ToString("O", CultureInfo.InvariantCulture),
                ["amount"] = amount,
                ["properties"] = text is null ? null : new JsonObject { ["text"] = text, ["nps"] = 10 },
            });
    }
}
