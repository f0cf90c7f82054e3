using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Analyses;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Models.Purchases;

namespace Segmentation.Api.Predictions;

/// <summary>Fits lifetime value: both models of frequency, and that of spend.</summary>
internal sealed class LifetimeValueTrainer(PurchaseReader reader, PredictionOptions options) : ModelTrainer
{
    // Of the correlation between how often and how much, the first of what gamma-gamma takes for granted.
    private const double MostCorrelation = 0.3;
    private const double LeastRatio = 0.8, MostRatio = 1.25;

    // Its sums look a year ahead.
    private const int LongHistory = 365;

    public override string Type => LifetimeValueType.TypeName;

    public override async Task<ModelFit> FitAsync(FitTask task, AnalysisRun run, CancellationToken cancellation)
    {
        var settings = task.Model.Settings;
        var begin = await reader.FindFirstDayAsync(task.AsOf, cancellation);
        var days = begin is { } first ? task.AsOf.DayNumber - first.DayNumber : 0;
        var holdout = task.HoldoutDays ?? Math.Max(1, Math.Min(settings.ChurnDays!.Value, days / 3));
        if (task.HoldoutDays is { } asked && asked >= days)
        {
            throw TooFew("The data are not longer than what is to be held back of them.", ("daysOfHistory", asked + 1, days));
        }

        var data = await reader.ReadAsync(task.AsOf, holdout, cancellation);
        run.Report(0.4);
        CheckEnough(data, days);
        var (kinds, chosen) = (Enum.GetValues<FrequencyKind>(), settings.Frequency!.Value);
        var sample = new FrequencySample(data.Histories);
        var fitted = kinds.ToDictionary(kind => kind, sample.Fit);
        cancellation.ThrowIfCancellationRequested();
        run.Report(0.6);
        var earlier = new FrequencySample(
            data.Earlier.GroupBy(c => c.History).Select(g => KeyValuePair.Create(g.Key, (long)g.Count())));
        var tested = kinds.ToDictionary(kind => kind, earlier.Fit);
        cancellation.ThrowIfCancellationRequested();
        run.Report(0.75);
        var spend = new SpendSample(data.Spends).Fit();
        var earlierSpend = new SpendSample(data.Earlier.Where(c => c.Count > 0).Select(c => ((double)c.Count, c.Mean))).Fit()?.Model;
        if (fitted[chosen] is not { } inForce || tested[chosen] is not { } testedModel)
        {
            throw AnalysisFailure.NotConverged(
                "No parameters are the likeliest for these orders, from five starts: customers are too alike, or come too seldom. "
                + "The other frequency, a longer history or another asOf may do.");
        }

        cancellation.ThrowIfCancellationRequested();
        run.Report(0.8);
        var time = holdout / LifetimeValueModel.Week;
        var tests = kinds.Where(kind => tested[kind] is not null)
            .ToDictionary(kind => kind, kind => BackTest.Run(tested[kind]!.Model, earlierSpend, data.Earlier, time));
        var test = tests[chosen];
        if (test.Calibration.Brier >= test.Calibration.BaseBrier)
        {
            throw AnalysisFailure.NoSkill(
                "Held against what came, it tells who will order no better than the share that does. What was in force before stays.");
        }

        Warn(run, data, inForce, spend, test, days);
        var weeks = ListWeeks(holdout);
        var expected = BackTest.Expect(testedModel.Model, data.Earlier, [.. weeks.Select(w => w / LifetimeValueModel.Week)]);
        cancellation.ThrowIfCancellationRequested();
        var report = new LifetimeValueReport(
            holdout, task.AsOf.AddDays(-holdout), task.AsOf, test.Customers, Ratio.From(test.Orders),
            test.Revenue is null ? null : Ratio.From(test.Revenue), test.ByFrequency,
            [.. weeks.Select((day, i) => new CumulativeOrders(day, expected[i], data.OrdersByDay.Take(day).Sum()))],
            CalibrationReport.From(test.Calibration), test.MeanAbsoluteError, test.OwnRateError,
            [.. kinds.Select(kind => FrequencyReport.From(kind, kind == chosen, fitted[kind], tests.GetValueOrDefault(kind)))],
            spend is null ? null : SpendReport.From(spend, data.Spends.Count, data.Correlation));
        var model = inForce.Model;
        return new ModelFit(
            ToNode(new LifetimeValueData(
                data.First, task.AsOf, data.Customers, data.Repeating, data.Orders, data.Gross, data.Refunded, data.NetFactor)),
            ToNode(new LifetimeValueParameters(
                model.R, model.Alpha, model.A, model.B, spend?.Model.P, spend?.Model.Q, spend?.Model.Gamma)),
            ToNode(report));
    }

