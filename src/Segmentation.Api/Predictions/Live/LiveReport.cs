using Segmentation.Api.Analyses;
using Segmentation.Models.Purchases;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Predictions;

/// <summary>What was told on a day, held against what came: the figures of the back-test, of scores as they were.</summary>
/// <param name="Version">The version that told it.</param>
/// <param name="ScoredOn">The day that the scores were of.</param>
/// <param name="From">What happened later was not known.</param>
/// <param name="Until">The end of what was told.</param>
/// <param name="Customers">Those who were told something, and are customers still.</param>
/// <param name="Orders">Of lifetime value: days with an order that were expected and that came.</param>
/// <param name="Revenue">Gross amounts; left out where amounts can't be told.</param>
/// <param name="Goal">Of a propensity: to how many the goal was expected to come, and to how many it did.</param>
/// <param name="ByFrequency">By repeated orders until then.</param>
/// <param name="Calibration">Of the probability of an order, or of the goal.</param>
/// <param name="MeanAbsoluteError">Of a customer's expected orders.</param>
/// <param name="OwnRateError">The same of whoever expects each customer to go on at its own rate x / T.</param>
internal sealed record LiveReport(
    int Version, DateOnly ScoredOn, DateTimeOffset From, DateTimeOffset Until, long Customers, Ratio? Orders, Ratio? Revenue, Ratio? Goal,
    IReadOnlyList<FrequencyOutcome>? ByFrequency, CalibrationReport Calibration, double? MeanAbsoluteError, double? OwnRateError)
{
    private const double LeastRatio = 0.8, MostRatio = 1.25;

    /// <summary>What is wrong in life.</summary>
    public IEnumerable<AnalysisWarning> Warn()
    {
        if (Calibration.Brier >= Calibration.BaseBrier)
        {
            yield return new AnalysisWarning("live-no-skill", FormattableString.Invariant(
                $"What was scored on {ScoredOn:yyyy-MM-dd} told no better than the share to which it came (Brier ")
                + FormattableString.Invariant($"{Calibration.Brier:0.0000} against {Calibration.BaseBrier:0.0000})."));
        }

        if ((Orders ?? Goal) is { } told && !(told.Expected / told.Actual is >= LeastRatio and <= MostRatio))
        {
            var what = Orders is null ? "customers with the goal" : "days with an order";
            yield return new AnalysisWarning("live-biased", FormattableString.Invariant(
                $"When customers were scored on {ScoredOn:yyyy-MM-dd}, {told.Expected:0} {what} were expected, and {told.Actual:0} came."));
        }
    }

    /// <summary>The same in short.</summary>
    public LiveHistory Summarize() => new(
        Version, ScoredOn, Until, Customers, Orders, Goal, Calibration.Brier, Calibration.BaseBrier, Calibration.Auc);

    public static LiveReport Create(LiveMoment at, BackTest test) => new(
        at.Version, at.ScoredOn, at.From, at.Until, test.Customers, Ratio.From(test.Orders),
        test.Revenue is null ? null : Ratio.From(test.Revenue), null, test.ByFrequency, CalibrationReport.From(test.Calibration),
        test.MeanAbsoluteError, test.OwnRateError);

    public static LiveReport Create(LiveMoment at, Calibration found, double expected) => new(
        at.Version, at.ScoredOn, at.From, at.Until, found.Customers, null, null,
        Ratio.From(new Outcome(expected, Math.Round(found.BaseRate * found.Customers))), null, CalibrationReport.From(found), null, null);
}

/// <summary>When it was told, and until when.</summary>
internal readonly record struct LiveMoment(int Version, DateOnly ScoredOn, DateTimeOffset From, DateTimeOffset Until);

/// <summary>An earlier one in short.</summary>
internal sealed record LiveHistory(
    int Version, DateOnly ScoredOn, DateTimeOffset Until, long Customers, Ratio? Orders, Ratio? Goal, double Brier, double BaseBrier,
    double? Auc);
