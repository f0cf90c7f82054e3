using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Segmentation.Api.Memberships;
using Segmentation.Api.Tests.Memberships;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Insight;

/// <summary>Of segments that lived through the period, the stays that are stored say what the rule says.</summary>
public sealed class KeptAndRuleTests : IAsyncLifetime
{
    private static readonly (string Key, string Zone, string Rule)[] Rules =
    [
        ("lapsed", "UTC", RuleJson.Is("value.daysSinceLastOrder", ">", "5")),
        ("buyers", "Europe/Berlin", RuleJson.Is("value.orderCount", ">=", "3")),
        ("valued", "America/New_York", RuleJson.Is("value.lifetimeValue", ">", "150")),
        ("rfm-valued", "UTC", RuleJson.Is("value.rfmMonetary", ">=", "4")),
        ("rfm-good", "Europe/Berlin", RuleJson.Is("value.rfmGroup", "in", "[\"champions\",\"loyal\",\"promising\",\"newCustomers\"]")),
        ("lapsed-buyers", "UTC", RuleJson.In("lapsed") + "," + RuleJson.In("buyers")),
    ];

    private readonly TestDatabase databases = new();
    private readonly FakeTimeProvider clock = new(MembershipWorld.Start);
    private string connectionString = "";

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connectionString = await databases.CreateDatabaseAsync();
    }

    public Task DisposeAsync() => databases.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task KeptMembership_IsTheRules(int seed)
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var api = new Api(host.CreateClient());
        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(
            host.Services, clock, NullLogger.Instance, 1L, DateTimeOffset.UnixEpoch);
        foreach (var (key, zone, rule) in Rules)
        {
            (await api.PutAsync($"segments/{key}", RuleJson.Body(RuleJson.All(rule), $"\"timeZone\":\"{zone}\""))).Expect(201);
        }

        for (var i = 0; i < 12; i++)
        {
            (await api.PutAsync($"customers/c{i}", "{}")).Expect(201);
        }

        await MaintainerHost.SettleAsync(maintainer);

        // Events as they happen: each is evaluated at its instant. The clock moves on to where something may change, and a bit further.
        var random = new Random(seed);
        var start = clock.GetUtcNow();
        for (var step = 0; step < 60; step++)
        {
            for (var i = random.Next(3); i > 0; i--)
            {
                (await api.PostAsync($"customers/c{random.Next(12)}/events", JsonSerializer.Serialize(new
                {
                    id = $"e{step}-{i}",
                    type = random.Next(6) == 0 ? "order_refunded" : "order_completed",
                    occurredAt = clock.GetUtcNow(),
                    amount = random.Next(1, 9_000) / 100m,
                }))).Expect(200);
            }

            if (step % 8 == 5)
            {
                await MembershipWorld.FixRfmAsync(host.Services, clock);
            }

            await MaintainerHost.SettleAsync(maintainer);
            for (var minutes = random.Next(600); minutes > 0; minutes -= 30)
            {
                clock.Advance(TimeSpan.FromMinutes(30));
                await MaintainerHost.SettleAsync(maintainer);
            }
        }

        clock.Advance(TimeSpan.FromSeconds(5));
        await MaintainerHost.SettleAsync(maintainer);
        var compared = 0;
        foreach (var (key, _, _) in Rules)
        {
            // Buckets at odd minutes: the clock's changes are stored at the next look of the maintainer.
            var from = start.AddDays(6).AddMinutes(17);
            var to = clock.GetUtcNow();
            string[] reads =
            [
                $"segments/{key}/performance?interval=day&from={Text(from)}&to={Text(to)}",
                $"segments/{key}/performance?interval=day&from={Text(from)}&to={Text(to)}&compare=buyers&metric=orders",
                $"segments/{key}/performance?interval=day&from={Text(from)}&to={Text(to)}&population=now",
                $"segments/{key}/retention?cohort=week",
                $"segments/{key}/retention?cohort=week&asOf={Text(from)}",
            ];
            foreach (var read in reads)
            {
                var kept = (await api.GetAsync($"{read}&membership=kept")).Expect(200)["items"];
                var rule = (await api.GetAsync($"{read}&membership=rule")).Expect(200)["items"];
                Assert.True(JsonElement.DeepEquals(kept, rule), $"{read}\n{kept}\n{rule}");
                compared += kept.EnumerateArray().Sum(i =>
                    i.TryGetProperty("segment", out var s) ? s.GetProperty("members").GetInt32() : 0);
            }
        }

        foreach (var days in new[] { 5, 12 })
        {
            var kept = Portfolio((await api.GetAsync($"portfolio?days={days}&atRisk=lapsed&membership=kept")).Expect(200)["items"]);
            var rule = Portfolio((await api.GetAsync($"portfolio?days={days}&atRisk=lapsed&membership=rule")).Expect(200)["items"]);
            Assert.Equal(kept, rule);
        }

        Assert.True(compared > 60, $"Only {compared} memberships were compared.");
        await maintainer.StopAsync();

        // Who joins and leaves again within the days is in the stays alone.
        static string[] Portfolio(JsonElement items) => [.. items.EnumerateArray().Select(i =>
            $"{i.GetProperty("key")} {i.GetProperty("members")} {i.GetProperty("growth").GetProperty("net")} {i.GetProperty("value")} "
            + i.GetProperty("atRisk"))];
    }

    private static string Text(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
