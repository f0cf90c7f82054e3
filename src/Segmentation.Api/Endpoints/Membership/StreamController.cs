using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Npgsql;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Streams;

namespace Segmentation.Api.Endpoints;

/// <summary>Who joins and leaves a segment, as it happens.</summary>
[ApiController]
[Route("api/v1/segments/{key}/stream")]
[Tags("Membership")]
[RequiresScope(Scopes.MembershipRead)]
public sealed class StreamController(ChangeStreams streams, AccessWatch access, IHostApplicationLifetime lifetime) : ControllerBase
{
    internal const string MediaType = "text/event-stream";
    private const string ResumeHeader = "Last-Event-ID";
    private const string ResumeParameter = "lastEventId";

    /// <summary>Tells of who joins and leaves, as it happens: Server-Sent Events.</summary>
    /// <remarks>Events are <c>joined</c> and <c>left</c>, their data <c>{"customerId","at","cause","eventId","version"}</c>, and one
    /// <c>hello</c> at the beginning. Each has an
    /// <c>id</c>: sent back as <c>Last-Event-ID</c>, as browsers do by themselves, the stream goes on after it, without loss and without
    /// repetition; an event <c>gap</c> says that something in between is not told, so that the members should be read again: it is no
    /// longer kept, or the stream was not read fast enough, which ends it. A comment every 15 seconds shows that it is alive.
    /// <para>A customer that is erased has <c>left</c>, with the cause <c>erased</c>; its id is kept for that for a day at most, and a
    /// stream that is resumed later gets a <c>gap</c>.</para>
    /// <para>When the segment is deleted, all have left: the last event is <c>segment.deleted</c>, its data
    /// <c>{"segment","at","version"}</c>, and the stream ends, not before. One that is resumed from before the deletion gets that event
    /// too, even where the key has been used for a new segment; resumed after it, it tells who joins the new one, from its beginning, and
    /// answers 404 where there is none.</para>
    /// <para>A stream ends some five seconds after its key or token does.</para>
    /// <para>Try it with <c>curl -N</c>, since a page like this one waits for the end.</para></remarks>
    /// <param name="lastEventId">The id to go on after; from now on when left out.</param>
    /// <param name="resumeAfter">The same, for tools that can't send the header.</param>
    [HttpGet]
    [Work(WorkClass.Stream)]
    [ProducesResponseType<string>(StatusCodes.Status200OK, MediaType)]
    public async Task<IActionResult> Stream(
        string key,
        [FromHeader(Name = ResumeHeader)] string? lastEventId,
        [FromQuery(Name = ResumeParameter)] string? resumeAfter,
        CancellationToken cancellation)
    {
        Request.Negotiate(MediaType);
        var stream = await streams.OpenAsync(key, ParsePosition(lastEventId, resumeAfter), cancellation);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lifetime.ApplicationStopping);
        SetHeaders();
        if (HttpContext.IsHead())
        {
            return new EmptyResult();
        }

        var watching = access.CancelWhenRefusedAsync(HttpContext, ending);
        try
        {
            await stream.WriteToAsync(Response.Body, ending.Token);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The client has gone, or is no longer let in, or the service stops.
        }
        catch (Exception cut) when (cut is NpgsqlException or IOException)
        {
            // Half an answer can't become an error. The client resumes after the last id it received.
            HttpContext.Abort();
        }
        finally
        {
            await ending.CancelAsync();
            await watching;
        }

        return new EmptyResult();
    }

    private static ChangePosition? ParsePosition(string? header, string? parameter) =>
        !string.IsNullOrEmpty(header) ? ChangePosition.Parse(header, ResumeHeader)
        : !string.IsNullOrEmpty(parameter) ? ChangePosition.Parse(parameter, ResumeParameter)
        : null;

    // Nothing on the way to the client may hold events back.
    private void SetHeaders()
    {
        Response.ContentType = MediaType;
        Response.Headers.CacheControl = "no-store, no-transform";
        Response.Headers["X-Accel-Buffering"] = "no";
        HttpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
    }
}
