using Microsoft.Extensions.Options;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Events;

/// <summary>Stores the events of one request: checks each, stores them in batches, and counts what became of them.</summary>
public sealed class EventIngest(
    Work work, EventStore store, EventValidator validator, IngestThrottle throttle, IEvaluationBacklog backlog,
    IOptions<BackgroundImportOptions> imports, TimeProvider time) : Ingest<EventResource, IncomingEvent>(work, imports, "event", "events")
{
    // Smaller batches of a request of lines are stored at once, like events that come by themselves.
    private const int BulkRows = 1000;

    private readonly HashSet<string> customers = new(StringComparer.Ordinal);
    private bool create;
    private long stored;
    private long duplicates;
    private long created;

    /// <summary>One event.</summary>
    /// <param name="create">Whether unknown customers are created.</param>
    /// <exception cref="ApiProblem">It was rejected.</exception>
    public Task<EventsResult> StoreOneAsync(EventResource e, bool create, CancellationToken cancellation) =>
        StoreAsync(TakeOneAsync, e, create, cancellation);

    /// <summary>A JSON body: one event, or an array of them.</summary>
    /// <inheritdoc cref="Ingest{TResource, TItem}.TakeJsonAsync"/>
    public Task<EventsResult> StoreJsonAsync(Stream body, long? length, bool create, CancellationToken cancellation) =>
        StoreAsync((b, c) => TakeJsonAsync(b, length, c), body, create, cancellation);

    /// <summary>NDJSON of any length.</summary>
    public Task<EventsResult> StoreLinesAsync(Stream body, bool create, CancellationToken cancellation) =>
        StoreAsync(TakeLinesAsync, body, create, cancellation);

    protected override IReadOnlyList<RuleError> Check(EventResource sent) => [.. validator.Check(sent)];

    protected override IncomingEvent Accept(EventResource sent, int ordinal) =>
        new(sent.CustomerId!, sent.ToEvent(LocalTime.Truncate(time.GetUtcNow())), ordinal);

    protected override async Task StoreAsync(List<IncomingEvent> batch, CancellationToken cancellation) => Count(
        IsLines && batch.Count >= BulkRows
            ? await throttle.RunAsync(
                () => backlog.CountAsync(cancellation), () => store.StoreAsync(batch, create, cancellation), cancellation)
            : await store.StoreAsync(batch, create, cancellation),
        batch.Count);

    protected override async Task StorePartsAsync(
        Func<IAsyncEnumerable<IReadOnlyList<IncomingEvent>>> read, int count, CancellationToken cancellation) =>
        Count(await store.StoreAsync(customers, read, create, cancellation), count);

    protected override void Note(IReadOnlyList<IncomingEvent> part) => customers.UnionWith(part.Select(e => e.CustomerId));

    private async Task<EventsResult> StoreAsync<T>(
        Func<T, CancellationToken, Task> take, T sent, bool creates, CancellationToken cancellation)
    {
        create = creates;
        await take(sent, cancellation);

        // One that came alone is not counted, but refused.
        return IsOne && Faults.FirstOrDefault() is { } refused
            ? throw ApiProblem.Invalid(refused.Pointer, refused.Message)
            : new EventsResult(
                Received, stored, duplicates, Rejected, created,
                [.. Faults.Select(f => new EventError(f.Line, f.Index, f.Pointer, f.Message))]);
    }

    private void Count(StoredEvents result, int sent)
    {
        foreach (var (e, pointer, message) in result.Refused)
        {
            Reject(e.Ordinal, pointer, message);
        }

        stored += result.Stored;
        created += result.Created;
        duplicates += sent - result.Stored - result.Refused.Count;
    }
}
