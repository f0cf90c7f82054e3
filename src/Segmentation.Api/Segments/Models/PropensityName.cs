namespace Segmentation.Api.Segments;

/// <summary>A model of propensity, as the catalog of fields knows it.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Name">What it is called.</param>
public sealed record PropensityName(string Key, string Name, IReadOnlyList<string> Features)
{
    /// <summary>What its field's name begins with.</summary>
    public const string Prefix = "predicted.propensity.";
}
