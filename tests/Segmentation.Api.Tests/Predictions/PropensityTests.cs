using System.Globalization;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;
using Segmentation.Models.Propensities;

namespace Segmentation.Api.Tests.Predictions;

/// <summary>Propensity over HTTP: customers of whom some are more eager than others, which their visits tell and their orders follow.
/// </summary>
public sealed partial class PropensityTests : IAsyncLifetime
{
    private const int Customers = 1600, Days = 75, Within = 14;
    private const string Goal = """{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}""";

    private const string Likely = """
        {"name":"Likely","rule":{"combinator":"and","rules":[{"field":"predicted.propensity.buy-again","operator":">=","value":0.3}]}}
        """;

    private static readonly DateTimeOffset now = DateTimeOffset.UtcNow;

    private readonly ApiFixture fixture = new();
    private readonly List<(int Customer, string Type, DateTimeOffset At)> events = [];

    private Api Api => fixture.Api;

    public Task InitializeAsync() => fixture.InitializeAsync();

    public Task DisposeAsync() => fixture.DisposeAsync();

    [Fact]
    public async Task Fit_IsTestedOutOfTime_AndOnlyWhatTellsSomethingIsInForce()
    {
        await LoadAsync();
        (await Api.PutAsync("models/buy-again", $$"""{"type":"propensity","name":"Buys again","goal":{{Goal}},"withinDays":{{Within}}}"""))
            .Expect(201);
        var made = (await Api.PostAsync("models/buy-again/fit?wait=60", "{}")).Expect(201);
        Assert.True(made["status"].ValueEquals("succeeded"), made.Body);
        var model = (await Api.GetAsync("models/buy-again")).Expect(200);
        Assert.Equal(("ready", 1), (model["status"].GetString(), model["version"].GetInt32()));
        var report = model["report"];
        var (tested, until) = (report.GetProperty("testedAt").GetDateTimeOffset(), report.GetProperty("until").GetDateTimeOffset());
        Assert.Equal(Within, (until - tested).TotalDays);
        Assert.Equal(tested.AddDays(-Within), report.GetProperty("learnedAt").GetDateTimeOffset());
        Assert.InRange(until, now.AddDays(-1.1), now.AddHours(1));

        // Who was known, and who ordered since, counted here.
        var known = events.Where(e => e.At <= tested).Select(e => e.Customer).ToHashSet();
        var ordered = events.Where(e => e.Type == "order_completed" && e.At > tested && e.At <= until && known.Contains(e.Customer))
            .Select(e => e.Customer).Distinct().Count();
        Assert.Equal((known.Count, ordered), (report.GetProperty("customers").GetInt32(), report.GetProperty("happened").GetInt32()));
        var calibration = report.GetProperty("calibration");
        Assert.True(calibration.GetProperty("brier").GetDouble() < calibration.GetProperty("baseBrier").GetDouble());
        Assert.InRange(calibration.GetProperty("auc").GetDouble(), 0.65, 0.9);
        var errors = calibration.GetProperty("bins").EnumerateArray().Select(b => b.GetProperty("customers").GetInt32()
            * Math.Abs(b.GetProperty("expected").GetDouble() - b.GetProperty("actual").GetDouble()));
        Assert.InRange(errors.Sum() / known.Count, 0, 0.1);
        Assert.InRange(report.GetProperty("bestFeature").GetProperty("auc").GetDouble(), 0.55, 0.9);

        // The model that is stored is the library's on the same rows, read anew.
        var (rows, parameters) = await ReadAsync(tested, until, model["parameters"]);
        Assert.Equal(
            JsonSerializer.Serialize(PropensityTraining.Fit(rows, 1), Json.Options),
            JsonSerializer.Serialize(parameters.Model, Json.Options));

        await CheckScoresAsync(rows, parameters, tested);

        // What nobody can tell is refused, and leaves what there was.
        var noise = Goal.Replace("order_completed", "noise", StringComparison.Ordinal);
        (await Api.PutAsync("models/buy-again", $$"""{"name":"Noise","goal":{{noise}},"withinDays":{{Within}}}""")).Expect(200);
        var failed = (await Api.PostAsync("models/buy-again/fit?wait=60", "{}")).Expect(201);
        Assert.Equal("failed", failed["status"].GetString());
        Assert.EndsWith("/no-skill", failed["problem"].GetProperty("type").GetString());
        var never = Goal.Replace("order_completed", "never", StringComparison.Ordinal);
        (await Api.PutAsync("models/buy-again", $$"""{"name":"Never","goal":{{never}}}""")).Expect(200);
        failed = (await Api.PostAsync("models/buy-again/fit?wait=60", "{}")).Expect(201);
        Assert.EndsWith("/too-few-data", failed["problem"].GetProperty("type").GetString());
        Assert.Equal(0, failed["problem"].GetProperty("found").GetProperty("customersWithTheGoal").GetInt32());
        model = (await Api.GetAsync("models/buy-again")).Expect(200);
        Assert.Equal(("ready", 1), (model["status"].GetString(), model["version"].GetInt32()));

        // A model that an active segment reads stays; without it there is no such field.
        Assert.Contains("likely", (await Api.SendAsync("DELETE", "models/buy-again", null)).Expect(409).Body);
        (await Api.SendAsync("DELETE", "segments/likely", null)).Expect(204);
        (await Api.SendAsync("DELETE", "models/buy-again", null)).Expect(204);
        (await Api.PutAsync("segments/likely", Likely)).Expect(400);
        (await Api.GetAsync("models/buy-again")).Expect(404);
    }

