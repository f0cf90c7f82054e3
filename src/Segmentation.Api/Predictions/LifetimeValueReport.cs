using System.Text.Json.Serialization;
using Segmentation.Models.Purchases;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Predictions;

/// <summary>What lifetime value was fitted on.</summary>
/// <param name="From">The first day with an order.</param>
/// <param name="To">The last day of the data.</param>
/// <param name="Customers">Those with an order.</param>
/// <param name="Repeating">Those with orders on several days.</param>
/// <param name="Orders">Days with an order, of all customers together.</param>
/// <param name="Gross">Their amounts' sum.</param>
/// <param name="Refunded">What was refunded.</param>
/// <param name="NetFactor">The share of amounts that stays: 1 - refunded / gross, 0 to 1.</param>
internal sealed record LifetimeValueData(
    DateOnly From, DateOnly To, long Customers, long Repeating, long Orders, double Gross, double Refunded, double NetFactor);

/// <summary>The formulas' parameters. Times are in weeks.</summary>
/// <param name="R">Of gamma(r, α), how rates of orders are distributed.</param>
/// <param name="Alpha">The same, in weeks.</param>
/// <param name="A">Of beta(a, b), how probabilities to stop are distributed.</param>
/// <param name="B">The same.</param>
/// <param name="P">Of gamma-gamma; all three or none.</param>
/// <param name="Q">Of gamma-gamma.</param>
/// <param name="Gamma">Of gamma-gamma, in the unit of amounts.</param>
public sealed record LifetimeValueParameters(
    double? R, double? Alpha, double? A, double? B, double? P = null, double? Q = null, double? Gamma = null)
{
    internal FrequencyModel ToFrequency(FrequencyKind kind) => new(kind, R!.Value, Alpha!.Value, A!.Value, B!.Value);

    internal SpendModel? ToSpend() => P is null ? null : new SpendModel(P.Value, Q!.Value, Gamma!.Value);
}

/// <summary>Lifetime value held against what came.</summary>
/// <param name="HoldoutDays">How many days it did not know.</param>
/// <param name="From">The last day that it knew.</param>
/// <param name="To">The last day of what came.</param>
/// <param name="Customers">Those with an order by then.</param>
/// <param name="Orders">Days with an order that were expected and that came.</param>
/// <param name="Revenue">Gross amounts; left out where amounts can't be told.</param>
/// <param name="ByFrequency">By repeated orders until then.</param>
/// <param name="Cumulative">Week by week, all up to its end.</param>
/// <param name="Calibration">Of the probability of an order.</param>
/// <param name="MeanAbsoluteError">Of a customer's expected orders.</param>
/// <param name="OwnRateError">The same of whoever expects each customer to go on at its own rate x / T.</param>
/// <param name="Models">Both models of frequency.</param>
/// <param name="Spend">Gamma-gamma; left out where amounts can't be told.</param>
internal sealed record LifetimeValueReport(
    int HoldoutDays, DateOnly From, DateOnly To, long Customers, Ratio Orders, Ratio? Revenue,
    IReadOnlyList<FrequencyOutcome> ByFrequency, IReadOnlyList<CumulativeOrders> Cumulative, CalibrationReport Calibration,
    double MeanAbsoluteError, double OwnRateError, IReadOnlyList<FrequencyReport> Models, SpendReport? Spend);

/// <summary>What was expected, what came, and their quotient; null where nothing came.</summary>
internal sealed record Ratio(
    double Expected, double Actual,
    [property: JsonPropertyName("ratio"), JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Quotient)
{
    public static Ratio From(Outcome outcome) =>
        new(outcome.Expected, outcome.Actual, outcome.Actual == 0 ? null : outcome.Expected / outcome.Actual);
}

/// <summary>Orders from the beginning of the back-test to the end of a day of it.</summary>
internal sealed record CumulativeOrders(int Day, double Expected, long Actual);

/// <summary><see cref="Calibration"/>, as it is answered.</summary>
internal sealed record CalibrationReport(
    double BaseRate, double Brier, double BaseBrier, double LogLoss,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Auc,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double[]? AucInterval, IReadOnlyList<CalibrationBin> Bins)
{
    public static CalibrationReport From(Calibration c) => new(
        c.BaseRate, c.Brier, c.BaseBrier, c.LogLoss, c.Auc?.Value, c.Auc is { } auc ? [auc.Interval.Low, auc.Interval.High] : null, c.Bins);
}

/// <summary>A model of frequency: what was found for it. Parameters are left out where it did not converge.</summary>
internal sealed record FrequencyReport(
    FrequencyKind Frequency, bool Chosen, Dictionary<string, double>? Parameters, Dictionary<string, double[]>? Intervals,
    double? LogLikelihood, Ratio? Orders, double? Brier)
{
    private static readonly string[] Names = ["r", "alpha", "a", "b"];

    public static FrequencyReport From(FrequencyKind kind, bool chosen, Fitted<FrequencyModel>? fitted, BackTest? test) => new(
        kind, chosen,
        fitted is null ? null : Named.Zip(Names, [fitted.Model.R, fitted.Model.Alpha, fitted.Model.A, fitted.Model.B]),
        fitted is null ? null : Named.Intervals(Names, fitted.Intervals),
        fitted?.LogLikelihood, test is null ? null : Ratio.From(test.Orders), test?.Calibration.Brier);
}

/// <summary>The model of spend: what was found for it.</summary>
/// <param name="Customers">Those with an amount after their first order.</param>
/// <param name="Parameters">By name.</param>
/// <param name="Intervals">By name.</param>
/// <param name="LogLikelihood">Over these customers.</param>
/// <param name="Correlation">Of repeated orders and mean amount, over these customers.</param>
internal sealed record SpendReport(
    long Customers, Dictionary<string, double> Parameters, Dictionary<string, double[]> Intervals, double LogLikelihood, double Correlation)
{
    private static readonly string[] Names = ["p", "q", "gamma"];

    public static SpendReport From(Fitted<SpendModel> fitted, long customers, double correlation) => new(
        customers,
        Named.Zip(Names, [fitted.Model.P, fitted.Model.Q, fitted.Model.Gamma]),
        Named.Intervals(Names, fitted.Intervals), fitted.LogLikelihood, correlation);
}

internal static class Named
{
    public static Dictionary<string, T> Zip<T>(string[] names, T[] values) =>
        names.Zip(values).ToDictionary(p => p.First, p => p.Second, StringComparer.Ordinal);

    // Without those that were held.
    public static Dictionary<string, double[]> Intervals(string[] names, IReadOnlyList<Interval> intervals) =>
        names.Zip(intervals).Where(p => !double.IsNaN(p.Second.Low))
            .ToDictionary(p => p.First, p => new[] { p.Second.Low, p.Second.High }, StringComparer.Ordinal);
}
