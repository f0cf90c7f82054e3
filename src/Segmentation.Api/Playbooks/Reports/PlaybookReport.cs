using System.Text.Json.Serialization;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Playbooks;

/// <summary>What is asked of a report; null where the default holds.</summary>
/// <param name="From">Where to begin.</param>
/// <param name="To">Where to end.</param>
/// <param name="Metric">A metric's key.</param>
/// <param name="By"><c>play</c>, <c>day</c> or <c>segment:KEY</c>.</param>
public sealed record PlaybookReportRequest(DateTimeOffset? From, DateTimeOffset? To, string? Metric, string? By);

/// <summary>What was shown of a playbook, and what its viewers did then. It describes: what a playbook causes only its holdout says.
/// </summary>
/// <param name="Playbook">Its key.</param>
/// <param name="By">What the items are by.</param>
/// <param name="From">Impressions from here on.</param>
/// <param name="To">Impressions before here.</param>
/// <param name="Metric">The metric that was asked for.</param>
/// <param name="Window">How long after a viewer's first impression events count for it.</param>
/// <param name="Cap">What larger values of a viewer were lowered to; missing where the metric has no cap.</param>
/// <param name="All">All impressions together: viewers of several items are one here.</param>
/// <param name="Items">By play in the playbook's order, then those that it had; by day; or of the segment's members, others, and, where it
/// is not known, of whom nobody knows.</param>
/// <param name="Holdout">The experiment that says what the playbook causes; missing where it has none.</param>
/// <param name="AsOf">When it was counted.</param>
/// <param name="Warnings">What should be known besides.</param>
public sealed record PlaybookReport(
    string Playbook,
    string By,
    DateTimeOffset From,
    DateTimeOffset To,
    string? Metric,
    MetricWindow? Window,
    double? Cap,
    ReportItem All,
    IReadOnlyList<ReportItem> Items,
    ReportHoldout? Holdout,
    DateTimeOffset AsOf,
    IReadOnlyList<InsightWarning> Warnings);

/// <summary>The experiment of a playbook's holdout.</summary>
/// <param name="Experiment">Its key.</param>
/// <param name="Link">Where it is.</param>
public sealed record ReportHoldout(string Experiment, string Link);

/// <summary>What was shown to whom, and what came of it.</summary>
/// <param name="Impressions">How often it was seen.</param>
/// <param name="Viewers">By how many visitors.</param>
/// <param name="Clickers">How many of them clicked on an impression that counts here.</param>
/// <param name="ClickThrough">clickers / viewers, 0 to 1; null where there are none.</param>
public sealed record ReportItem(
    [property: JsonPropertyOrder(1)] long Impressions,
    [property: JsonPropertyOrder(1)] long Viewers,
    [property: JsonPropertyOrder(1)] long Clickers,
    [property: JsonPropertyOrder(1), JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? ClickThrough)
{
    /// <summary>The play's key; only by play.</summary>
    public string? Play { get; init; }

    /// <summary>The day, by the playbook's time zone; only by day.</summary>
    public DateOnly? Day { get; init; }

    /// <summary>The segment's key; only by segment.</summary>
    public string? Segment { get; init; }

    /// <summary>Whether they were in the segment at their first impression; only by segment, and missing of those of whom nobody knows.
    /// </summary>
    public bool? Member { get; init; }

    /// <summary>Viewers whose window after their first impression has passed; only with a metric, of which these alone count.</summary>
    [JsonPropertyOrder(2)]
    public long? Units { get; init; }

    /// <summary>How many of these converted; only of a conversion.</summary>
    [JsonPropertyOrder(2)]
    public long? Converted { get; init; }

    /// <summary>The value of a unit on average; of a ratio the quotient of the totals. Missing where there are none.</summary>
    [JsonPropertyOrder(2)]
    public double? Mean { get; init; }

    /// <summary>The values of all units together; of a ratio what it is of.</summary>
    [JsonPropertyOrder(2)]
    public double? Total { get; init; }
}
