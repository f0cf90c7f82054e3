using System.Text;

namespace Segmentation.Api.Http;

/// <summary>
/// Cuts a body into records as it arrives: lines, or CSV records, which may hold line breaks inside quotes. Holds one record at a time and
/// never more than <see cref="MaxBytes"/> of it: a longer one is skipped as it passes.
/// </summary>
/// <remarks>
/// A CSV record whose quotes don't close (RFC 4180), or close in the middle of a field, is given up at its first line break, so that a
/// stray quote costs its own line and not the rest of the file. What separates a CSV's fields, and what ends its lines (CR alone, too), is
/// found from its first line.
/// </remarks>
public sealed class RecordReader(Stream body, bool csv)
{
    /// <summary>The longest record, in bytes.</summary>
    public const int MaxBytes = 1024 * 1024;

    // How often a loop over records looks whether it is still wanted.
    private const int RecordsPerCheck = 1000;

    private const int Incomplete = -1;
    private const int Stray = -2;
    private const string Separators = ",;\t|";
    private const string Windows1252 =
        " If the file is Windows-1252, as Excel writes it in the West, send Content-Type: text/csv; charset=windows-1252.";
    private static readonly string TooLong = $"It is longer than {MaxBytes / 1024} KiB.";

    private byte[] buffer = new byte[64 * 1024];
    private int start;
    private int end;
    private bool ended;
    private bool begun;
    private bool isKnown;
    private byte lineEnd = (byte)'\n';
    private int nextLine = 1;
    private int records;

    /// <summary>What separates a CSV's fields: a comma, a semicolon, a tab or <c>|</c>. Known with the first record.</summary>
    public byte Separator { get; private set; } = (byte)',';

    /// <summary>The number of the record's first line, from 1.</summary>
    public int Line { get; private set; }

    /// <summary>The record without its line break; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Record { get; private set; }

    /// <summary>Why the record can't be read; null when it can.</summary>
    public string? Fault { get; private set; }

    /// <summary>Reads the next record that is not blank; false at the end of the body.</summary>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellation)
    {
        if (++records % RecordsPerCheck == 0)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        while (true)
        {
            if (Cut())
            {
                if (Fault is not null || !IsBlank(Record.Span))
                {
                    return true;
                }
            }
            else if (end - start > MaxBytes)
            {
                await SkipLineAsync(cancellation);
                return true;
            }
            else if (ended)
            {
                return false;
            }
            else
            {
                // Twice what there was, before it is scanned again: a record that trickles in is not scanned at every drop.
                await FillAsync(2 * (end - start), cancellation);
            }
        }
    }

    // Takes the next record out of the buffer; false when its end is not there yet.
    private bool Cut()
    {
        var data = buffer.AsSpan(start, end - start);
        if (data.IsEmpty)
        {
            return false;
        }

        // Nothing more will come, or no more of it may be held.
        var final = ended || data.Length > MaxBytes;
        if (!isKnown && !(isKnown = FindForm(data, final)))
        {
            return false;
        }

        var length = csv ? CsvEnd(data, final) : data.IndexOf(lineEnd);
        var stray = length == Stray;
        length = stray ? data.IndexOf(lineEnd) : length;
        if (length < 0 || length == data.Length)
        {
            if (!ended)
            {
                return false;
            }

            length = data.Length;
        }

        var record = data[..length];
        Line = nextLine;
        nextLine += csv && !stray ? record.Count(lineEnd) + 1 : 1;
        Record = buffer.AsMemory(start, length > 0 && record[^1] == '\r' ? length - 1 : length);
        Fault = length > MaxBytes ? TooLong
            : stray ? "A quote in it is not closed, or is in the middle of a field."
            : Utf8Text.FindFault(record) is { } fault ? $"It is {fault}{(csv ? Windows1252 : "")}"
            : null;
        start += Math.Min(length + 1, data.Length);
        return true;
    }

    // Nothing but blanks; in CSV, also a row of a spreadsheet in which nothing stands.
    private bool IsBlank(ReadOnlySpan<byte> record) =>
        csv ? record.Trim([(byte)' ', (byte)'\t', (byte)'\r', Separator]).IsEmpty : record.Trim(" \t\r"u8).IsEmpty;

