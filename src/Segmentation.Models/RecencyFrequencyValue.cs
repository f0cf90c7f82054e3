namespace Segmentation.Models;

/// <summary>RFM: scores of 1 to 5 by recency, frequency and monetary value, and the names of their combinations.</summary>
public static class RecencyFrequencyValue
{
    /// <summary>The highest score.</summary>
    public const int Scores = 5;

    // By recency 5 to 1; in a row, by frequency and value 1 to 5.
    private static readonly RfmGroup[][] Groups =
    [
        [RfmGroup.NewCustomers, RfmGroup.PotentialLoyalists, RfmGroup.PotentialLoyalists, RfmGroup.Champions, RfmGroup.Champions],
        [RfmGroup.Promising, RfmGroup.PotentialLoyalists, RfmGroup.Loyal, RfmGroup.Loyal, RfmGroup.Champions],
        [RfmGroup.Promising, RfmGroup.NeedsAttention, RfmGroup.NeedsAttention, RfmGroup.Loyal, RfmGroup.Loyal],
        [RfmGroup.AboutToSleep, RfmGroup.AboutToSleep, RfmGroup.AtRisk, RfmGroup.AtRisk, RfmGroup.AtRisk],
        [RfmGroup.Lost, RfmGroup.Hibernating, RfmGroup.Hibernating, RfmGroup.CantLose, RfmGroup.CantLose],
    ];

    /// <summary>
    /// The values from which on a score is reached: of scores 2 to 5 the least value that has at least that score, or null where none has.
    /// A value's score is 1 + ⌊5 × (how many have less) / (all)⌋, so that equal values have equal scores and, with many ties, scores are
    /// skipped.
    /// </summary>
    /// <param name="counts">Each value that occurs, from the least to the greatest, with how many customers have it.</param>
    public static T?[] FindThresholds<T>(IReadOnlyCollection<(T Value, long Customers)> counts)
        where T : struct
    {
        var thresholds = new T?[Scores - 1];
        var (all, below) = (counts.Sum(c => c.Customers), 0L);
        foreach (var (value, customers) in counts)
        {
            for (var score = 1 + (int)((Int128)Scores * below / all); score > 1 && thresholds[score - 2] is null; score--)
            {
                thresholds[score - 2] = value;
            }

            below += customers;
        }

        return thresholds;
    }

    /// <summary>A value's score, 1 to 5: one more than the thresholds that it reaches.</summary>
    public static int Score<T>(T value, IEnumerable<T?> thresholds)
        where T : struct, IComparable<T> => 1 + thresholds.Count(t => t is { } least && value.CompareTo(least) >= 0);

    /// <summary>Frequency and value in one score: their mean, rounded up from a half.</summary>
    public static int Combine(int frequency, int monetary) => (frequency + monetary + 1) / 2;

    /// <summary>The name of a combination.</summary>
    /// <param name="recency">1 to 5.</param>
    /// <param name="frequencyMonetary">1 to 5, by <see cref="Combine"/>.</param>
    public static RfmGroup Name(int recency, int frequencyMonetary) => Groups[Scores - recency][frequencyMonetary - 1];
}

/// <summary>What customers of like recency, frequency and value are called.</summary>
public enum RfmGroup
{
    Champions,
    Loyal,
    PotentialLoyalists,
    NewCustomers,
    Promising,
    NeedsAttention,
    AboutToSleep,
    AtRisk,
    CantLose,
    Hibernating,
    Lost,
}
