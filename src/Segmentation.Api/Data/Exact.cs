using Segmentation.Models.Feedback;

namespace Segmentation.Api.Data;

/// <summary>Exact arithmetic beyond what decimals and instants have.</summary>
public static class Exact
{
    /// <summary>
    /// Total / count, rounded half away from zero to eight decimals, for showing and for comparing fields; null without a count.
    /// </summary>
    public static decimal? Average(decimal total, int count) =>
        count == 0 ? null : Math.Round(total / count, 8, MidpointRounding.AwayFromZero);

    /// <summary>To three decimals, a half away from zero; null for null.</summary>
    public static decimal? RoundSentiment(decimal? mean) => mean is { } value ? SentimentScale.Round(value) : null;

    /// <summary>The later of two instants; where one is null, the other.</summary>
    public static DateTimeOffset? Latest(DateTimeOffset? one, DateTimeOffset? other) => other is null || one > other ? one : other;

    /// <summary>The earlier of two instants; where one is null, the other.</summary>
    public static DateTimeOffset? Earliest(DateTimeOffset? one, DateTimeOffset? other) => other is null || one < other ? one : other;
}