    [Fact]
    public async Task Features_AreWhatHadHappenedByThen()
    {
        (await Api.PutAsync("attributes/plan", """{"type":"text","kind":"value"}""")).Expect(201);
        (await Api.PutAsync("attributes/seats", """{"type":"integer","kind":"value"}""")).Expect(201);
        (await Api.PutAsync("attributes/country", """{"type":"text","kind":"value"}""")).Expect(201);
        (await Api.PutAsync("customers/x", """
            {"signedUpAt":"2020-01-11T09:00:00Z","demographic":{"birthDate":"1990-06-15","gender":"F"},"geographic":{"country":"DE"},
            "attributes":{"plan":"Pro","seats":3,"country":"Far"}}
            """)).Expect(201);
        (string Type, string At, string Amount)[] own =
        [
            ("order_completed", "2020-02-01T10:00:00Z", ",\"amount\":100"), ("order_completed", "2020-02-15T10:00:00Z", ",\"amount\":30"),
            ("order_completed", "2020-02-15T11:00:00Z", ",\"amount\":20"), ("order_completed", "2020-03-28T10:00:00Z", ",\"amount\":0"),
            ("visit", "2020-01-12T10:00:00Z", ""), ("visit", "2020-03-30T10:00:00Z", ""), ("visit", "2020-03-30T11:00:00Z", ""),
            ("rare", "2020-03-31T23:00:00Z", ""), ("visit", "2020-04-01T01:00:00Z", ""),
            ("visit", "2020-04-01T03:00:00.000001Z", ""), ("order_completed", "2020-04-05T10:00:00Z", ",\"amount\":1000"),
        ];
        (await Api.PostAsync("events", $"[{string.Join(',', own.Select((e, i) =>
            $$"""{"id":"x-{{i}}","customerId":"x","type":"{{e.Type}}","occurredAt":"{{e.At}}"{{e.Amount}}}"""))}]")).Expect(200);
        var at = new DateTimeOffset(2020, 4, 1, 3, 0, 0, TimeSpan.Zero);
        var moment = new PropensityMoment(at, at.AddDays(14), new DateOnly(2020, 4, 1));
        var features = new PropensityFeatures(
            ["order_completed", "visit"], new Dictionary<string, string[]>
            {
                ["country"] = ["de", "us"],
                ["region"] = [],
                ["gender"] = ["f"],
                ["language"] = [],
                ["attributes.plan"] = ["free", "pro"],
                ["attributes.country"] = ["far"],
            },
            ["plan", "seats", "country"]);
        var row = Assert.Single(await ListAsync(Settings(Goal), features, moment));
        Assert.True(row.Happened);
        var values = features.ListNames().Zip(row.Values).ToDictionary(v => v.First, v => v.Second);
        Assert.Equal(
            new Dictionary<string, float>
            {
                ["signup.days"] = 81,
                ["age"] = 29,
                ["active.days30"] = 4,
                ["active.days90"] = 7,
                ["orders.x"] = 2,
                ["orders.tx"] = 56,
                ["orders.T"] = 60,
                ["orders.m"] = 50,
                ["goal.count90"] = 4,
                ["goal.amount90"] = 150,
                ["events.order_completed.7d"] = 1,
                ["events.order_completed.30d"] = 1,
                ["events.order_completed.90d"] = 4,
                ["events.order_completed.days"] = 4,
                ["events.visit.7d"] = 3,
                ["events.visit.30d"] = 3,
                ["events.visit.90d"] = 4,
                ["events.visit.days"] = 0,
                ["country=de"] = 1,
                ["country=us"] = 0,
                ["gender=f"] = 1,
                ["attributes.plan=free"] = 0,
                ["attributes.plan=pro"] = 1,
                ["attributes.seats"] = 3,
                ["attributes.country=far"] = 1,
            },
            values);

        // Each is one feature.
        var twice = (await Api.PutAsync(
            "models/mine", $$"""{"type":"propensity","name":"A","goal":{{Goal}},"features":["attributes.plan","attributes.plan"]}"""));
        Assert.Equal(["/features/1"], twice.Expect(400).Faults);

        // An attribute may be called as a part of the profile is.
        var settings = Settings(Goal) with { Features = ["attributes.seats", "attributes.country"] };
        var chosen = await UseAsync((reader, _) => reader.ChooseAsync(settings, moment, CancellationToken.None));
        Assert.Equal(["de"], chosen.Texts["country"]);
        Assert.Equal(["far"], chosen.Texts["attributes.country"]);
        Assert.Equal(chosen.ListNames(), chosen.ListNames().Distinct());

        // Without a day in which it came, and before it was there.
        Assert.False(Assert.Single(await ListAsync(Settings(Goal), features, moment with { Until = at.AddDays(4) })).Happened);
        Assert.Empty(await ListAsync(Settings(Goal), features, moment with { At = at.AddYears(-1) }));
    }

    [Theory]
    [InlineData("""{"type":"propensity"}""", "/goal,/name")]
    [InlineData("""{"type":"propensity","name":"A","goal":{"combinator":"and","rules":[{"field":"typ","operator":"=","value":"a"}]}}""",
        "/goal/rules/0/field")]
    [InlineData("""{"type":"propensity","name":"","goal":GOAL,"withinDays":0,"refitDays":0}""", "/name,/refitDays,/withinDays")]
    [InlineData("""{"type":"propensity","name":"A","goal":GOAL,"population":"nobody","features":["attributes.none","age"]}""",
        "/features/0,/features/1,/population")]
    [InlineData("""{"type":"propensity","name":"A","goal":GOAL,"churnDays":3}""", "/churnDays")]
    [InlineData("""{"type":"propensities","name":"A","goal":GOAL}""", "/type")]
    public async Task WrongSettings_AreRefusedAtTheirPlace(string body, string faults)
    {
        var answer = (await Api.PutAsync("models/mine", body.Replace("GOAL", Goal, StringComparison.Ordinal))).Expect(400);
        Assert.Equal(faults, string.Join(',', answer.Faults.Order(StringComparer.Ordinal)));
    }

    // A customer's score is the formula on what is read of it, as are the reasons, and rules read it.
    private async Task CheckScoresAsync(FeatureRows rows, PropensityParameters parameters, DateTimeOffset tested)
    {
        (await Api.PutAsync("segments/likely", Likely)).Expect(201);
        await Wait.UntilAsync(
            async () => (await Api.GetAsync("customers/c-0")).Body.Contains("propensity", StringComparison.Ordinal), "all are scored");
        Assert.True(rows.Rows.Count > 0 && tested < now);
        var moment = new PropensityMoment(now, now, DateOnly.FromDateTime(now.UtcDateTime));
        var scorer = parameters.Model.Bind(rows.Features);
        var current = await ListAsync(Settings(Goal), parameters.Features, moment);
        var expected = current.Select(r => Math.Round((decimal)scorer.Tell(r.Values), 6, MidpointRounding.AwayFromZero)).ToList();
        var stored = new List<decimal>();
        await using (var server = new ApiFixture.Server(fixture.ConnectionString))
        await using (var scope = server.Services.CreateAsyncScope())
        {
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
            stored = await db.Database.SqlQueryRaw<decimal>(
                "SELECT (propensities ->> 'buy-again')::numeric AS \"Value\" FROM customer_scores ORDER BY customer_key").ToListAsync();
        }

        Assert.Equal(expected, stored);
        await Wait.UntilAsync(
            async () => (await Api.GetAsync("segments/likely/count")).Expect(200)["count"].GetInt32() == expected.Count(p => p >= 0.3m),
            "membership follows");
        Assert.InRange(expected.Count(p => p >= 0.3m), 20, Customers - 20);
        var predicted = (await Api.GetAsync("customers/c-0/predictions")).Expect(200)["items"].EnumerateArray()
            .Single(i => i.GetProperty("field").ValueEquals("predicted.propensity.buy-again"));
        var customer = (await Api.GetAsync("customers/c-0")).Expect(200)["predicted"].GetProperty("propensity");
        Assert.Equal(customer.GetProperty("buy-again").GetDecimal(), predicted.GetProperty("value").GetDecimal());
        var reasons = predicted.GetProperty("reasons").EnumerateArray().ToList();
        Assert.Equal(5, reasons.Count);
        Assert.All(reasons, r => Assert.Contains("the odds by", r.GetProperty("text").GetString(), StringComparison.Ordinal));
    }

    private static ModelSettings Settings(string goal) => new() { Goal = JsonElement.Parse(goal), WithinDays = Within };

    private async Task<(FeatureRows Rows, PropensityParameters Parameters)> ReadAsync(
        DateTimeOffset tested, DateTimeOffset until, JsonElement stored)
    {
        var parameters = stored.Deserialize<PropensityParameters>(Json.Options)!;
        var rows = new FeatureRows(parameters.Features.ListNames());
        var moment = new PropensityMoment(tested, until, DateOnly.FromDateTime(tested.UtcDateTime));
        foreach (var row in await ListAsync(Settings(Goal), parameters.Features, moment))
        {
            rows.Add(row);
        }

        return (rows, parameters);
    }

    private Task<List<FeatureRow>> ListAsync(ModelSettings settings, PropensityFeatures features, PropensityMoment moment) => UseAsync(
        async (reader, connection) =>
            await reader.ReadAsync(connection, null, settings, features, moment, CancellationToken.None).ToListAsync());

    private async Task<T> UseAsync<T>(Func<PropensityReader, NpgsqlConnection, Task<T>> use)
    {
        await using var server = new ApiFixture.Server(fixture.ConnectionString);
        await using var scope = server.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        await using var transaction = await db.Database.BeginTransactionAsync();
        return await use(scope.ServiceProvider.GetRequiredService<PropensityReader>(), (NpgsqlConnection)db.Database.GetDbConnection());
    }

    private async Task LoadAsync()
    {
        var random = new Random(11);
        for (var i = 0; i < Customers; i++)
        {
            var eager = random.NextDouble();
            for (var day = Days; day > 0; day--)
            {
                var at = now.AddDays(-day).AddMinutes(random.Next(1200));
                if (random.NextDouble() < 0.3 * eager)
                {
                    events.Add((i, "visit", at));
                }

                if (random.NextDouble() < 0.001 + (0.05 * eager * eager))
                {
                    events.Add((i, "order_completed", at.AddMinutes(1)));
                }

                if (random.Next(40) == 0)
                {
                    events.Add((i, "noise", at.AddMinutes(2)));
                }
            }
        }

        foreach (var part in events.Index().Chunk(5000))
        {
            var lines = part.Select(e => string.Create(
                CultureInfo.InvariantCulture,
            $$"""{"id":"e{{e.Index}}","customerId":"c-{{e.Item.Customer}}","type":"{{e.Item.Type}}","occurredAt":"{{e.Item.At:O}}"}"""));
            (await Api.PostAsync("events?createCustomers=true", $"[{string.Join(',', lines)}]")).Expect(200);
        }
    }
}
