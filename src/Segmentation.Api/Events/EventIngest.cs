using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Events;

/// <summary>Stores the events of one request: checks each, stores them in batches, and counts what became of them.</summary>
public sealed class EventIngest(
    Work work, EventStore store, EventValidator validator, IngestThrottle throttle, IEvaluationBacklog backlog,
    IOptions<BackgroundImportOptions> imports, TimeProvider time)
{
    /// <summary>Events in one array.</summary>
    public const int MaxArray = 10_000;

    private const int BatchRows = 5000;
    private const int BatchBytes = 8 * 1024 * 1024;

    // An array that is longer is held in a file, and its events in parts of as much.
    private const int HeldBytes = 1024 * 1024;

    // Smaller batches of a request of lines are stored at once, like events that come by themselves.
    private const int BulkRows = 1000;

    // An array costs as much as a request more for each of so many.
    private const int EventsPerToken = 100;

    // More events of an array at once are bulk work.
    private const int MaxPoint = 100;

    // JSON's blanks, and the bytes of a byte order mark.
    private static readonly SearchValues<byte> Blank = SearchValues.Create([.. " \t\r\n"u8, .. "\uFEFF"u8]);

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

    /// <summary>A JSON body: one event, or an array of them, which is read item by item and stored once it is there.</summary>
    /// <param name="length">Bytes of the body, where that is said. A long one is bulk work before it is read.</param>
    public async Task<EventsResult> StoreJsonAsync(Stream body, long? length, bool create, CancellationToken cancellation)
    {
        if (length > HeldBytes)
        {
            await work.EnterAsync(WorkClass.Bulk, cancellation);
        }

        try
        {
            await using var held = new FileBufferingReadStream(
                body, HeldBytes, bufferLimit: null, imports.Value.Directory ?? Path.GetTempPath());
            return await IsArrayAsync(held, cancellation)
                ? await StoreArrayAsync(held, create, cancellation)
                : await StoreOneAsync(await ReadOneAsync(held, cancellation), create, cancellation);
        }
        catch (Exception noRoom) when (noRoom is UnauthorizedAccessException or (IOException and not BadHttpRequestException))
        {
            throw new ApiProblem(
                StatusCodes.Status503ServiceUnavailable,
                "The array can't be held here: set Imports:Directory to a folder with room, or send fewer events, or NDJSON.");
        }
    }

    /// <summary>NDJSON of any length: a batch is stored while the next one is read.</summary>
    public async Task<EventsResult> StoreLinesAsync(Stream body, bool create, CancellationToken cancellation)
    {
        isNdjson = true;
        await work.EnterAsync(WorkClass.Bulk, cancellation);
        var reader = new RecordReader(body, csv: false);
        var (batch, bytes, storing) = (new List<IncomingEvent>(BatchRows), 0L, Task.CompletedTask);
        try
        {
            while (await reader.ReadAsync(cancellation))
            {
                received++;
                if (reader.Fault is { } unreadable)
                {
                    Reject(reader.Line, "", unreadable);
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
            // What is being stored is stored, whatever became of the reading.
            await storing;
        }

        await StoreAsync(batch, create, cancellation);
        return Result();
    }

    private DateTimeOffset Now => LocalTime.Truncate(time.GetUtcNow());

    // Read once while it comes: then it is known to be whole, and who is to be locked. A long one is read again, part by part.
    private async Task<EventsResult> StoreArrayAsync(FileBufferingReadStream held, bool create, CancellationToken cancellation)
    {
        var (part, customers, valid) = (new List<IncomingEvent>(), new HashSet<string>(StringComparer.Ordinal), new HashSet<int>());
        await using (var items = new JsonItems(held, typeof(EventResource)))
        {
            while (await items.ReadAsync(cancellation))
            {
                if (items.Index == MaxArray)
                {
                    throw ApiProblem.Invalid("", $"An array must have at most {MaxArray} events; NDJSON has no limit.");
                }

                received++;
                Add(part, items.Index, () => Read(items.Item));
                if (held.Length > HeldBytes)
                {
                    Note();
                    await EnterOnceAsync(WorkClass.Bulk);
                }
            }
        }

        // Nothing is held for a short array before this: a place, a connection.
        work.Charge(RateName.Default, (int)received / EventsPerToken);
        await EnterOnceAsync(received > MaxPoint ? WorkClass.Bulk : WorkClass.Point);
        if (held.TempFileName is not { } file)
        {
            await StoreAsync(part, create, cancellation);
            return Result();
        }

        // What is open stays until it is closed, whatever becomes of the process.
        File.Delete(file);
        Note();
        Count(await store.StoreAsync(customers, () => ReadPartsAsync(held, valid, cancellation), create, cancellation), valid.Count);
        return Result();

        Task EnterOnceAsync(WorkClass to) =>
            work.Class == WorkClass.Bulk ? Task.CompletedTask : work.EnterAsync(to, cancellation);

        void Note()
        {
            customers.UnionWith(part.Select(e => e.CustomerId));
            valid.UnionWith(part.Select(e => e.Ordinal));
            part.Clear();
        }
    }

    // The valid events of an array that was read before.
    private async IAsyncEnumerable<IReadOnlyList<IncomingEvent>> ReadPartsAsync(
        FileBufferingReadStream held, HashSet<int> valid, [EnumeratorCancellation] CancellationToken cancellation)
    {
        held.Position = 0;
        var (part, bytes) = (new List<IncomingEvent>(), 0L);
        await using var items = new JsonItems(held, typeof(EventResource));
        while (await items.ReadAsync(cancellation))
        {
            if (!valid.Contains(items.Index))
            {
                continue;
            }

            var e = Read(items.Item);
            e.Normalize();
            part.Add(new IncomingEvent(e.CustomerId!, e.ToEvent(Now), items.Index));
            bytes += JsonMarshal.GetRawUtf8Value(items.Item).Length;
            if (bytes > HeldBytes)
            {
                yield return part;
                (part, bytes) = ([], 0);
            }
        }

        yield return part;
    }

    // Whether the first byte that is not blank begins an array.
    private static async Task<bool> IsArrayAsync(FileBufferingReadStream held, CancellationToken cancellation)
    {
        var head = new byte[512];
        int read, first = -1;
        while (first < 0 && (read = await held.ReadAsync(head, cancellation)) > 0)
        {
            first = head.AsSpan(0, read).IndexOfAnyExcept(Blank);
        }

        held.Position = 0;
        return first >= 0 && head[first] == '[';
    }

    private async Task<EventResource> ReadOneAsync(Stream held, CancellationToken cancellation)
    {
        try
        {
            using var document = JsonDocument.Parse(
                await JsonBodyFormatter.ReadBytesAsync(held, cancellation, HttpSetup.MaxRequestBodySize));
            await work.EnterAsync(WorkClass.Point, cancellation);
            return Read(document.RootElement);
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
                Reject(ordinal, "", "An event must be a JSON object.");
            }
            else if (validator.Check(e).ToArray() is not [] and var faults)
            {
                Reject(ordinal, faults[0].Pointer, string.Join(' ', faults.Select(f => f.Message)));
            }
            else
            {
                batch.Add(new IncomingEvent(e.CustomerId!, e.ToEvent(Now), ordinal));
            }
        }
        catch (JsonException malformed)
        {
            Reject(ordinal, Json.Problem(malformed, typeof(EventResource)));
        }
        catch (ApiProblem malformed)
        {
            Reject(ordinal, malformed);
        }
        catch (InvalidOperationException undecodable) when (undecodable.Source == "System.Text.Json")
        {
            Reject(ordinal, "", "A string has half a surrogate pair in it.");
        }
    }

    private async Task StoreAsync(List<IncomingEvent> batch, bool create, CancellationToken cancellation)
    {
        var result = isNdjson && batch.Count >= BulkRows
            ? await throttle.RunAsync(
                () => backlog.CountAsync(cancellation), () => store.StoreAsync(batch, create, cancellation), cancellation)
            : await store.StoreAsync(batch, create, cancellation);
        Count(result, batch.Count);
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

    private void Reject(int ordinal, ApiProblem problem) =>
        Reject(ordinal, problem.Errors?.Keys.FirstOrDefault() ?? "", problem.Summary());

    // The pointer is one into the event.
    private void Reject(int ordinal, string pointer, string message)
    {
        lock (errors)
        {
            rejected++;
            if (errors.Count < CustomerImport.MaxErrors)
            {
                errors.Add(isNdjson
                    ? new EventError(ordinal, null, pointer, message)
                    : new EventError(null, ordinal, $"/{ordinal}{pointer}", message));
            }
        }
    }

    private EventsResult Result() => new(received, stored, duplicates, rejected, created, [.. errors.OrderBy(e => e.Line ?? e.Index)]);
}
