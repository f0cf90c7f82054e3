using System.Runtime.InteropServices;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Events;

/// <summary>Stores the events of one request: checks each, stores them in batches, and counts what became of them.</summary>
public sealed class EventIngest(
    EventStore store, EventValidator validator, IngestThrottle throttle, IEvaluationBacklog backlog, TimeProvider time)
{
    /// <summary>Events in one array.</summary>
    public const int MaxArray = 10_000;

    private const int BatchRows = 5000;
    private const int BatchBytes = 8 * 1024 * 1024;

    // Smaller batches of a request of lines are stored at once, like events that come by themselves.
    private const int BulkRows = 1000;

    private readonly List<EventError> errors = [];
    private long received;
    private long stored;
    private long duplicates;
    private long rejected;
    private long created;
    private bool isNdjson;

    /// <summary>One event.</summary>
    /// <exception cref="ApiProblem">It was rejected.</exception>
    public async Task<EventsResult> StoreOneAsync(EventResource e, bool create, CancellationToken cancellation)
    {
        var faults = validator.Check(e).ToArray();
        if (faults is not [])
        {
            throw ApiProblem.Invalid(faults);
        }

        var result = await store.StoreAsync([new IncomingEvent(e.CustomerId!, e.ToEvent(Now), 0)], create, cancellation);
        return result.Refused is [var refused]
            ? throw ApiProblem.Invalid(refused.Pointer, refused.Message)
            : new EventsResult(1, result.Stored, 1 - result.Stored, 0, result.Created, []);
    }

    /// <summary>A JSON body: one event, or an array of them.</summary>
    public async Task<EventsResult> StoreJsonAsync(Stream body, bool create, CancellationToken cancellation)
    {
        using var document = await ParseAsync(body, cancellation);
        var json = document.RootElement;
        if (json.ValueKind != JsonValueKind.Array)
        {
            return await StoreOneAsync(Read(json), create, cancellation);
        }

        if (json.GetArrayLength() > MaxArray)
        {
            throw ApiProblem.Invalid("", $"An array must have at most {MaxArray} events; NDJSON has no limit.");
        }

        var batch = new List<IncomingEvent>(json.GetArrayLength());
        foreach (var (index, item) in json.EnumerateArray().Index())
        {
            received++;
            Add(batch, index, () => Read(item));
        }

        await StoreAsync(batch, create, cancellation);
        return Result();
    }

    /// <summary>NDJSON of any length: a batch is stored while the next one is read.</summary>
    public async Task<EventsResult> StoreLinesAsync(Stream body, bool create, CancellationToken cancellation)
    {
        isNdjson = true;
        var reader = new RecordReader(body, csv: false);
        var (batch, bytes, storing) = (new List<IncomingEvent>(BatchRows), 0L, Task.CompletedTask);
        try
        {
            while (await reader.ReadAsync(cancellation))
            {
                received++;
                if (reader.Fault is { } unreadable)
                {
                    Reject(reader.Line, unreadable);
                    continue;
                }

                bytes += reader.Record.Length;
                Add(batch, reader.Line, () => JsonSerializer.Deserialize<EventResource>(reader.Record.Span, Json.Options));
                if (batch.Count == BatchRows || bytes > BatchBytes)
                {
                    await storing;
                    storing = StoreAsync(batch, create, cancellation);
                    (batch, bytes) = (new List<IncomingEvent>(BatchRows), 0);
                }
            }
        }
        finally
        {
            // The connection is busy until then, whatever became of the reading.
            await storing;
        }

        await StoreAsync(batch, create, cancellation);
        return Result();
    }

    private DateTimeOffset Now => LocalTime.Truncate(time.GetUtcNow());

    // A property that an item has twice is that item's fault alone, found when it is read.
    private static async Task<JsonDocument> ParseAsync(Stream body, CancellationToken cancellation)
    {
        try
        {
            return JsonDocument.Parse(await JsonBodyFormatter.ReadBytesAsync(body, cancellation));
        }
        catch (JsonException malformed)
        {
            throw Json.Problem(malformed, typeof(EventResource));
        }
    }

    private static EventResource Read(JsonElement json)
    {
        // Of a list, bytes that are no text cost their own event alone.
        if (Utf8Text.FindFault(JsonMarshal.GetRawUtf8Value(json)) is { } fault)
        {
            throw ApiProblem.Invalid("", $"It is {fault}");
        }

        try
        {
            return json.Deserialize<EventResource>(Json.Options) ?? throw ApiProblem.Invalid("", "An event must be a JSON object.");
        }
        catch (JsonException malformed)
        {
            throw Json.Problem(malformed, typeof(EventResource));
        }
        catch (InvalidOperationException undecodable) when (undecodable.Source == "System.Text.Json")
        {
            throw ApiProblem.Invalid("", "A string has half a surrogate pair in it.");
        }
    }

    private void Add(List<IncomingEvent> batch, int ordinal, Func<EventResource?> read)
    {
        try
        {
            if (read() is not { } e)
            {
                Reject(ordinal, "An event must be a JSON object.");
            }
            else if (validator.Check(e).ToArray() is not [] and var faults)
            {
                Reject(ordinal, string.Join(' ', faults.Select(f => f.Message)));
            }
            else
            {
                batch.Add(new IncomingEvent(e.CustomerId!, e.ToEvent(Now), ordinal));
            }
        }
        catch (JsonException malformed)
        {
            Reject(ordinal, Json.Problem(malformed, typeof(EventResource)).Summary());
        }
        catch (ApiProblem malformed)
        {
            Reject(ordinal, malformed.Summary());
        }
        catch (InvalidOperationException undecodable) when (undecodable.Source == "System.Text.Json")
        {
            Reject(ordinal, "A string has half a surrogate pair in it.");
        }
    }

    private async Task StoreAsync(List<IncomingEvent> batch, bool create, CancellationToken cancellation)
    {
        var result = isNdjson && batch.Count >= BulkRows
            ? await throttle.RunAsync(
                () => backlog.CountAsync(cancellation), () => store.StoreAsync(batch, create, cancellation), cancellation)
            : await store.StoreAsync(batch, create, cancellation);
        foreach (var (e, _, message) in result.Refused)
        {
            Reject(e.Ordinal, message);
        }

        stored += result.Stored;
        created += result.Created;
        duplicates += batch.Count - result.Stored - result.Refused.Count;
    }

    private void Reject(int ordinal, string message)
    {
        lock (errors)
        {
            rejected++;
            if (errors.Count < CustomerImport.MaxErrors)
            {
                errors.Add(isNdjson ? new EventError(ordinal, null, message) : new EventError(null, ordinal, message));
            }
        }
    }

    private EventsResult Result() => new(received, stored, duplicates, rejected, created, [.. errors.OrderBy(e => e.Line ?? e.Index)]);
}
