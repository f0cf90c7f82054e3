using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Segmentation.Api.Data;

/// <summary>
/// Rows in the format of PostgreSQL's binary COPY. Npgsql's own importer costs a row of sixty columns several times as much; what it does
/// besides (other types, other conversions) no bulk table needs. Its memory is used again for the next rows.
/// </summary>
internal sealed class CopyBuffer
{
    private const int TextOid = 25;
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly DateTime Epoch = new(2000, 1, 1);
    private static readonly DateOnly EpochDay = new(2000, 1, 1);
    private byte[] bytes = new byte[64 * 1024];

    /// <summary>What the stream begins with: signature, no flags, no extension.</summary>
    public static ReadOnlySpan<byte> Header =>
        [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', (byte)'\n', 0xFF, (byte)'\r', (byte)'\n', 0, 0, 0, 0, 0, 0, 0, 0,
            0];

    /// <summary>What it ends with, in place of a row.</summary>
    public static ReadOnlySpan<byte> Trailer => [0xFF, 0xFF];

    public int Length { get; private set; }
    public ReadOnlyMemory<byte> Written => bytes.AsMemory(0, Length);

    public void Clear() => Length = 0;

    public void Append(ReadOnlySpan<byte> raw) => raw.CopyTo(Take(raw.Length));

    public void BeginRow(int columns) => BinaryPrimitives.WriteInt16BigEndian(Take(2), (short)columns);

    public void Write(string? text)
    {
        if (text is null)
        {
            WriteNull();
            return;
        }

        var length = Utf8.GetBytes(text, Reserve(4 + Utf8.GetMaxByteCount(text.Length))[4..]);
        WriteLength(length);
        Length += length;
    }

    public void Write(string[]? items)
    {
        if (items is null)
        {
            WriteNull();
            return;
        }

        var start = Length;
        WriteLength(0);
        Put(items.Length == 0 ? 0 : 1); // Dimensions.
        Put(0); // No nulls.
        Put(TextOid);
        if (items.Length > 0)
        {
            Put(items.Length);
            Put(1); // The first index.
            foreach (var item in items)
            {
                Write(item);
            }
        }

        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(start), Length - start - 4);
    }

    public void Write(JsonElement? json)
    {
        if (json is not { } value)
        {
            WriteNull();
            return;
        }

        var raw = JsonMarshal.GetRawUtf8Value(value);
        WriteLength(raw.Length + 1);
        Take(1)[0] = 1; // The version of jsonb's text.
        Append(raw);
    }

    public void Write(short? number)
    {
        if (number is not { } value)
        {
            WriteNull();
            return;
        }

        WriteLength(2);
        BinaryPrimitives.WriteInt16BigEndian(Take(2), value);
    }

    public void Write(int? number)
    {
        if (number is not { } value)
        {
            WriteNull();
            return;
        }

        WriteLength(4);
        Put(value);
    }

    public void Write(long? number)
    {
        if (number is not { } value)
        {
            WriteNull();
            return;
        }

        WriteLength(8);
        BinaryPrimitives.WriteInt64BigEndian(Take(8), value);
    }

    public void Write(double? number) => Write(number is { } value ? BitConverter.DoubleToInt64Bits(value) : null);

    public void Write(DateOnly? date) => Write(date is { } value ? value.DayNumber - EpochDay.DayNumber : null);

    public void Write(DateTimeOffset? instant) =>
        Write(instant is { } value ? (value.UtcTicks - Epoch.Ticks) / TimeSpan.TicksPerMicrosecond : null);

    // Groups of four decimal digits, so many of them before the point (the weight, less one).
    public void Write(decimal? number)
    {
        if (number is not { } value)
        {
            WriteNull();
            return;
        }

        Span<int> parts = stackalloc int[4];
        decimal.GetBits(value, parts);
        var rest = new UInt128((uint)parts[2], ((ulong)(uint)parts[1] << 32) | (uint)parts[0]);
        for (var i = value.Scale; i % 4 != 0; i++)
        {
            rest *= 10;
        }

        Span<short> groups = stackalloc short[9];
        var count = 0;
        for (; rest != 0; rest /= 10_000)
        {
            groups[count++] = (short)(rest % 10_000);
        }

        WriteLength(8 + (2 * count));
        PutShort(count);
        PutShort(count - ((value.Scale + 3) / 4) - 1);
        PutShort(decimal.IsNegative(value) ? 0x4000 : 0);
        PutShort(value.Scale);
        while (count > 0)
        {
            PutShort(groups[--count]);
        }
    }

    private void WriteNull() => WriteLength(-1);

    private void WriteLength(int length) => Put(length);

    private void Put(int value) => BinaryPrimitives.WriteInt32BigEndian(Take(4), value);

    private void PutShort(int value) => BinaryPrimitives.WriteInt16BigEndian(Take(2), (short)value);

    private Span<byte> Take(int count)
    {
        var taken = Reserve(count);
        Length += count;
        return taken;
    }

    private Span<byte> Reserve(int count)
    {
        if (bytes.Length - Length < count)
        {
            Array.Resize(ref bytes, Math.Max(bytes.Length * 2, Length + count));
        }

        return bytes.AsSpan(Length, count);
    }
}
