using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>What is kept of what was seen, and what a click is.</summary>
public sealed class ExposureOptions
{
    /// <summary>Setting <c>Playbooks:ImpressionDays</c>: days for which impressions are stored, and links without anything else.</summary>
    public int ImpressionDays { get; set; } = 90;

    /// <summary>Setting <c>Playbooks:ClickTypes</c>: types of event that are clicks. Compared without regard to case.</summary>
    public string[] ClickTypes { get; set { field = [.. value.Select(CaseNormalizer.Normalize)!]; } } = ["content_clicked"];

    /// <summary>Setting <c>Experiments:UnitDays</c>: days after a run's end for which its units are stored.</summary>
    public int UnitDays { get; set; } = 180;
}
