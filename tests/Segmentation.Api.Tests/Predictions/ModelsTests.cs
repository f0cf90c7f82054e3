using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Predictions;
using Segmentation.Models.Purchases;

namespace Segmentation.Api.Tests.Predictions;

/// <summary>Models over HTTP: fitted to customers that are drawn from the model itself, and held against the library on the same days.
/// </summary>
public sealed partial class ModelsTests : IAsyncLifetime
{
    private const string Key = "lifetimeValue";
    private const int Customers = 900;

    private static readonly DateOnly Today = DateOnly.FromDateTime(DateTime.UtcNow);

    private readonly ApiFixture fixture = new();

    // By customer, days with an order, some with two, and the amounts of each day.
    private readonly List<SortedDictionary<DateOnly, decimal>> orders = [];

    private Api Api => fixture.Api;

    public async Task InitializeAsync()
    {
        await fixture.InitializeAsync();
        var random = new Random(7);
        var model = new FrequencyModel(FrequencyKind.MbgNbd, 0.9, 60, 0.6, 2.2);
        List<string> events = [];
        for (var i = 0; i < Customers; i++)
        {
            var (age, id) = (random.Next(60, 540), $"buyer-{i:000}");
            var (rate, stop) = (
                MathNet.Numerics.Distributions.Gamma.Sample(random, model.R, model.Alpha),
                MathNet.Numerics.Distributions.Beta.Sample(random, model.A, model.B));
            var mean = MathNet.Numerics.Distributions.Gamma.Sample(random, 3.7, 15.4);
            var days = new SortedDictionary<DateOnly, decimal>();
            for (double at = 0; at <= age; at += -Math.Log(1 - random.NextDouble()) / rate)
            {
                var day = Today.AddDays((int)at - age);
                for (var n = random.Next(10) == 0 ? 2 : 1; n > 0; n--)
                {
                    var amount = Math.Round((decimal)MathNet.Numerics.Distributions.Gamma.Sample(random, 6.2, mean), 2);
                    days[day] = days.GetValueOrDefault(day) + amount;
                    events.Add(Event(id, events.Count, "order_completed", day, amount));
                }

                if (random.NextDouble() < stop)
                {
                    break;
                }
            }

            orders.Add(days);
        }

        events.Add(Event("buyer-000", events.Count, "order_refunded", Today.AddDays(-3), 1000));
        foreach (var part in events.Chunk(1000))
        {
            (await Api.PostAsync("events?createCustomers=true", $"[{string.Join(',', part)}]")).Expect(200);
        }
    }

    public Task DisposeAsync() => fixture.DisposeAsync();

