using System.Text.Json.Serialization;
using Segmentation.Models.Forecasts;

namespace Segmentation.Api.Insight;

/// <summary>Where a segment is heading.</summary>
/// <param name="Items">What is expected of each day from tomorrow on, as far as the past carries. Empty where it is too short.</param>
/// <param name="Method">What each item is expected by: of four methods the one that erred least so many days ahead, in the past.</param>
/// <param name="Backtest">How the same would have done in the past; null without items.</param>
/// <param name="Clock">Its size at the beginning of each seventh day from today, if nobody does anything: the rule as of then, exactly.
/// Empty where <c>asOf</c> is in the past.</param>
/// <param name="Membership">Whose sizes they were.</param>
/// <param name="KeptSince">From when on it is stored who was in; null where nothing ever was.</param>
/// <param name="Sizes">How many daily sizes it is told from.</param>
/// <param name="TimeZone">The segment's time zone, in which days begin.</param>
/// <param name="EvaluatedAt">The instant of the data.</param>
/// <param name="Warnings">What to know besides.</param>
public sealed record Forecast(
    IReadOnlyList<ForecastDay> Items,
    IReadOnlyList<ForecastMethod> Method,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] ForecastBacktest? Backtest,
    IReadOnlyList<ClockSize> Clock,
    MembershipSource Membership,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? KeptSince,
    int Sizes,
    string TimeZone,
    DateTimeOffset EvaluatedAt,
    IReadOnlyList<InsightWarning> Warnings);

/// <summary>A segment's size that is expected of a day.</summary>
/// <param name="Date">The day; the size is that at its beginning, 00:00 in the segment's time zone.</param>
/// <param name="Size">How many members are expected.</param>
/// <param name="Interval80">What holds the size in four of five cases: <c>[low, high]</c>.</param>
/// <param name="Interval95">In 19 of 20; null where fewer than 60 past days could be tried so far ahead.</param>
public sealed record ForecastDay(
    DateOnly Date,
    double Size,
    double[] Interval80,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double[]? Interval95);

/// <summary>How a forecast would have done: from each past day, by what was known then.</summary>
/// <param name="Origins">From how many past days it was tried.</param>
/// <param name="MeanAbsoluteError">By how many members it was wrong, over all days ahead.</param>
/// <param name="NaiveError">By how many "it stays as it is" was wrong.</param>
/// <param name="Coverage80">The share of sizes that <c>interval80</c> held, of past days that had no part in it, 0 to 1; null where too
/// few are left.</param>
/// <param name="Coverage95">Likewise, of <c>interval95</c>.</param>
public sealed record ForecastBacktest(
    int Origins,
    double MeanAbsoluteError,
    double NaiveError,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Coverage80,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Coverage95);

/// <summary>A segment's size on a day, if nobody does anything.</summary>
/// <param name="Date">The day; the size is that at its beginning, 00:00 in the segment's time zone.</param>
/// <param name="Size">How many members there are then.</param>
public sealed record ClockSize(DateOnly Date, long Size);
