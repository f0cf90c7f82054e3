using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.Http;
using Segmentation.Api.Streams;

namespace Segmentation.Api.Endpoints;

/// <summary>Who joins and leaves a segment, as it happens.</summary>
[ApiController]
[Route("api/v1/segments/{key}/stream")]
[Tags("Membership")]
public sealed class StreamController(NpgsqlDataSource database, IServiceProvider services, IHostApplicationLifetime lifetime) : ControllerBase
{
    internal const string MediaType = "text/event-stream", ResumeHeader = "Last-Event-ID";

    /// <summary>Tells of who joins and leaves, as it happens: Server-Sent Events.</summary>
    /// <remarks>Events are <c>joined</c> and <c>left</c>, their data <c>{"customerId","at","cause","eventId","version"}</c>, and one <c>hello</c> at the beginning. Each has an
    /// <c>id</c>: sent back as <c>Last-Event-ID</c>, as browsers do by themselves, the stream goes on after it, without loss and without repetition; an event <c>gap</c> says that
    /// something in between is no longer kept, so that the members should be read again. A comment every 15 seconds shows that it is alive. It ends when the segment is deleted, and not before:
    /// try it with <c>curl -N</c>, since a page like this one waits for the end.</remarks>
    /// <param name="lastEventId">The id to go on after; from now on when left out.</param>
    /// <param name="resumeAfter">The same, for tools that can't send the header.</param>
    [HttpGet]
    [ProducesResponseType<string>(StatusCodes.Status200OK, MediaType)]
    public async Task<IActionResult> Stream(
        string key, [FromHeader(Name = ResumeHeader)] string? lastEventId, [FromQuery(Name = "lastEventId")] string? resumeAfter, CancellationToken cancellation)
    {
        var resume = lastEventId is { Length: > 0 } ? ChangePosition.Parse(lastEventId, ResumeHeader)
            : resumeAfter is { Length: > 0 } ? ChangePosition.Parse(resumeAfter, "lastEventId") : (ChangePosition?)null;
        var segment = await FindAsync(key, cancellation);
        using var subscription = services.GetRequiredService<MembershipFeed>().Subscribe(segment.Id);

        // Asked after listening began, so that nothing falls between.
        var (first, last) = await RangeAsync(cancellation);
        var isGap = resume is { } from && (from.Batch > last || from.Batch < first - 1);
        var start = resume is { } at && at.Batch <= last ? at : ChangePosition.After(last);

        Response.ContentType = MediaType;
        Response.Headers.CacheControl = "no-cache, no-transform";
        Response.Headers["X-Accel-Buffering"] = "no";
        HttpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lifetime.ApplicationStopping);
        try
        {
            await WriteAsync("hello", start, new { segment = key }, ending.Token);
            if (isGap)
            {
                await WriteAsync("gap", start, new { segment = key }, ending.Token);
            }

            await Response.Body.FlushAsync(ending.Token);
            await FollowAsync(subscription, new MembershipChanges(database, segment.Id, start), last, ending.Token);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The client has gone, or the service goes.
        }
        catch (Exception cut) when (cut is NpgsqlException or IOException)
        {
            // Half an answer can't become an error. The client comes back with the last id it got.
            HttpContext.Abort();
        }

        return new EmptyResult();
    }

    private async Task FollowAsync(MembershipFeed.Subscription subscription, MembershipChanges changes, long upTo, CancellationToken cancellation)
    {
        var heartbeat = TimeSpan.FromSeconds(services.GetRequiredService<StreamOptions>().HeartbeatSeconds);
        Task<bool>? waiting = null;
        for (var alive = true; alive;)
        {
            // Read whole and let go of the connection before it is written: the client may be slow.
            var quiet = true;
            while (await changes.NextAsync(upTo, cancellation) is { Count: > 0 } page)
            {
                foreach (var change in page)
                {
                    await WriteAsync(change.Position.Kind == ChangePosition.Joined ? "joined" : "left", change.Position, new StreamedChange(change), cancellation);
                }

                await Response.Body.FlushAsync(cancellation);
                quiet = false;
            }

            if (quiet && waiting is not null)
            {
                // A block without data is no event, but its id counts: a client that has heard nothing for long is not left behind.
                await Response.WriteAsync($":\nid: {changes.Position}\n\n", cancellation);
                await Response.Body.FlushAsync(cancellation);
            }

            waiting ??= subscription.WaitAsync(cancellation);
            try
            {
                (alive, waiting) = (await waiting.WaitAsync(heartbeat, cancellation), null);
            }
            catch (TimeoutException)
            {
                // Still waiting.
            }

            upTo = Math.Max(upTo, subscription.Last);
        }
    }

    private async Task WriteAsync(string type, ChangePosition id, object data, CancellationToken cancellation)
    {
        var text = new StringBuilder().Append("event: ").Append(type).Append("\nid: ").Append(id).Append("\ndata: ").Append(JsonSerializer.Serialize(data, data.GetType(), Json.Options)).Append("\n\n");
        await Response.WriteAsync(text.ToString(), cancellation);
    }

    private async Task<(int Id, string Key)> FindAsync(string key, CancellationToken cancellation)
    {
        await using var command = database.CreateCommand("SELECT id FROM segments WHERE key = $1");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = Paging.Text(key, "key") });
        return await command.ExecuteScalarAsync(cancellation) is int id ? (id, key) : throw ApiProblem.NotFound("segment");
    }

    private async Task<(long First, long Last)> RangeAsync(CancellationToken cancellation)
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