    [Fact]
    public async Task Fit_IsTheLibrarysOnTheSameDays_AndIsInForce()
    {
        var before = (await Api.GetAsync("models")).Expect(200)["items"].EnumerateArray()
            .Single(m => m.GetProperty("key").ValueEquals(Key));
        Assert.Equal("none", before.GetProperty("status").GetString());
        Assert.Equal(JsonValueKind.Null, before.GetProperty("version").ValueKind);

        var made = await FitAsync("{}");
        var model = (await Api.GetAsync($"models/{Key}")).Expect(200);
        Assert.Equal(("ready", 1), (model["status"].GetString(), model["version"].GetInt32()));
        Assert.Equal(JsonValueKind.Null, model["pinnedTo"].ValueKind);
        Assert.True(JsonElement.DeepEquals(made.GetProperty("report"), model["report"]));

        var histories = orders.Select(o => Describe(o, Today)).ToList();
        var fitted = new FrequencySample(histories.GroupBy(h => h).Select(g => KeyValuePair.Create(g.Key, (long)g.Count())))
            .Fit(FrequencyKind.MbgNbd)!.Model;
        foreach (var (name, value) in new[] { ("r", fitted.R), ("alpha", fitted.Alpha), ("a", fitted.A), ("b", fitted.B) })
        {
            Assert.Equal(value, model["parameters"].GetProperty(name).GetDouble(), 1e-9 * value);
        }

        var spends = orders.Select(o => o.Values.Skip(1).ToList()).Where(a => a.Count > 0)
            .Select(a => ((double)a.Count, (double)a.Average())).ToList();
        var spend = new SpendSample(spends).Fit()!.Model;
        Assert.Equal(spend.P, model["parameters"].GetProperty("p").GetDouble(), 1e-6);
        var (data, gross) = (model["data"], orders.Sum(o => o.Values.Sum()));
        Assert.Equal(Customers, data.GetProperty("customers").GetInt32());
        Assert.Equal(orders.Sum(o => o.Count), data.GetProperty("orders").GetInt32());
        Assert.Equal((double)(1 - (1000 / gross)), data.GetProperty("netFactor").GetDouble(), 1e-9);

        // What came after the cut is counted here anew.
        var report = model["report"];
        var (holdout, cut) = (report.GetProperty("holdoutDays").GetInt32(), Date(report.GetProperty("from")));
        Assert.Equal((90, Today.AddDays(-90)), (holdout, cut));
        var known = orders.Where(o => o.Keys.First() <= cut).ToList();
        Assert.Equal(known.Count, report.GetProperty("customers").GetInt32());
        Assert.Equal(known.Sum(o => o.Keys.Count(d => d > cut)), report.GetProperty("orders").GetProperty("actual").GetInt32());
        Assert.InRange(report.GetProperty("orders").GetProperty("ratio").GetDouble(), 0.7, 1.4);
        Assert.Equal(
            (double)known.Sum(o => o.Where(d => d.Key > cut).Sum(d => d.Value)),
            report.GetProperty("revenue").GetProperty("actual").GetDouble(), 1e-6);
        var calibration = report.GetProperty("calibration");
        Assert.True(calibration.GetProperty("brier").GetDouble() < calibration.GetProperty("baseBrier").GetDouble());
        var last = report.GetProperty("cumulative").EnumerateArray().Last();
        Assert.Equal(90, last.GetProperty("day").GetInt32());
        Assert.Equal(report.GetProperty("orders").GetProperty("actual").GetInt64(), last.GetProperty("actual").GetInt64());
        Assert.Equal(
            report.GetProperty("orders").GetProperty("expected").GetDouble(), last.GetProperty("expected").GetDouble(), 1e-6);
        Assert.Equal(2, report.GetProperty("models").GetArrayLength());

        // The formulas by themselves are those of the model in force, in weeks.
        var predicted = (await Api.PostAsync(
            "models/lifetimeValue/predict",
            """{"rows":[{"x":2,"tx":30,"T":38,"t":13},{"x":0,"tx":0,"T":5,"t":4,"m":20,"n":1}]}""")).Expect(200);
        Assert.Equal(
            fitted.Orders(new PurchaseHistory(2, 30, 38), 13), predicted["rows"][0].GetProperty("orders").GetDouble(), 1e-9);
        Assert.Equal(spend.Mean, predicted["rows"][0].GetProperty("amount").GetDouble(), 1e-6);
        Assert.Equal(spend.Expect(1, 20), predicted["rows"][1].GetProperty("amount").GetDouble(), 1e-6);
        var again = (await Api.PostAsync("models/lifetimeValue/predict",
            $$"""{"parameters":{{model["parameters"].GetRawText()}},"rows":[{"x":2,"tx":30,"T":38,"t":13}]}""")).Expect(200);
        Assert.True(JsonElement.DeepEquals(predicted["rows"][0], again["rows"][0]));
    }

