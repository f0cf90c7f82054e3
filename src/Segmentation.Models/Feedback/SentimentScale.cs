using Segmentation.Models.Statistics;

namespace Segmentation.Models.Feedback;

/// <summary>A scale that customers rate on, such as 0 to 10 or 1 to 5.</summary>
/// <param name="Low">The worst score.</param>
/// <param name="High">The best one, more than <paramref name="Low"/>.</param>
public readonly record struct SentimentScale(decimal Low, decimal High)
{
    /// <summary>Decimals of a sentiment.</summary>
    public const int Decimals = 3;

    /// <summary>Sentiments from here on are those of satisfied customers: 4 and 5 of 1 to 5, 6 and 7 of 1 to 7.</summary>
    public const decimal Satisfied = 0.5m;

    /// <summary>The least score of a satisfied customer: three quarters up the scale.</summary>
    public decimal SatisfiedFrom => Low + ((High - Low) * (1 + Satisfied) / 2);

    /// <summary>A score as a sentiment, -1 to 1, three decimals: linear, the scale's middle is 0. Null for a score that is not on it.
    /// </summary>
    public decimal? ToSentiment(decimal score) => score < Low || score > High
        ? null
        : Round((score - Low) / (High - Low) * 2 - 1);

    /// <summary>To three decimals; a half away from 0, as PostgreSQL rounds.</summary>
    public static decimal Round(decimal sentiment) => Math.Round(sentiment, Decimals, MidpointRounding.AwayFromZero);
}

/// <summary>How many would recommend, less how many would not.</summary>
/// <param name="Promoters">Scores of 9 and 10.</param>
/// <param name="Detractors">Scores of 0 to 6.</param>
/// <param name="Responses">All scores, more than 0.</param>
/// <remarks>F. F. Reichheld, Harvard Business Review 81 (2003) 12, 46-54.</remarks>
public readonly record struct NetPromoterScore(double Promoters, double Detractors, double Responses)
{
    /// <summary>The least score of a promoter.</summary>
    public const decimal PromoterFrom = 9;

    /// <summary>The greatest score of a detractor.</summary>
    public const decimal DetractorUpTo = 6;

    /// <summary>-100 to 100.</summary>
    public double Points => 100 * (Promoters - Detractors) / Responses;

    /// <summary>The normal interval in points: a response is worth 1, 0 or -1, whose variance is p + d - (p - d)².</summary>
    public Interval Interval()
    {
        var (p, d) = (Promoters / Responses, Detractors / Responses);
        return Statistics.Interval.Around(Points, 100 * Math.Sqrt((p + d - ((p - d) * (p - d))) / Responses));
    }
}
