using System.Buffers;
using System.Runtime.InteropServices;
using Segmentation.Api.Data;

namespace Segmentation.Api.Customers;

/// <summary>
/// Lines on their way into the database. Each is encoded at once, in COPY's format, as if its customer were new; what else of it outlives
/// it is its text alone, which a merge reads again: objects that are kept for a batch cost more than that.
/// </summary>
internal sealed class CustomerImportBatch(BulkTable<Customer> table)
{
    private const int MaxRows = 4000;
    private const int MaxBytes = 8 * 1024 * 1024;

    private readonly List<Entry> entries = new(MaxRows);
    private readonly Dictionary<string, HashSet<int>> carriers = new(StringComparer.Ordinal);
    private readonly CopyBuffer encoded = new();
    private readonly ArrayBufferWriter<byte> records = new();

    public bool IsEmpty => entries.Count == 0;

    // A line may be long of which little is stored: blanks, or columns that are not taken.
    public bool IsFull => entries.Count == MaxRows || encoded.Length > MaxBytes || records.WrittenCount > MaxBytes;

    /// <summary>The attributes that its lines carry.</summary>
    public IReadOnlyCollection<string> Attributes => carriers.Keys;

    public IReadOnlyList<Entry> Entries => entries;

    /// <summary>What its lines name, one or another of them.</summary>
    public ulong Named { get; private set; }

    /// <summary>Whether all its lines name the same.</summary>
    public bool IsUniform { get; private set; } = true;

    public void Add(ImportedCustomer line, int number, ReadOnlySpan<byte> record)
    {
        IsUniform &= entries.Count == 0 || line.Named == Named;
        Named |= line.Named;
        var start = encoded.Length;
        table.Encode(line.Customer, encoded);
        entries.Add(new Entry(line.Customer.Id, number, start, encoded.Length - start, records.WrittenCount, record.Length));
        records.Write(record);
        if (line.Customer.Attributes is { } attributes)
        {
            foreach (var attribute in attributes.EnumerateObject())
            {
                ref var lines = ref CollectionsMarshal.GetValueRefOrAddDefault(carriers, attribute.Name, out _);
                (lines ??= []).Add(number);
            }
        }
    }

    /// <summary>The lines that carry one of these attributes.</summary>
    public IReadOnlySet<int> Carriers(IEnumerable<string> attributes) => attributes.SelectMany(name => carriers[name]).ToHashSet();

    /// <summary>A line's customer as if it were new.</summary>
    public ReadOnlyMemory<byte> Encoded(Entry entry) => encoded.Written.Slice(entry.Start, entry.Length);

    /// <summary>A line itself.</summary>
    public ReadOnlySpan<byte> Record(Entry entry) => records.WrittenSpan.Slice(entry.RecordStart, entry.RecordLength);

    public void Clear()
    {
        records.ResetWrittenCount();
        entries.Clear();
        carriers.Clear();
        encoded.Clear();
        (Named, IsUniform) = (0, true);
    }

    /// <summary>A line.</summary>
    /// <param name="Number">The line's; the first is 1.</param>
    public readonly record struct Entry(string Id, int Number, int Start, int Length, int RecordStart, int RecordLength);
}