    [Fact]
    public async Task Versions_PinAndRestore_AndAFailedFitLeavesWhatIsInForce()
    {
        await FitAsync("{}");
        var day = Today.AddDays(-40);
        var pinned = await FitAsync($$"""{"asOf":"{{day:O}}","holdoutDays":60}""");
        Assert.Equal((2, $"{day:O}"), (pinned.GetProperty("version").GetInt32(), pinned.GetProperty("pinnedTo").GetString()));
        Assert.Equal(orders.Sum(o => o.Keys.Count(d => d <= day)), pinned.GetProperty("data").GetProperty("orders").GetInt32());
        var model = (await Api.GetAsync($"models/{Key}")).Expect(200);
        Assert.Equal(($"{day:O}", 2), (model["pinnedTo"].GetString(), model["version"].GetInt32()));

        foreach (var (body, found) in new[]
            { ("""{"asOf":"2001-01-01"}""", "customersWithAnOrder"), ("""{"holdoutDays":3000}""", "daysOfHistory") })
        {
            var failed = (await Api.PostAsync($"models/{Key}/fit?wait=60", body)).Expect(201);
            Assert.Equal("failed", failed["status"].GetString());
            Assert.EndsWith("/too-few-data", failed["problem"].GetProperty("type").GetString());
            Assert.True(failed["problem"].GetProperty("found").GetProperty(found).GetDecimal()
                < failed["problem"].GetProperty("needed").GetProperty(found).GetDecimal());
        }

        model = (await Api.GetAsync($"models/{Key}")).Expect(200);
        Assert.Equal(("ready", 2), (model["status"].GetString(), model["version"].GetInt32()));
        Assert.EndsWith("/too-few-data", model["problem"].GetProperty("type").GetString());

        var restored = (await Api.PostAsync($"models/{Key}/versions/1/restore", "")).Expect(200);
        Assert.Equal((1, JsonValueKind.Null), (restored["version"].GetInt32(), restored["pinnedTo"].ValueKind));
        var versions = (await Api.GetAsync($"models/{Key}/versions")).Expect(200)["items"];
        Assert.Equal(
            [(2, false), (1, true)],
            versions.EnumerateArray().Select(v => (v.GetProperty("version").GetInt32(), v.GetProperty("inForce").GetBoolean())));
        (await Api.PostAsync($"models/{Key}/versions/3/restore", "")).Expect(404);
        (await Api.PostAsync("models/none/versions/1/restore", "")).Expect(404);
    }

    [Fact]
    public async Task Settings_HoldFromTheNextFit()
    {
        var put = (await Api.PutAsync($"models/{Key}", """{"frequency":"bgNbd","churnDays":30,"margin":0.4}""")).Expect(200);
        Assert.Equal(0.1m, put["settings"].GetProperty("discountRate").GetDecimal());
        var fitted = await FitAsync("{}");
        Assert.Equal("bgNbd", fitted.GetProperty("settings").GetProperty("frequency").GetString());
        Assert.Equal(30, fitted.GetProperty("report").GetProperty("holdoutDays").GetInt32());
        (await Api.PutAsync($"models/{Key}", "{}")).Expect(200);
        var model = (await Api.GetAsync($"models/{Key}")).Expect(200);
        Assert.Equal("mbgNbd", model["settings"].GetProperty("frequency").GetString());
        var predicted = (await Api.PostAsync("models/lifetimeValue/predict", """{"rows":[{"x":0,"tx":0,"T":5,"t":4}]}""")).Expect(200);
        Assert.Equal(("bgNbd", 1.0), (predicted["frequency"].GetString(), predicted["rows"][0].GetProperty("alive").GetDouble()));
    }

    [Fact]
    public async Task Schedule_AsksForAModelThatWasNeverFitted_AndNotAgainBeforeItsTime()
    {
        await using var server = new ApiFixture.Server(fixture.ConnectionString);
        await using var scope = server.Services.CreateAsyncScope();
        Assert.Empty(await FitSchedule.AskAsync(scope.ServiceProvider, DateTimeOffset.UtcNow, CancellationToken.None));
        Assert.Contains(Key, await FitSchedule.AskAsync(scope.ServiceProvider, DateTimeOffset.UtcNow.AddDays(-2), CancellationToken.None));
        Assert.Empty(await FitSchedule.AskAsync(scope.ServiceProvider, DateTimeOffset.UtcNow.AddDays(-2), CancellationToken.None));
        await Wait.UntilAsync(
            async () => (await Api.GetAsync($"models/{Key}")).Expect(200)["status"].ValueEquals("ready"), "the model is fitted");
        var next = (await Api.GetAsync($"models/{Key}")).Expect(200)["nextFitAt"].GetDateTimeOffset();
        Assert.InRange(next, DateTimeOffset.UtcNow.AddDays(5.9), DateTimeOffset.UtcNow.AddDays(7));
    }

