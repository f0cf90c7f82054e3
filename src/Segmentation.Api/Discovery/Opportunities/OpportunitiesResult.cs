using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Segmentation.Api.Discovery;

/// <summary>What was found.</summary>
/// <param name="Since">The instant that groups are described as of; the target is what came since.</param>
/// <param name="MinimumSize">How many customers a group had to have.</param>
/// <param name="Searched">How many groups were judged on the half that was searched.</param>
/// <param name="Taken">How many of them were tested on the other half; every p is corrected for them.</param>
/// <param name="Everyone">The target of everyone.</param>
/// <param name="Opportunities">Those that are confirmed, the surest first; with <c>?show=all</c> all that were taken.</param>
internal sealed record OpportunitiesResult(
    DateTimeOffset Since, int MinimumSize, int Searched, int Taken, EveryoneResult Everyone,
    IReadOnlyList<OpportunityResult> Opportunities);

/// <param name="Customers">All of them.</param>
/// <param name="Value">Their mean, or share.</param>
/// <param name="Interval">Its interval.</param>
/// <param name="Discovering">The half that is searched.</param>
/// <param name="Confirming">The half that is tested on.</param>
internal sealed record EveryoneResult(long Customers, double Value, double[] Interval, HalfResult Discovering, HalfResult Confirming);

internal sealed record HalfResult(long Customers, double Value);

/// <param name="Rule">Who it is, ready to be a segment's.</param>
/// <param name="Text">The same in words.</param>
/// <param name="Customers">Whom the rule holds of at <c>asOf</c>.</param>
/// <param name="Discovered">What was seen on the half that was searched: the largest of many, and so too good.</param>
/// <param name="Confirming">How many were tested: of the group, and others; and p before it is corrected.</param>
/// <param name="Confirmed">Whether it holds on the other half.</param>
/// <param name="Value">The group's mean, or share, on the other half, as all that follows.</param>
/// <param name="Interval">Its interval.</param>
/// <param name="Others">That of the others.</param>
/// <param name="Lift">How many times as much; null where the others' is 0.</param>
/// <param name="P">Corrected by Holm's method for all that were taken.</param>
/// <param name="Covers">The active segments that have most in common with it.</param>
/// <param name="Overlooked">Whether none of them is much the same.</param>
internal sealed record OpportunityResult(
    JsonNode Rule, string Text, long Customers, DiscoveredResult Discovered, ConfirmingResult Confirming, bool Confirmed,
    double Value, double[] Interval, double Others,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Lift,
    double P, IReadOnlyList<CoverResult> Covers, bool Overlooked);

internal sealed record DiscoveredResult(
    long Customers, double Value, double Others,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Lift, double Quality);

internal sealed record ConfirmingResult(long Customers, long Others, double P);

internal sealed record CoverResult(string Segment, double Jaccard);
