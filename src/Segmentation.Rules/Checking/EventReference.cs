namespace Segmentation.Rules.Checking;

/// <summary>What a sub-query over events reads of them.</summary>
/// <param name="Types">The types, normalized, of the only events that it may count; null where it may be any.</param>
/// <param name="Fields">The fields that it tests or aggregates.</param>
public sealed record EventReference(IReadOnlySet<string>? Types, IReadOnlySet<string> Fields)
{
    private const string PropertyPrefix = "properties.";

    /// <summary>The properties among the fields, each by the first part of its name.</summary>
    public IEnumerable<string> Properties => Fields
        .Where(f => f.StartsWith(PropertyPrefix, StringComparison.Ordinal))
        .Select(f => f[PropertyPrefix.Length..].Split('.')[0]);
}
