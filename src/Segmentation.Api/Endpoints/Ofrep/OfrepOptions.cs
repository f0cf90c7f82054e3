namespace Segmentation.Api.Endpoints;

/// <summary>The section <c>Ofrep</c>.</summary>
public sealed class OfrepOptions
{
    public const string Section = "Ofrep";

    /// <summary>Whether a single evaluation records its exposures, where its context does not say.</summary>
    public bool RecordSingle { get; set; } = true;
}
