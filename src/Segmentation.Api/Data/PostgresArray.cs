using System.Buffers.Binary;

namespace Segmentation.Api.Data;

/// <summary>
/// The elements of an array of one dimension in PostgreSQL's binary form, as <c>array_send</c> returns it: five 32-bit integers, then each
/// element's length (-1 for null) and its bytes, the highest first. Where there are many to read, this is several times faster than
/// Npgsql's arrays, and nothing is copied.
/// </summary>
internal struct PostgresArray
{
    private const int Head = 20;

    private readonly ReadOnlyMemory<byte> array;
    private int rest;
    private int start = Head;
    private int length;

    public PostgresArray(ReadOnlyMemory<byte> array)
    {
        this.array = array;

        // An empty one ends before its count.
        rest = array.Length < Head ? 0 : BinaryPrimitives.ReadInt32BigEndian(array.Span[12..]);
    }

    /// <summary>How many elements are left.</summary>
    public readonly int Count => rest;

    public readonly bool IsNull => length < 0;

    /// <summary>The bytes of the element; none for null.</summary>
    public readonly ReadOnlySpan<byte> Current => array.Span.Slice(start, Math.Max(0, length));

    public readonly PostgresArray GetEnumerator() => this;

    public bool MoveNext()
    {
        if (rest == 0)
        {
            return false;
        }

        rest--;
        start += Math.Max(0, length) + sizeof(int);
        length = BinaryPrimitives.ReadInt32BigEndian(array.Span[(start - sizeof(int))..]);
        return true;
    }
}
