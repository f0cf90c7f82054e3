using Segmentation.Api.Analyses;

namespace Segmentation.Api.Insight;

/// <summary>What marks a segment.</summary>
/// <param name="Segment">The key of the segment whose members are looked at.</param>
/// <param name="Against">The key of a segment whose customers they are compared with, those who are no members; all others when left
/// out.</param>
/// <param name="Within">The key of a segment that both sides are restricted to; nobody is left out without it.</param>
/// <param name="Days">Events of so many days before <c>asOf</c> count, 1 to 3,650; 90 when left out.</param>
/// <param name="Properties">Properties of events whose values are compared, as <c>TYPE.PROPERTY</c>: <c>order_completed.category</c>; 20 at
/// most.</param>
public sealed record ProfileRequest(
    [property: Http.Needed] string? Segment = null,
    string? Against = null,
    string? Within = null,
    int? Days = null,
    IReadOnlyList<string>? Properties = null)
    : AnalysisRequest;
