using System.Buffers.Binary;

namespace Segmentation.Api.Memberships;

/// <summary>
/// The elements of an array of one dimension in PostgreSQL's binary form, as <c>array_send</c> answers it: five words, then each element's length
/// (-1 for null) and its bytes, the highest first. Where there are many to read, this is several times faster than Npgsql's arrays, and nothing is copied.
/// </summary>
internal ref struct PostgresArray
{
    private const int Head = 20;

    private ReadOnlySpan<byte> rest;

    public PostgresArray(ReadOnlySpan<byte> array)
    {
        // One that is empty ends before it says how many there are.
        Count = array.Length < Head ? 0 : BinaryPrimitives.ReadInt32BigEndian(array[12..]);
        rest = Count == 0 ? default : array[Head..];
    }

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>The bytes of the element; none for null.</summary>
    public ReadOnlySpan<byte> Current { get; private set; }

    public readonly PostgresArray GetEnumerator() => this;

    public bool MoveNext()
    {
        if (rest.IsEmpty)
        {
            return false;
        }

        var length = Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(rest));
        Current = rest.Slice(sizeof(int), length);
        rest = rest[(sizeof(int) + length)..];
        return true;
    }
}
