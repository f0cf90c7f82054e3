using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Api.Streams;

namespace Segmentation.Api.Endpoints;

/// <summary>Who joins and leaves a segment, as it happens.</summary>
[ApiController]
[Route("api/v1/segments/{key}/stream")]
[Tags("Membership")]
public sealed class StreamController(
    SegmentationDb db, NpgsqlDataSource database, IServiceProvider services, IHostApplicationLifetime lifetime) : ControllerBase
{
    internal const string ResumeHeader = "Last-Event-ID";

    /// <summary>Tells of who joins and leaves, as it happens: Server-Sent Events.</summary>
    /// <remarks>Events are <c>joined</c> and <c>left</c>, their data <c>{"customerId","at","cause","eventId","version"}</c>, and one <c>hello</c> at the beginning. Each has an
    /// <c>id</c>: sent back as <c>Last-Event-ID</c>, as browsers do by themselves, the stream goes on after it, without loss and without repetition; an event <c>gap</c> says that
    /// something in between is no longer kept, so that the members should be read again. A comment every 15 seconds shows that it is alive. It ends when the segment is deleted, and not before:
    /// try it with <c>curl -N</c>, since a page like this one waits for the end.</remarks>
    /// <param name="lastEventId">The id to go on after; from now on when left out.</param>
    /// <param name="resumeAfter">The same, for tools that can't send the header.</param>
    [HttpGet]
    [ProducesResponseType<string>(StatusCodes.Status200OK, ServerSentEvents.MediaType)]
    public async Task<IActionResult> Stream(
        string key,
        [FromHeader(Name = ResumeHeader)] string? lastEventId,
        [FromQuery(Name = "lastEventId")] string? resumeAfter,
        CancellationToken cancellation)
    {
        var resume = ParsePosition(lastEventId, ResumeHeader) ?? ParsePosition(resumeAfter, "lastEventId");
        var segment = await db.Segments.AsNoTracking().GetByKeyAsync(Paging.Text(key, "key"), cancellation);
        using var subscription = services.GetRequiredService<MembershipFeed>().Subscribe(segment.Id);

        // Read after the subscription began, so that nothing falls between.
        var range = await ReadRangeAsync(cancellation);
        var start = FindStart(resume, range.Last);
        var isGap = resume is { } from && (from.Batch > range.Last || from.Batch < range.First - 1);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lifetime.ApplicationStopping);
        await SendAsync(key, isGap, subscription, new MembershipChanges(database, segment.Id, start), range.Last, ending.Token);
        return new EmptyResult();
    }

    private static ChangePosition? ParsePosition(string? text, string name) =>
        string.IsNullOrEmpty(text) ? null : ChangePosition.Parse(text, name);

    private static ChangePosition FindStart(ChangePosition? resume, long last) =>
        resume is { } position && position.Batch <= last ? position : ChangePosition.After(last);

    private async Task SendAsync(
        string key,
        bool isGap,
        MembershipFeed.Subscription subscription,
        MembershipChanges changes,
        long last,
        CancellationToken cancellation)
    {
        var events = new ServerSentEvents(Response);
        events.Begin();
        try
        {
            var start = changes.Position;
            await events.WriteAsync("hello", start, new { segment = key }, cancellation);
            if (isGap)
            {
                await events.WriteAsync("gap", start, new { segment = key }, cancellation);
            }

            await events.FlushAsync(cancellation);
            await FollowAsync(events, subscription, changes, last, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The client has gone, or the service stops.
        }
        catch (Exception cut) when (cut is NpgsqlException or IOException)
        {
            // Half an answer can't become an error. The client comes back with the last id that it received.
            HttpContext.Abort();
        }
    }

    private async Task FollowAsync(
        ServerSentEvents events,
        MembershipFeed.Subscription subscription,
        MembershipChanges changes,
        long upTo,
        CancellationToken cancellation)
    {
        var heartbeat = TimeSpan.FromSeconds(services.GetRequiredService<StreamOptions>().HeartbeatSeconds);
        Task<bool>? waiting = null;
        for (var alive = true; alive;)
        {
            var isQuiet = !await WriteChangesAsync(events, changes, upTo, cancellation);
            if (isQuiet && waiting is not null)
            {
                await events.WriteHeartbeatAsync(changes.Position, cancellation);
            }

            waiting ??= subscription.WaitAsync(cancellation);
            try
            {
                alive = await waiting.WaitAsync(heartbeat, cancellation);
                waiting = null;
            }
            catch (TimeoutException)
            {
                // Still waiting.
            }

            upTo = Math.Max(upTo, subscription.Last);
        }
    }

    // Whether there were any.
    private static async Task<bool> WriteChangesAsync(
        ServerSentEvents events, MembershipChanges changes, long upTo, CancellationToken cancellation)
    {
        var any = false;

        // A page is read whole, and its connection let go of, before it is written: the client may be slow.
        while (await changes.NextAsync(upTo, cancellation) is { Count: > 0 } page)
        {
            foreach (var change in page)
            {
                var type = change.Position.Kind == ChangePosition.Joined ? "joined" : "left";
                await events.WriteAsync(type, change.Position, new StreamedChange(change), cancellation);
            }

            await events.FlushAsync(cancellation);
            any = true;
        }

        return any;
    }

    private async Task<(long First, long Last)> ReadRangeAsync(CancellationToken cancellation)
    {
        await using var command = database.CreateCommand("SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM membership_batches");
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return (reader.GetInt64(0), reader.GetInt64(1));
    }

    /// <param name="Version">The segment's version.</param>
    private sealed record StreamedChange(string CustomerId, DateTimeOffset At, MembershipCause Cause, string? EventId, int Version)
    {
        public StreamedChange(StreamChange change)
            : this(change.CustomerId, change.At, change.Cause, change.EventId, change.Version)
        {
        }
    }
}
