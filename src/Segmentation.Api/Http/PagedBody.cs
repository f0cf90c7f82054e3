using System.Buffers;
using System.Text;

namespace Segmentation.Api.Http;

/// <summary>
/// Writes an answer of any length, a page at a time: a page is read whole, and what it was read with given back, before it is sent. So
/// nothing but the page's own bytes waits for a client that reads slowly.
/// </summary>
internal static class PagedBody
{
    /// <summary>Rows of a page at most.</summary>
    public const int MaxRows = 5000;

    /// <summary>Bytes of a page, which ends with the row that reaches them.</summary>
    public const int MaxBytes = 8 * 1024 * 1024;

    // How many rows the next page asks for follows from how many fitted into the one before.
    private const int FirstRows = 1000;
    private const int ChunkBytes = 64 * 1024;

    /// <summary>How long an answer may take in all; then its connection is cut.</summary>
    private static readonly TimeSpan MaxTime = TimeSpan.FromMinutes(30);

    /// <summary>Writes all rows; what can fail for a reason of its own at the first page fails before the answer begins.</summary>
    /// <param name="head">What comes before the rows.</param>
    /// <param name="read">The next rows, as many as asked for at most; null when there are no more. They are read only as far as the page
    /// reaches: what comes next is what comes after the row that was written last.</param>
    /// <param name="write">Writes a row.</param>
    public static async Task WriteAsync<T>(
        HttpResponse response, string head, Func<int, IAsyncEnumerable<T>?> read, Action<IBufferWriter<byte>, T> write,
        CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        end.CancelAfter(MaxTime);
        try
        {
            await WritePagesAsync(response, head, read, write, end.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested && response.HasStarted)
        {
            // Half an answer can't become an error.
            response.HttpContext.Abort();
        }
    }

    private static async Task WritePagesAsync<T>(
        HttpResponse response, string head, Func<int, IAsyncEnumerable<T>?> read, Action<IBufferWriter<byte>, T> write,
        CancellationToken cancellation)
    {
        var page = new ArrayBufferWriter<byte>(ChunkBytes);
        Encoding.UTF8.GetBytes(head, page);
        var wanted = FirstRows;
        IAsyncEnumerable<T>? next;
        do
        {
            var rows = 0;
            next = read(wanted);
            await foreach (var row in (next ?? AsyncEnumerable.Empty<T>()).WithCancellation(cancellation))
            {
                write(page, row);
                rows++;
                if (page.WrittenCount >= MaxBytes)
                {
                    break;
                }
            }

            wanted = Math.Clamp(rows * 2, 1, MaxRows);
            for (var rest = page.WrittenMemory; !rest.IsEmpty; rest = rest[Math.Min(rest.Length, ChunkBytes)..])
            {
                await response.Body.WriteAsync(rest[..Math.Min(rest.Length, ChunkBytes)], cancellation);
            }

            page.ResetWrittenCount();
        }
        while (next is not null);
    }
}
