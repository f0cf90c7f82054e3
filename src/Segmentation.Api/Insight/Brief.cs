using System.Text.Json.Serialization;
using Segmentation.Api.History;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Insight;

/// <summary>A segment on one page: what the other reads say of it, together.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Name">Its name.</param>
/// <param name="Description">Who is in it, in words; missing where nobody said.</param>
/// <param name="Goal">What it is for, in words; missing where nobody said.</param>
/// <param name="Status">Whether it is active, a draft or archived.</param>
/// <param name="RuleText">Its rule in words; null where it is filled by hand, and where its fields have gone.</param>
/// <param name="Membership">Whose membership the size, performance and forecast tell of.</param>
/// <param name="Size">How many members it has, of how many customers; null where nobody knows who was in.</param>
/// <param name="Trend">Its stored size over the same months as <c>performance</c>, as <c>/trend</c> tells it.</param>
/// <param name="Persona">What marks its members, from the newest profile that compared them with everyone else; null where none did.
/// </param>
/// <param name="Metric">The metric of <c>performance</c>: its <c>goalMetric</c>, else <c>revenue</c>.</param>
/// <param name="Performance">How its members did by that metric in the last three calendar months and the present one.</param>
/// <param name="Forecast">Its size in the next 30 days.</param>
/// <param name="Leaving">Who will leave within 30 days if nobody does anything; null where <c>asOf</c> is in the past.</param>
/// <param name="Unknown">What is not known, and what would change that.</param>
/// <param name="EvaluatedAt">The instant that it was asked for, or <c>asOf</c>. Each part is of its own snapshot, an instant later.</param>
public sealed record Brief(
    string Key,
    string Name,
    string? Description,
    string? Goal,
    SegmentStatus Status,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? RuleText,
    MembershipSource Membership,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] BriefSize? Size,
    Trend Trend,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] BriefPersona? Persona,
    BriefMetric Metric,
    Performance Performance,
    Forecast Forecast,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] BriefLeaving? Leaving,
    IReadOnlyList<InsightWarning> Unknown,
    DateTimeOffset EvaluatedAt);

/// <summary>A segment's size.</summary>
/// <param name="Members">How many members it has.</param>
/// <param name="Total">How many customers there are.</param>
/// <param name="Share">members / total, 0 to 1; 0 where there is nobody.</param>
public sealed record BriefSize(long Members, long Total, double Share);

/// <summary>What marks a segment's members, in words.</summary>
/// <param name="Headline">In a few words.</param>
/// <param name="Sentences">The most telling, at most five.</param>
/// <param name="Analysis">The id of the profile that found it: <c>GET /analyses/{id}</c> has the figures.</param>
/// <param name="AsOf">The instant that the profile looked at.</param>
public sealed record BriefPersona(string Headline, IReadOnlyList<string> Sentences, string Analysis, DateTimeOffset AsOf);

/// <summary>What a segment is measured by.</summary>
/// <param name="Key">The metric's key.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What it measures.</param>
/// <param name="Direction">Which way is better.</param>
/// <param name="Named">Whether the segment names it as its <c>goalMetric</c>; else it is <c>revenue</c>, for want of one.</param>
public sealed record BriefMetric(string Key, string Name, MetricKind Kind, MetricGoal Direction, bool Named);

/// <summary>Who will leave by the clock alone, as <c>/movers</c> tells it.</summary>
/// <param name="Days">Within how many days.</param>
/// <param name="Count">How many are known to leave.</param>
/// <param name="More">Whether there may be more: only the first page of <c>/movers</c> was read.</param>
/// <param name="Soonest">Those who leave first, at most ten.</param>
public sealed record BriefLeaving(int Days, int Count, bool More, IReadOnlyList<Mover> Soonest);
