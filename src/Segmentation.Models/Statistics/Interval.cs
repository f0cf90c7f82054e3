namespace Segmentation.Models.Statistics;

/// <summary>An interval that holds the true value with 95 % confidence, two-sided.</summary>
public readonly record struct Interval(double Low, double High)
{
    /// <summary>How many standard errors it reaches to either side: the normal distribution's 97.5 % point, as the documents round it.
    /// </summary>
    public const double Z = 1.96;

    /// <summary>The normal interval: <paramref name="value"/> ± 1.96 standard errors.</summary>
    public static Interval Around(double value, double standardError) => new(value - (Z * standardError), value + (Z * standardError));

    /// <summary>The part of it that lies between two bounds.</summary>
    public Interval Within(double low, double high) => new(Math.Clamp(Low, low, high), Math.Clamp(High, low, high));
}
