namespace Segmentation.Api.Insight;

/// <summary>How many have a value, on either side.</summary>
/// <param name="Value">As most of them spell it; null: they have none.</param>
/// <param name="Folded">As rules compare it.</param>
internal readonly record struct ValueCount(string? Value, string? Folded, long Members, long Others);

/// <summary>What a field's or a set's values are.</summary>
/// <param name="Values">The most frequent, and how many have none.</param>
/// <param name="Other">Values that are not among these.</param>
internal sealed record ValueCounts(List<ValueCount> Values, long Other)
{
    /// <summary>Values of one field that are compared, the most frequent.</summary>
    public const int MaxValues = 200;
}
