using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.Feedback;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;

namespace Segmentation.Api.Endpoints;

/// <summary>What a segment's members say.</summary>
[ApiController]
[Route("api/v1/segments/{key}/feedback")]
[Tags("Insight")]
[RequiresScope(Scopes.MembershipRead)]
[Produces(MediaTypes.Json)]
public sealed class FeedbackController(FeedbackReader feedback) : ControllerBase
{
    /// <summary>What a segment's members say: responses, NPS, CSAT and sentiment, beside others; and their words.</summary>
    /// <remarks>Feedback is events of <c>Feedback:EventTypes</c>. Its sentiment, -1 to 1, is that of a score on its scale, else of its
    /// text: by the model that rated texts have taught, or in English by a list of words. It sorts crowds, not single customers: of two
    /// texts, one positive and one negative, such a list puts about four of five in the right order. Buckets are as in <c>/trend</c>, at
    /// most 400; each counts who was a member at its first instant. <c>terms</c> are the words that tell positive from negative texts of
    /// the members; texts are never shown. Before <c>keptSince</c> nobody knows who was in (<c>membership=kept</c>): values are
    /// null.</remarks>
    /// <param name="from">Where to begin; 30 days before <c>to</c>, at the beginning of an interval, when left out.</param>
    /// <param name="to">Where to end; <c>asOf</c> when left out.</param>
    /// <param name="interval">How long the buckets are; a day when left out, or a month where that makes more than 400.</param>
    /// <param name="membership"><c>kept</c> (the default): the stays that are stored. <c>rule</c>: the rule evaluated as of each bucket's
    /// beginning, at most 400 evaluations.</param>
    /// <param name="asOf">The instant after which nothing counts; now when left out. A bucket that it cuts is not <c>complete</c>.</param>
    [HttpGet]
    [CountsEvents]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<SegmentFeedback>(StatusCodes.Status200OK)]
    public Task<SegmentFeedback> Feedback(
        string key, Instant? from, Instant? to, CalendarUnit? interval, MembershipSource? membership, Instant? asOf,
        CancellationToken cancellation) =>
        feedback.ReadAsync(
            key, new FeedbackRequest(from?.Value, to?.Value, interval, membership ?? MembershipSource.Kept, asOf?.Value), cancellation);
}
