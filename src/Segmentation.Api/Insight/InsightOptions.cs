namespace Segmentation.Api.Insight;

/// <summary>Setting <c>Insight</c>.</summary>
public sealed class InsightOptions
{
    /// <summary>A value that fewer customers have is not listed.</summary>
    public int MinimumGroup { get; set; } = 5;
}
