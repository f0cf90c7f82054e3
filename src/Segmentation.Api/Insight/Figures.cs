using Segmentation.Api.Segments;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Insight;

/// <summary>From sums to what is answered, by the statistics of <c>Segmentation.Models</c>.</summary>
internal static class Figures
{
    public static MetricFigures Create(MetricKind kind, MetricSums sums)
    {
        var ratio = kind == MetricKind.Ratio ? Ratio(sums) : null;
        var mean = HasMean(kind) && sums.Members > 0 ? Mean(sums) : (MeanEstimate?)null;
        return new MetricFigures(
            sums.Members,
            kind switch { MetricKind.Conversion => sums.Customers, MetricKind.Ratio => ratio?.Value, _ => sums.Y },
            ratio?.Interval.ToArray(),
            sums.Events,
            sums.Customers,
            sums.Members > 0 ? sums.Customers / sums.Members : null,
            IsShare(sums) ? Share(sums).Interval().ToArray() : null,
            mean?.Mean,
            mean?.Interval().ToArray());
    }

    /// <summary>Null where either group is empty.</summary>
    public static MetricDifference? Compare(MetricKind kind, MetricSums sums, MetricSums than)
    {
        if (sums.Members <= 0 || than.Members <= 0)
        {
            return null;
        }

        var hasMean = HasMean(kind);
        return new MetricDifference(
            (sums.Customers / sums.Members) - (than.Customers / than.Members),
            IsShare(sums) && IsShare(than) ? new ProportionComparison(Share(sums), Share(than)).DifferenceInterval().ToArray() : null,
            hasMean ? Mean(sums).Mean - Mean(than).Mean : null,
            hasMean ? Mean(sums).DifferenceInterval(Mean(than)).ToArray() : null,
            kind == MetricKind.Ratio ? Ratio(sums)?.Value - Ratio(than)?.Value : null);
    }

    /// <summary>How many times everyone's.</summary>
    public static double? Index(MetricKind kind, MetricSums sums, MetricSums everyone) =>
        Level(kind, everyone) is { } level and not 0 ? Level(kind, sums) / level : null;

    /// <summary>What groups of any size are compared by: the mean, of a conversion the share, of a ratio the quotient.</summary>
    public static double? Level(MetricKind kind, MetricSums sums) => kind switch
    {
        MetricKind.Ratio => Ratio(sums)?.Value,
        _ when sums.Members <= 0 => null,
        MetricKind.Conversion => sums.Customers / sums.Members,
        _ => sums.Y / sums.Members,
    };

    /// <summary>As it is answered.</summary>
    public static double[] ToArray(this Interval interval) => [interval.Low, interval.High];

    private static double[]? ToArray(this Interval? interval) => interval?.ToArray();

    private static bool HasMean(MetricKind kind) => kind is MetricKind.Count or MetricKind.Sum or MetricKind.Time;

    // Of members that change, more can have an event than are in on average.
    private static bool IsShare(MetricSums sums) => sums.Members > 0 && sums.Customers <= sums.Members;

    private static Proportion Share(MetricSums sums) => new(sums.Customers, sums.Members);

    private static MeanEstimate Mean(MetricSums sums) => MeanEstimate.FromSums(sums.Members, sums.Y, sums.YY);

    private static RatioEstimate? Ratio(MetricSums sums) =>
        RatioEstimate.FromSums(sums.Members, sums.X, sums.Y, sums.XX, sums.YY, sums.XY);
}
