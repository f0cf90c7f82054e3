using Segmentation.Api.Customers;

namespace Segmentation.Api.Segments;

/// <summary>A model of propensity, as the catalog of fields knows it.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Name">What it is called.</param>
/// <param name="Fields">What its scores may tell of: the fields that its settings read, and those that stored scores were made of.</param>
public sealed record PropensityName(string Key, string Name, IReadOnlyList<string> Fields)
{
    /// <summary>What its field's name begins with.</summary>
    public const string Prefix = SensitiveFields.ScorePrefix;
}
