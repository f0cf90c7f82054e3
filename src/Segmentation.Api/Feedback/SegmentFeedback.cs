using System.Text.Json.Serialization;
using Segmentation.Api.History;
using Segmentation.Api.Insight;

namespace Segmentation.Api.Feedback;

/// <summary>What a segment's members say.</summary>
/// <param name="Membership">Whose membership: that which was stored, or the rule's.</param>
/// <param name="Interval">How long the buckets are.</param>
/// <param name="TimeZone">The segment's time zone, in which buckets begin.</param>
/// <param name="KeptSince">From when on it is stored who was a member; null where nothing ever was.</param>
/// <param name="AsOf">The instant after which nothing counts.</param>
/// <param name="Items">The buckets, in the order of time, without a gap.</param>
/// <param name="Terms">The words that tell the members' texts apart.</param>
/// <param name="Warnings">What should be known besides.</param>
public sealed record SegmentFeedback(
    MembershipSource Membership,
    CalendarUnit Interval,
    string TimeZone,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? KeptSince,
    DateTimeOffset AsOf,
    IReadOnlyList<FeedbackBucket> Items,
    FeedbackTerms Terms,
    IReadOnlyList<InsightWarning> Warnings);

/// <summary>A bucket of a segment's feedback.</summary>
/// <param name="Start">Its first instant.</param>
/// <param name="End">The next one's first instant.</param>
/// <param name="Complete">False where <c>asOf</c> cuts it.</param>
/// <param name="Segment">Of those who were members at the bucket's first instant.</param>
/// <param name="Others">Of everyone else.</param>
public sealed record FeedbackBucket(
    DateTimeOffset Start, DateTimeOffset End, bool Complete, FeedbackFigures Segment, FeedbackFigures Others);

/// <summary>Feedback of a group of customers. All are null where nobody knows who they were. Intervals are of 95 %, [low, high].</summary>
/// <param name="Members">How many customers there are, those who said nothing included.</param>
/// <param name="Responses">How many pieces of feedback there are.</param>
/// <param name="Customers">How many customers gave any.</param>
/// <param name="Nps">Promoters (scores of 9 and 10) less detractors (0 to 6), in points: -100 to 100; null without a score.</param>
/// <param name="NpsInterval">± 196 √((p + d - (p - d)²) / n).</param>
/// <param name="NpsResponses">How many scores it is of.</param>
/// <param name="Csat">The share of satisfied customers' scores: three quarters up the scale and more, 4 and 5 of 1 to 5; null without a
/// score.</param>
/// <param name="CsatInterval">Wilson's.</param>
/// <param name="CsatResponses">How many scores it is of.</param>
/// <param name="Sentiment">The mean sentiment, -1 to 1; null without any.</param>
/// <param name="SentimentInterval">By the delta method, which knows that one customer may answer several times; null for fewer than two
/// members.</param>
/// <param name="SentimentResponses">How many pieces of feedback it is of.</param>
public sealed record FeedbackFigures(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Members,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Responses,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Customers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Nps,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double[]? NpsInterval,
    double? NpsResponses,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Csat,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double[]? CsatInterval,
    double? CsatResponses,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Sentiment,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double[]? SentimentInterval,
    double? SentimentResponses)
{
    /// <summary>Of those of whom nobody knows who they were.</summary>
    internal static FeedbackFigures Unknown { get; } = new(null, null, null, null, null, null, null, null, null, null, null, null);
}

/// <summary>The words that tell positive from negative texts, those first that do so most. Texts themselves are never shown.</summary>
/// <param name="Texts">How many texts with a sentiment other than 0 there were; the newest 20,000 at most.</param>
/// <param name="Positive">Words of positive texts.</param>
/// <param name="Negative">Words of negative texts.</param>
public sealed record FeedbackTerms(int Texts, IReadOnlyList<FeedbackTerm> Positive, IReadOnlyList<FeedbackTerm> Negative);

/// <summary>A word that at least <c>Insight:MinimumGroup</c> customers used.</summary>
/// <param name="Term">The word, in small letters.</param>
/// <param name="Weight">The weighted log-odds ratio (Monroe, Colaresi, Quinn 2008): how many standard errors it leans to positive texts;
/// negative for words of negative texts. What is beyond 2 is hardly chance.</param>
/// <param name="Positive">How many positive texts have it.</param>
/// <param name="Negative">How many negative texts have it.</param>
public sealed record FeedbackTerm(string Term, double Weight, long Positive, long Negative);
