using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>What customers did.</summary>
[ApiController]
[Route("api/v1")]
[Tags("Events")]
[Produces("application/json")]
[TakesData]
public sealed class EventsController(SegmentationDb db, EventIngest ingest) : ControllerBase
{
    /// <summary>Stores events: one, an array of at most 10,000, or NDJSON of any length.</summary>
    /// <remarks>An event with an <c>id</c> that its customer has already is not stored again. One that is rejected is so alone, unless it
    /// came alone: then it is a 400.</remarks>
    /// <param name="createCustomers">Whether unknown customers are created; true when left out. Else their events are rejected.</param>
    [HttpPost("events")]
    [Idempotent]
    [RequiresScope(Scopes.EventsWrite)]
    [ReadsBody]
    [Work(WorkClass.Point, Later = true)]
    [DisableRequestSizeLimit]
    [ProducesResponseType<EventsResult>(StatusCodes.Status200OK)]
    public Task<EventsResult> Create(bool? createCustomers, CancellationToken cancellation) => RecordBody.TakeAsync(
        HttpContext,
        "Events",
        body => ingest.StoreLinesAsync(body, createCustomers ?? true, cancellation),
        (body, length) => ingest.StoreJsonAsync(body, length, createCustomers ?? true, cancellation));

    /// <summary>Stores one event of a customer.</summary>
    /// <remarks>With the scope <c>self</c> it never creates the customer.</remarks>
    /// <param name="createCustomers">Whether an unknown customer is created; true when left out.</param>
    [HttpPost("customers/{id}/events")]
    [Idempotent]
    [RequiresScope(Scopes.EventsWrite, Self = "id")]
    [ProducesResponseType<EventsResult>(StatusCodes.Status200OK)]
    public async Task<EventsResult> AddEvent(
        string id, [FromBody] EventResource body, bool? createCustomers, CancellationToken cancellation)
    {
        if (body.CustomerId is not null && body.CustomerId != id)
        {
            throw ApiProblem.Invalid("/customerId", "customerId is the one in the path, or is left out.");
        }

        // Of its own accord a customer makes nobody, itself included.
        var creates = (createCustomers ?? true) && HttpContext.Caller.Has(Scopes.EventsWrite);
        body.CustomerId = id;
        return await ingest.StoreOneAsync(body, creates, cancellation);
    }

    /// <summary>Lists a customer's events, newest first.</summary>
    /// <param name="limit">How many a page holds, 1 to 1,000; 100 when left out.</param>
    /// <param name="cursor">The page before's <c>nextCursor</c>.</param>
    [HttpGet("customers/{id}/events")]
    [RequiresScope(Scopes.CustomersRead)]
    [ProducesResponseType<Page<EventResource>>(StatusCodes.Status200OK)]
    public async Task<Page<EventResource>> Events(string id, int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var key = await db.FindCustomerKeyAsync(id, cancellation);
        var events = db.Events.AsNoTracking().Where(e => e.CustomerKey == key);
        if (Paging.TextCursor(cursor) is { } text)
        {
            var (at, last) = ParseCursor(text);
            events = events.Where(e => EF.Functions.LessThan(ValueTuple.Create(e.OccurredAt, e.Id), ValueTuple.Create(at, last)));
        }

        return await Paging.ReadAsync(
            events.OrderByDescending(e => e.OccurredAt).ThenByDescending(e => e.Id), size, e => EventResource.From(e, id),
            e => [$"{Json.Format(e.OccurredAt)} {e.Id}"], cancellation);
    }

    // When the last event of the page before occurred, and its id.
    private static (DateTimeOffset At, string Id) ParseCursor(string text) =>
        text.Split(' ', 2) is [var at, var id] && DateValue.ParseInstant(at) is { } instant ? (instant, id)
            : throw ApiProblem.Invalid("cursor", "Not a cursor of this list.");
}