    [Theory]
    [InlineData("PUT", "models/lifetimeValue", """{"churnDays":0,"margin":0,"discountRate":11}""", 400, "/churnDays,/discountRate,/margin")]
    [InlineData("PUT", "models/lifetimeValue", """{"churnDay":30}""", 400, "/churnDay")]
    [InlineData("PUT", "models/lifetimeValue", """{"type":"other"}""", 400, "/type")]
    [InlineData("PUT", "models/mine", """{}""", 400, "/type")]
    [InlineData("PUT", "models/mine", """{"type":"lifetimeValue"}""", 400, "/type")]
    [InlineData("DELETE", "models/lifetimeValue", null, 409, "")]
    [InlineData("GET", "models/mine", null, 404, "")]
    [InlineData("GET", "models/mine/versions", null, 404, "")]
    [InlineData("POST", "models/mine/fit", "{}", 404, "")]
    [InlineData("POST", "models/lifetimeValue/fit", """{"asOf":"2999-01-01"}""", 400, "/asOf")]
    [InlineData("POST", "models/lifetimeValue/fit", """{"asOf":"0001-01-01"}""", 400, "/asOf")]
    [InlineData("POST", "models/lifetimeValue/fit", """{"holdoutDays":0}""", 400, "/holdoutDays")]
    [InlineData("POST", "analyses", """{"type":"fit"}""", 400, "/model")]
    [InlineData("POST", "analyses", """{"type":"fit","model":"lifetimeValues"}""", 400, "/model")]
    [InlineData("POST", "models/lifetimeValue/predict", """{"rows":[]}""", 400, "/parameters")]
    [InlineData("POST", "models/lifetimeValue/predict", """{"parameters":{"r":0,"alpha":1,"a":1}}""", 400,
        "/parameters/b,/parameters/r,/rows")]
    public async Task WrongRequest_IsRefusedAtItsPlace(string method, string path, string? body, int status, string faults)
    {
        var answer = (await Api.SendAsync(method, path, body)).Expect(status);
        if (status == 400)
        {
            Assert.Equal(faults, string.Join(',', answer.Faults.Order(StringComparer.Ordinal)));
        }
    }

    [Theory]
    [InlineData("""{"x":-1,"tx":0,"T":1,"t":1}""", "/rows/1/x")]
    [InlineData("""{"x":0.5,"tx":0.1,"T":1,"t":1}""", "/rows/1/x")]
    [InlineData("""{"x":1,"tx":3,"T":2,"t":1}""", "/rows/1/tx")]
    [InlineData("""{"x":0,"tx":1,"T":2,"t":1}""", "/rows/1/tx")]
    [InlineData("""{"x":1,"tx":1,"T":2}""", "/rows/1/t")]
    [InlineData("""{"x":1,"tx":1,"T":2,"t":1,"m":5}""", "/rows/1/n")]
    [InlineData("""{"x":1,"tx":1,"T":2,"t":1,"n":5}""", "/rows/1/m")]
    [InlineData("""{"x":1,"tx":1,"T":1e300,"t":1}""", "/rows/1/T")]
    public async Task Predict_WrongRow_IsRefusedAtItsPlace(string row, string place)
    {
        const string parameters = """{"r":0.243,"alpha":4.414,"a":0.793,"b":2.426}""";
        const string right = """{"x":2,"tx":30.43,"T":38.86,"t":39}""";
        var wrong = await Api.PostAsync(
            "models/lifetimeValue/predict", $$"""{"parameters":{{parameters}},"rows":[{{right}},{{row}}]}""");
        Assert.Equal([place], wrong.Expect(400).Faults);
        var answer = (await Api.PostAsync(
            "models/lifetimeValue/predict", $$"""{"frequency":"bgNbd","parameters":{{parameters}},"rows":[{{right}}]}""")).Expect(200);
        Assert.Equal(1.226, answer["rows"][0].GetProperty("orders").GetDouble(), 1e-3);
        Assert.Equal(JsonValueKind.Null, answer["rows"][0].GetProperty("amount").ValueKind);
    }

    private static PurchaseHistory Describe(SortedDictionary<DateOnly, decimal> days, DateOnly now)
    {
        var (first, last) = (days.Keys.First(), days.Keys.Last());
        return new PurchaseHistory(days.Count - 1, (last.DayNumber - first.DayNumber) / 7.0, (now.DayNumber - first.DayNumber) / 7.0);
    }

    private static DateOnly Date(JsonElement text) => DateOnly.Parse(text.GetString()!, CultureInfo.InvariantCulture);

    private static string Event(string customer, int number, string type, DateOnly day, decimal amount) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"id":"o-{{number}}","customerId":"{{customer}}","type":"{{type}}","occurredAt":"{{day:O}}T00:00:00Z","amount":{{amount}}}""");

    private async Task<JsonElement> FitAsync(string body)
    {
        var made = (await Api.PostAsync($"models/{Key}/fit?wait=60", body)).Expect(201);
        Assert.True(made["status"].ValueEquals("succeeded"), made.Body);
        return made["result"];
    }
}