    // Finds the separator and the end of lines from the first line that is not blank; false when its end is not there yet.
    private bool FindForm(ReadOnlySpan<byte> data, bool final)
    {
        Span<int> counts = stackalloc int[Separators.Length];
        var (quoted, isBlank, i) = (false, true, 0);
        for (; i < data.Length; i++)
        {
            var c = data[i];
            if (c is (byte)'\r' or (byte)'\n' && !quoted)
            {
                if (c == '\r' && i + 1 == data.Length && !final)
                {
                    return false;
                }

                lineEnd = c == '\r' && !(i + 1 < data.Length && data[i + 1] == '\n') ? c : (byte)'\n';
                if (!isBlank)
                {
                    break;
                }
            }
            else if (c == '"' && csv)
            {
                quoted = !quoted;
            }
            else if (!quoted && Separators.IndexOf((char)c) is var which and >= 0)
            {
                counts[which]++;
            }

            isBlank &= c is (byte)' ' or (byte)'\r' or (byte)'\n';
        }

        if (i == data.Length && !final)
        {
            return false;
        }

        // The first of those that are there most: a comma where there is none.
        for (var which = Separators.Length - 1; which >= 0; which--)
        {
            Separator = counts[which] >= counts[Separators.IndexOf((char)Separator)] ? (byte)Separators[which] : Separator;
        }

        return true;
    }

    // Where the CSV record ends that starts here: an index, or Incomplete, or Stray.
    private int CsvEnd(ReadOnlySpan<byte> data, bool final)
    {
        var i = 0;
        while (i < data.Length)
        {
            if (data[i] == '"')
            {
                i = CloseQuote(data, i + 1);
                if (i < 0)
                {
                    return final ? Stray : Incomplete;
                }

                i++;
                i += i < data.Length && data[i] == '\r' && lineEnd != '\r' ? 1 : 0;
                if (i < data.Length && data[i] != Separator && data[i] != lineEnd)
                {
                    return Stray;
                }
            }
            else
            {
                var stop = data[i..].IndexOfAny(Separator, lineEnd);
                i = stop < 0 ? data.Length : i + stop;
            }

            if (i == data.Length || data[i] == lineEnd)
            {
                break;
            }

            i++;
        }

        return i < data.Length || final ? i : Incomplete;
    }

    // The quote that closes the field, past the doubled ones; -1 when it is not in this data.
    private static int CloseQuote(ReadOnlySpan<byte> data, int from)
    {
        while (from < data.Length)
        {
            var quote = data[from..].IndexOf((byte)'"');
            if (quote < 0)
            {
                return -1;
            }

            from += quote;
            if (from + 1 == data.Length || data[from + 1] != '"')
            {
                return from;
            }

            from += 2;
        }

        return -1;
    }

    private async ValueTask FillAsync(int wanted, CancellationToken cancellation)
    {
        buffer.AsSpan(start, end - start).CopyTo(buffer);
        (start, end) = (0, end - start);
        if (end == buffer.Length)
        {
            Array.Resize(ref buffer, Math.Min(buffer.Length * 2, MaxBytes + (64 * 1024)));
        }

        do
        {
            var read = await body.ReadAsync(buffer.AsMemory(end), cancellation);
            ended = read == 0;
            end += read;
        }
        while (!ended && end < Math.Clamp(wanted, 3, buffer.Length));

        if (!begun && end > 0)
        {
            begun = true;
            start = buffer.AsSpan(0, end).StartsWith("\uFEFF"u8) ? 3 : 0;
        }
    }

    private async ValueTask SkipLineAsync(CancellationToken cancellation)
    {
        (Line, Fault, Record) = (nextLine++, TooLong, default);
        while (true)
        {
            var line = buffer.AsSpan(start, end - start).IndexOf(lineEnd);
            if (line >= 0)
            {
                start += line + 1;
                return;
            }

            start = end;
            if (ended)
            {
                return;
            }

            await FillAsync(0, cancellation);
        }
    }

    /// <summary>The fields of a CSV record that has no <see cref="Fault"/>; empty ones are null.</summary>
    public static void Split(ReadOnlySpan<byte> record, byte separator, List<string?> fields)
    {
        fields.Clear();
        while (true)
        {
            int length;
            if (record.StartsWith("\""u8))
            {
                var close = CloseQuote(record, 1);
                fields.Add(Text(record[1..close])?.Replace("\"\"", "\"", StringComparison.Ordinal));
                length = close + 1;
            }
            else
            {
                length = record.IndexOf(separator) is var end and >= 0 ? end : record.Length;
                fields.Add(Text(record[..length]));
            }

            if (length >= record.Length)
            {
                return;
            }

            record = record[(length + 1)..];
        }
    }

    private static string? Text(ReadOnlySpan<byte> bytes) => bytes.IsEmpty ? null : Encoding.UTF8.GetString(bytes);
}
