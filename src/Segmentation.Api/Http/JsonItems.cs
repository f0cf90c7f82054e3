using System.Text.Json;

namespace Segmentation.Api.Http;

/// <summary>
/// Reads a JSON array item by item as it arrives: never more than one item is held, and no item that is longer than
/// <see cref="MaxItemBytes"/>.
/// </summary>
/// <param name="itemType">What the items stand for, for errors.</param>
internal sealed class JsonItems(Stream body, Type itemType) : IAsyncDisposable
{
    /// <summary>The longest item, in bytes.</summary>
    public const int MaxItemBytes = RecordReader.MaxBytes;

    // How often a loop over items looks whether it is still wanted.
    private const int ItemsPerCheck = 1000;

    // A property that an item has twice is that item's fault alone, found when it is read.
    private static readonly JsonSerializerOptions AsTheyCome = new();

    private readonly Bounded bounded = new(body);
    private IAsyncEnumerator<JsonElement>? items;

    /// <summary>The item's index; -1 before the first.</summary>
    public int Index { get; private set; } = -1;

    public JsonElement Item => items!.Current;

    /// <summary>Reads the next item; false at the end.</summary>
    /// <exception cref="ApiProblem">The body is not a JSON array, or an item is too long.</exception>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellation)
    {
        if (Index % ItemsPerCheck == 0)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        items ??= JsonSerializer.DeserializeAsyncEnumerable<JsonElement>(bounded, AsTheyCome, cancellation)
            .GetAsyncEnumerator(cancellation);
        bounded.Begin();
        Index++;
        try
        {
            return await items.MoveNextAsync();
        }
        catch (JsonException malformed)
        {
            throw Json.Problem(malformed, itemType);
        }
        catch (TooLongException)
        {
            throw ApiProblem.Invalid($"/{Index}", $"It is longer than {MaxItemBytes / 1024} KiB.");
        }
    }

    public ValueTask DisposeAsync() => items?.DisposeAsync() ?? ValueTask.CompletedTask;

    private sealed class TooLongException : Exception;

    // What is read for one item comes from its own bytes, or from those of the items after it that are in the reader's buffer already.
    private sealed class Bounded(Stream body) : ReadOnlyStream
    {
        private long read;

        public void Begin() => read = 0;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (read > MaxItemBytes)
            {
                throw new TooLongException();
            }

            var count = await body.ReadAsync(buffer[..Math.Min(buffer.Length, MaxItemBytes)], cancellationToken);
            read += count;
            return count;
        }
    }
}
