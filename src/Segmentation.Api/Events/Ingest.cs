using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Events;

/// <summary>
/// Takes what one request brings: one record, an array, or lines. Checks each, has them stored in batches, and keeps why some were
/// rejected. One that is rejected is so alone.
/// </summary>
/// <typeparam name="TResource">A record as it is sent.</typeparam>
/// <typeparam name="TItem">A record that is to be stored.</typeparam>
/// <param name="one">What a record is called.</param>
/// <param name="many">What several are called.</param>
public abstract class Ingest<TResource, TItem>(Work work, IOptions<BackgroundImportOptions> imports, string one, string many)
    where TResource : class
{
    /// <summary>Records in one array.</summary>
    public const int MaxArray = 10_000;

    private const int BatchRows = 5000;
    private const int BatchBytes = 8 * 1024 * 1024;

    // An array that is longer is held in a file, and its records in parts of as much.
    private const int HeldBytes = 1024 * 1024;

    // An array costs as much as a request more for each of so many.
    private const int RecordsPerToken = 100;

    // More records of an array at once are bulk work.
    private const int MaxPoint = 100;

    // JSON's blanks, and the bytes of a byte order mark.
    private static readonly SearchValues<byte> Blank = SearchValues.Create([.. " \t\r\n"u8, .. "\uFEFF"u8]);

    private readonly List<RejectedRecord> faults = [];
    private bool isArray;

    /// <summary>What there was.</summary>
    protected long Received { get; private set; }

    /// <summary>What was rejected.</summary>
    protected long Rejected { get; private set; }

    /// <summary>Whether the request has lines.</summary>
    protected bool IsLines { get; private set; }

    /// <summary>Whether the request is one record, without the brackets of an array.</summary>
    protected bool IsOne => !IsLines && !isArray;

    /// <summary>Why the first 100 were rejected, in their order.</summary>
    protected IEnumerable<RejectedRecord> Faults => faults.OrderBy(e => e.Line ?? e.Index);

    /// <summary>What is wrong with a record.</summary>
    protected abstract IReadOnlyList<RuleError> Check(TResource sent);

    /// <summary>A record without a fault, as it is to be stored.</summary>
    /// <param name="ordinal">Its number in the request: a line or an index.</param>
    protected abstract TItem Accept(TResource sent, int ordinal);

    /// <summary>As how many a record counts.</summary>
    protected virtual int Count(TResource sent) => 1;

    /// <summary>Stores a batch in one transaction.</summary>
    protected abstract Task StoreAsync(List<TItem> batch, CancellationToken cancellation);

    /// <summary>Stores an array that is not held in memory, in one transaction.</summary>
    /// <param name="read">Reads it from the beginning, part by part, as often as it is asked to.</param>
    /// <param name="count">How many records it has.</param>
    protected abstract Task StorePartsAsync(
        Func<IAsyncEnumerable<IReadOnlyList<TItem>>> read, int count, CancellationToken cancellation);

    /// <summary>Sees each record of such an array before any is stored.</summary>
    protected virtual void Note(IReadOnlyList<TItem> part)
    {
    }

    /// <summary>One record.</summary>
    /// <exception cref="ApiProblem">It was rejected.</exception>
    protected async Task TakeOneAsync(TResource sent, CancellationToken cancellation)
    {
        if (Check(sent) is not [] and var wrong)
        {
            throw ApiProblem.Invalid(wrong);
        }

        Received = Count(sent);
        await StoreAsync([Accept(sent, 0)], cancellation);
    }

    /// <summary>A JSON body: one record, or an array of them, which is read item by item and stored once it is there.</summary>
    /// <param name="length">Bytes of the body, where that is said. A long one is bulk work before it is read.</param>
    protected async Task TakeJsonAsync(Stream body, long? length, CancellationToken cancellation)
    {
        if (length > HeldBytes)
        {
            await work.EnterAsync(WorkClass.Bulk, cancellation);
        }

        try
        {
            await using var held = new FileBufferingReadStream(
                body, HeldBytes, bufferLimit: null, imports.Value.Directory ?? Path.GetTempPath());
            isArray = await IsArrayAsync(held, cancellation);
            await (isArray ? TakeArrayAsync(held, cancellation) : TakeOneAsync(await ReadOneAsync(held, cancellation), cancellation));
        }
        catch (Exception noRoom) when (noRoom is UnauthorizedAccessException or (IOException and not BadHttpRequestException))
        {
            throw new ApiProblem(
                StatusCodes.Status503ServiceUnavailable,
                $"The array can't be held here: set Imports:Directory to a folder with room, or send fewer {many}, or NDJSON.");
        }
    }

    /// <summary>NDJSON of any length: a batch is stored while the next one is read.</summary>
    protected async Task TakeLinesAsync(Stream body, CancellationToken cancellation)
    {
        IsLines = true;
        await work.EnterAsync(WorkClass.Bulk, cancellation);
        var reader = new RecordReader(body, csv: false);
        var (batch, bytes, storing) = (new List<TItem>(BatchRows), 0L, Task.CompletedTask);
        try
        {
            while (await reader.ReadAsync(cancellation))
            {
                if (reader.Fault is { } unreadable)
                {
                    Received++;
                    Reject(reader.Line, "", unreadable);
                    continue;
                }

                bytes += reader.Record.Length;
                Add(batch, reader.Line, () => JsonSerializer.Deserialize<TResource>(reader.Record.Span, Json.Options));
                if (batch.Count == BatchRows || bytes > BatchBytes)
                {
                    await storing;
                    storing = StoreAsync(batch, cancellation);
                    (batch, bytes) = (new List<TItem>(BatchRows), 0);
                }
            }
        }
        finally
        {
            // What is being stored is stored, whatever became of the reading.
            await storing;
        }

        await StoreAsync(batch, cancellation);
    }

    /// <summary>Says why one was rejected.</summary>
    /// <param name="pointer">Into the record.</param>
    /// <param name="count">As how many it counts.</param>
    protected void Reject(int ordinal, string pointer, string message, int count = 1)
    {
        lock (faults)
        {
            Rejected += count;
            if (faults.Count < CustomerImport.MaxErrors)
            {
                faults.Add(IsLines ? new RejectedRecord(ordinal, null, pointer, message)
                    : isArray ? new RejectedRecord(null, ordinal, $"/{ordinal}{pointer}", message)
                    : new RejectedRecord(null, null, pointer, message));
            }
        }
    }

    // Read once while it comes: then it is known to be whole, and who is to be locked. A long one is read again, part by part.
    private async Task TakeArrayAsync(FileBufferingReadStream held, CancellationToken cancellation)
    {
        var (part, valid, count) = (new List<TItem>(), new HashSet<int>(), 0);
        await using (var items = new JsonItems(held, typeof(TResource)))
        {
            while (await items.ReadAsync(cancellation))
            {
                if (items.Index == MaxArray)
                {
                    throw ApiProblem.Invalid("", $"An array must have at most {MaxArray} {many}; NDJSON has no limit.");
                }

                count++;
                if (Add(part, items.Index, () => Read(items.Item)))
                {
                    valid.Add(items.Index);
                }

                if (held.Length > HeldBytes)
                {
                    Pass();
                    await EnterOnceAsync(WorkClass.Bulk);
                }
            }
        }

        // Nothing is held for a short array before this: a place, a connection.
        work.Charge(RateName.Default, count / RecordsPerToken);
        await EnterOnceAsync(count > MaxPoint ? WorkClass.Bulk : WorkClass.Point);
        if (held.TempFileName is not { } file)
        {
            await StoreAsync(part, cancellation);
            return;
        }

        // What is open stays until it is closed, whatever becomes of the process.
        File.Delete(file);
        Pass();
        await StorePartsAsync(() => ReadPartsAsync(held, valid, cancellation), valid.Count, cancellation);

        Task EnterOnceAsync(WorkClass to) =>
            work.Class == WorkClass.Bulk ? Task.CompletedTask : work.EnterAsync(to, cancellation);

        void Pass()
        {
            Note(part);
            part.Clear();
        }
    }

    // The valid records of an array that was read before.
    private async IAsyncEnumerable<IReadOnlyList<TItem>> ReadPartsAsync(
        FileBufferingReadStream held, HashSet<int> valid, [EnumeratorCancellation] CancellationToken cancellation)
    {
        held.Position = 0;
        var (part, bytes) = (new List<TItem>(), 0L);
        await using var items = new JsonItems(held, typeof(TResource));
        while (await items.ReadAsync(cancellation))
        {
            if (!valid.Contains(items.Index))
            {
                continue;
            }

            var sent = Read(items.Item);
            Check(sent);
            part.Add(Accept(sent, items.Index));
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

    private async Task<TResource> ReadOneAsync(Stream held, CancellationToken cancellation)
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
            throw Json.Problem(malformed, typeof(TResource));
        }
    }

    private string NoObject => $"An {one} must be a JSON object.";

    private TResource Read(JsonElement json)
    {
        // Of a list, bytes that are no text cost their own record alone.
        if (Utf8Text.FindFault(JsonMarshal.GetRawUtf8Value(json)) is { } fault)
        {
            throw ApiProblem.Invalid("", $"It is {fault}");
        }

        try
        {
            return json.Deserialize<TResource>(Json.Options) ?? throw ApiProblem.Invalid("", NoObject);
        }
        catch (JsonException malformed)
        {
            throw Json.Problem(malformed, typeof(TResource));
        }
        catch (InvalidOperationException undecodable) when (undecodable.Source == "System.Text.Json")
        {
            throw ApiProblem.Invalid("", "A string has half a surrogate pair in it.");
        }
    }

    // Whether it was added.
    private bool Add(List<TItem> batch, int ordinal, Func<TResource?> read)
    {
        var count = 1;
        try
        {
            if (read() is not { } sent)
            {
                Reject(ordinal, "", NoObject);
                return false;
            }

            count = Count(sent);
            if (Check(sent) is not [] and var wrong)
            {
                Reject(ordinal, wrong[0].Pointer, string.Join(' ', wrong.Select(f => f.Message)), count);
                return false;
            }

            batch.Add(Accept(sent, ordinal));
            return true;
        }
        catch (JsonException malformed)
        {
            Reject(ordinal, Json.Problem(malformed, typeof(TResource)));
            return false;
        }
        catch (ApiProblem malformed)
        {
            Reject(ordinal, malformed);
            return false;
        }
        catch (InvalidOperationException undecodable) when (undecodable.Source == "System.Text.Json")
        {
            Reject(ordinal, "", "A string has half a surrogate pair in it.");
            return false;
        }
        finally
        {
            Received += count;
        }
    }

    private void Reject(int ordinal, ApiProblem problem) =>
        Reject(ordinal, problem.Errors?.Keys.FirstOrDefault() ?? "", problem.Summary());
}

/// <summary>Why a record was rejected: its line or its index, where it has one, a JSON Pointer, and what is wrong.</summary>
public sealed record RejectedRecord(int? Line, int? Index, string Pointer, string Message);