    /// <summary>The model of a version.</summary>
    public static LifetimeValueModel ToModel(ModelVersion version)
    {
        var settings = version.Settings.Deserialize<ModelSettings>(Json.Options)!;
        var (frequency, parameters) = Read(version);
        return new LifetimeValueModel(
            parameters.ToFrequency(frequency), parameters.ToSpend(), settings.ChurnDays!.Value, (double)settings.DiscountRate!.Value,
            (double)settings.Margin!.Value, version.Data.Deserialize<LifetimeValueData>(Json.Options)!.NetFactor);
    }

    /// <summary>The frequency and the parameters of a version.</summary>
    public static (FrequencyKind Frequency, LifetimeValueParameters Parameters) Read(ModelVersion version) => (
        version.Settings.Deserialize<ModelSettings>(Json.Options)!.Frequency!.Value,
        version.Parameters.Deserialize<LifetimeValueParameters>(Json.Options)!);

    private static JsonNode ToNode<T>(T value) => JsonSerializer.SerializeToNode(value, Json.Options)!;

    private static AnalysisFailure TooFew(string title, params (string Name, decimal Needed, decimal Found)[] counts) =>
        AnalysisFailure.TooFewData(
            title, counts.ToDictionary(c => c.Name, c => c.Needed), counts.ToDictionary(c => c.Name, c => c.Found));

    // Every seventh day, and the last.
    private static int[] ListWeeks(int holdout) =>
        [.. Enumerable.Range(1, holdout / 7).Select(w => 7 * w).Concat(holdout % 7 == 0 ? [] : [holdout])];

    private void CheckEnough(PurchaseData data, int days)
    {
        (string Name, decimal Needed, decimal Found)[] counts =
        [
            ("customersWithAnOrder", options.MinimumCustomers, data.Customers),
            ("customersWithARepeatedOrder", options.MinimumRepeating, data.Repeating),
            ("daysOfHistory", options.MinimumDays, days),
            ($"ordersInTheLast{options.MaximumSilence}Days", 1, data.RecentOrders),
        ];
        if (counts.Any(c => c.Found < c.Needed))
        {
            throw TooFew(
                "There are too few orders to tell how customers buy. needed and found say of what; days with an order count, up to asOf.",
                counts);
        }

        if (data.Earlier.All(c => c.History.Repeats == 0))
        {
            throw TooFew(
                "Nobody had ordered again when the back-test begins. Fewer holdoutDays or a longer history may do.",
                ("customersWithARepeatedOrderBeforeTheHoldout", 1, 0));
        }
    }

    private static void Warn(
        AnalysisRun run, PurchaseData data, Fitted<FrequencyModel> frequency, Fitted<SpendModel>? spend, BackTest test, int days)
    {
        if (spend is null)
        {
            run.Warn("no-spend", "Amounts can't be told: too few repeated orders have one, all are alike, or they are too uneven to have a "
                + "mean. Orders are predicted; averageOrderValue, lifetimeValue and valuePercentile are missing.");
        }

        if (spend is not null && Math.Abs(data.Correlation) > MostCorrelation)
        {
            run.Warn("spend-frequency", FormattableString.Invariant(
                $"How often customers order and how much they spend go together (r = {data.Correlation:0.00}); amounts are ")
                + "predicted as if they did not.");
        }

        if (frequency.IsOnBoundary || spend?.IsOnBoundary == true)
        {
            run.Warn("boundary", "A parameter is at the edge of what these data can tell: its interval spans two orders of magnitude. "
                + "Predictions can be good all the same; parameters can't be read.");
        }

        if (!(test.Orders.Expected / test.Orders.Actual is >= LeastRatio and <= MostRatio))
        {
            run.Warn("biased", FormattableString.Invariant(
                $"In the back-test {test.Orders.Expected:0} days with an order were expected, and {test.Orders.Actual:0} came."));
        }

        if (days < LongHistory)
        {
            run.Warn("short-history", $"Orders are known of {days} days, and lifetimeValue looks a year ahead: seasons are not in it.");
        }
    }
}
