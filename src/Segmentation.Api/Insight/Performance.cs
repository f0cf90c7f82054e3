using System.Text.Json.Serialization;
using Segmentation.Api.History;

namespace Segmentation.Api.Insight;

/// <summary>Whom of a segment a bucket counts.</summary>
public enum Population
{
    /// <summary>Who was a member at the bucket's first instant, whatever they did later.</summary>
    Start,

    /// <summary>An event counts if the customer was a member just before it: after joining, and up to the instant of leaving.</summary>
    During,

    /// <summary>The members of now, in every bucket.</summary>
    Now,
}

/// <summary>How a segment does by a metric.</summary>
/// <param name="Metric">The metric's key.</param>
/// <param name="Population">Whom the buckets count.</param>
/// <param name="Membership">Whose membership: that which was stored, or the rule's.</param>
/// <param name="Compare">Whom they are compared with: <c>others</c>, <c>everyone</c> or a segment's key.</param>
/// <param name="Survivors">Whether only those count who are still in (of <c>now</c>): who left is missing from the past.</param>
/// <param name="Interval">How long the buckets are.</param>
/// <param name="TimeZone">The segment's time zone, in which buckets begin.</param>
/// <param name="KeptSince">From when on it is stored who was a member; null where nothing ever was.</param>
/// <param name="AsOf">The instant after which nothing counts.</param>
/// <param name="Items">The buckets, in the order of time, without a gap.</param>
/// <param name="Warnings">What should be known besides.</param>
public sealed record Performance(
    string Metric,
    Population Population,
    MembershipSource Membership,
    string Compare,
    bool Survivors,
    CalendarUnit Interval,
    string TimeZone,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? KeptSince,
    DateTimeOffset AsOf,
    IReadOnlyList<PerformanceBucket> Items,
    IReadOnlyList<InsightWarning> Warnings);

/// <summary>A bucket of a segment's performance.</summary>
/// <param name="Start">Its first instant.</param>
/// <param name="End">The next one's first instant.</param>
/// <param name="Complete">False where <c>asOf</c> cuts it.</param>
/// <param name="Segment">The population.</param>
/// <param name="Compared">Whom it is compared with.</param>
/// <param name="Difference">The population less the compared; null where either is not known.</param>
/// <param name="Index">The population's perMember (of a conversion its conversion, of a ratio its value) by that of everyone; null where
/// that is 0 or the population is not known or empty.</param>
public sealed record PerformanceBucket(
    DateTimeOffset Start,
    DateTimeOffset End,
    bool Complete,
    MetricFigures Segment,
    MetricFigures Compared,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] MetricDifference? Difference,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Index);

/// <summary>A metric over a group of customers and a period. All are null where nobody knows who they were. Intervals are of 95 %,
/// [low, high].</summary>
/// <param name="Members">How many they are; of <c>during</c>, member-time by the length of the bucket.</param>
/// <param name="Value">The total; of a conversion how many customers; of a ratio the quotient of the totals, null where it is by 0.</param>
/// <param name="ValueInterval">Of a ratio, by the delta method.</param>
/// <param name="Events">How many events.</param>
/// <param name="Customers">How many have at least one.</param>
/// <param name="Conversion">customers / members; null where there are none.</param>
/// <param name="ConversionInterval">Wilson's. Null where more customers had an event than were in on average.</param>
/// <param name="PerMember">Of a count, sum or time: value / members, those without an event included.</param>
/// <param name="PerMemberInterval">Mean ± 1.96 s/√n; null for fewer than two.</param>
public sealed record MetricFigures(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Members,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Value,
    double[]? ValueInterval,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Events,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Customers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Conversion,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double[]? ConversionInterval,
    double? PerMember,
    double[]? PerMemberInterval)
{
    /// <summary>Of those of whom nobody knows who they were.</summary>
    internal static MetricFigures Unknown { get; } = new(null, null, null, null, null, null, null, null, null);
}

/// <summary>How much more one group has than another. Intervals are of 95 %, [low, high].</summary>
/// <param name="Conversion">The difference of the conversions, -1 to 1.</param>
/// <param name="ConversionInterval">Newcombe's, method 10.</param>
/// <param name="PerMember">Of a count, sum or time: the difference of the means.</param>
/// <param name="PerMemberInterval">Welch's normal interval; null where a group is of fewer than two.</param>
/// <param name="Value">Of a ratio: the difference of the values.</param>
public sealed record MetricDifference(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Conversion,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double[]? ConversionInterval,
    double? PerMember,
    double[]? PerMemberInterval,
    double? Value);
