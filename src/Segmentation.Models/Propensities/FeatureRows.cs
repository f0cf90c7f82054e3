namespace Segmentation.Models.Propensities;

/// <summary>What was known of customers at an instant, and whether the goal came after it.</summary>
/// <param name="features">The names of the features, in the order of the values.</param>
public sealed class FeatureRows(IReadOnlyList<string> features)
{
    private readonly List<FeatureRow> rows = [];

    /// <summary>The names of the features, in the order of the values.</summary>
    public IReadOnlyList<string> Features => features;

    /// <summary>The customers.</summary>
    public IReadOnlyList<FeatureRow> Rows => rows;

    /// <summary>How many had the goal.</summary>
    public int Happened { get; private set; }

    /// <summary>Adds a customer.</summary>
    public void Add(FeatureRow row)
    {
        if (row.Values.Length != features.Count)
        {
            throw new ArgumentException($"A row has {row.Values.Length} values for {features.Count} features.", nameof(row));
        }

        rows.Add(row);
        Happened += row.Happened ? 1 : 0;
    }
}

/// <summary>A customer at an instant.</summary>
/// <param name="Customer">Who: says by its hash to which part the customer belongs.</param>
/// <param name="Values">A value a feature; NaN where it is missing, which is a value of its own. Infinite ones are the greatest and the
/// least.</param>
/// <param name="Happened">Whether the goal came.</param>
public readonly record struct FeatureRow(long Customer, float[] Values, bool Happened);
