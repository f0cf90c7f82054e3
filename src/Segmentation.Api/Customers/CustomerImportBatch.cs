using System.Runtime.InteropServices;
using Segmentation.Api.Data;

namespace Segmentation.Api.Customers;

/// <summary>
/// Customers on their way into the database, in COPY's format: encoded at once, so that nothing else of a line outlives it.
/// </summary>
internal sealed class CustomerImportBatch(BulkTable<Customer> table)
{
    private const int MaxRows = 4000;
    private const int MaxBytes = 8 * 1024 * 1024;

    private readonly Dictionary<string, int> ordinals = new(MaxRows, StringComparer.Ordinal);
    private readonly List<Row> rows = new(MaxRows);
    private readonly Dictionary<string, HashSet<int>> carriers = new(StringComparer.Ordinal);
    private readonly CopyBuffer encoded = new();

    public int Count => rows.Count;
    public bool IsFull => rows.Count == MaxRows || encoded.Length > MaxBytes;

    /// <summary>The attributes that its customers carry.</summary>
    public IReadOnlyCollection<string> Attributes => carriers.Keys;

    /// <summary>Lines that a later one of the same customer replaced.</summary>
    public int Repeated { get; private set; }

    public void Add(Customer customer, int line)
    {
        var start = encoded.Length;
        table.Encode(customer, encoded);
        var row = new Row(customer.Id, line, start, encoded.Length - start);
        if (ordinals.TryAdd(customer.Id, rows.Count))
        {
            rows.Add(row);
        }
        else
        {
            rows[ordinals[customer.Id]] = row;
            Repeated++;
        }

        if (customer.Attributes is { } attributes)
        {
            foreach (var attribute in attributes.EnumerateObject())
            {
                ref var lines = ref CollectionsMarshal.GetValueRefOrAddDefault(carriers, attribute.Name, out _);
                (lines ??= []).Add(line);
            }
        }
    }

    /// <summary>The lines of the customers that carry one of these attributes.</summary>
    public IReadOnlySet<int> Carriers(IEnumerable<string> attributes)
    {
        var lines = attributes.SelectMany(name => carriers[name]).ToHashSet();
        lines.IntersectWith(rows.Select(r => r.Line));
        return lines;
    }

    /// <summary>The customers in the order of their ids, but for those of some lines.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Encoded(IReadOnlySet<int> except) =>
        rows.Where(r => !except.Contains(r.Line))
            .OrderBy(r => r.Id, StringComparer.Ordinal)
            .Select(r => encoded.Written.Slice(r.Start, r.Length));

    public void Clear()
    {
        ordinals.Clear();
        rows.Clear();
        carriers.Clear();
        encoded.Clear();
        Repeated = 0;
    }

    private readonly record struct Row(string Id, int Line, int Start, int Length);
}
