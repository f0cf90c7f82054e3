using System.Buffers;
using System.Text.Json;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>Makes customers of an import's records: lines of NDJSON, or records of a CSV whose header has been read.</summary>
/// <param name="columns">The columns of the CSV; null for NDJSON.</param>
/// <param name="merge">Whether to find what a line names; else it is the whole customer.</param>
/// <param name="definitions">The registered attributes, by name.</param>
/// <param name="hidden">What a line must not name.</param>
internal sealed class CustomerRecordParser(
    CustomerValidator validator, CustomerCsv? columns, bool merge, IReadOnlyDictionary<string, CustomerAttribute> definitions,
    SensitiveFields hidden, TimeProvider time)
{
    private readonly ArrayBufferWriter<byte> json = new(4096);
    private readonly List<string?> fields = [];
    private readonly ulong named = columns?.Named ?? NamedProperties.All;
    private readonly SortedSet<string> ignored = new(columns?.Ignored ?? [], StringComparer.Ordinal);
    private Utf8JsonWriter? writer;

    /// <summary>Properties that were there and are read-only.</summary>
    public IReadOnlyCollection<string> Ignored => ignored;

    /// <summary>The customer that a record stands for; null when it has a fault.</summary>
    /// <param name="separator">Of a CSV's fields.</param>
    /// <param name="id">Whose it is, faulty or not; null where that can't be told.</param>
    public ImportedCustomer? Parse(ReadOnlySpan<byte> record, byte separator, out string? fault, out string? id)
    {
        id = null;
        if (columns is not null)
        {
            RecordReader.Split(record, separator, fields);
            fault = WriteJson(columns);
            if (fault is not null)
            {
                id = columns.FindId(fields);
                return null;
            }

            record = json.WrittenSpan;
        }

        try
        {
            var resource = JsonSerializer.Deserialize<CustomerResource>(record, Json.Options);
            id = resource?.Id;
            var (removed, undated) = merge ? FindConsents(resource?.Consents) : ([], []);
            fault = resource is null ? "It is null; it must be a JSON object." : FindHidden(record) ?? Check(resource);
            if (fault is null)
            {
                var customer = Create(resource!);
                fault = CustomerSize.Fault(customer, customer.CreatedAt);
                if (fault is null)
                {
                    var names = columns is null ? NamedProperties.Read(record, ignored) : named;
                    return new ImportedCustomer(customer, names, resource!, removed, undated);
                }
            }
        }
        catch (JsonException malformed)
        {
            fault = Json.Problem(malformed, typeof(CustomerResource)).Summary();
        }
        catch (InvalidOperationException undecodable) when (undecodable.Source == "System.Text.Json")
        {
            fault = "A string has half a surrogate pair in it.";
        }

        id ??= columns is null ? FindId(record) : columns.FindId(fields);

        // Of a CSV the cells say more than the JSON that was made of them.
        var misread = columns is null ? "" : string.Join(' ', columns.ListMisread(fields));
        fault = misread.Length > 0 ? misread : fault;
        return null;
    }

    private string? WriteJson(CustomerCsv csv)
    {
        json.ResetWrittenCount();
        writer ??= new Utf8JsonWriter(json);
        writer.Reset();
        var fault = csv.WriteJson(fields, writer, merge);
        writer.Flush();
        return fault;
    }

    // Of a line that is JSON, but no customer's.
    private static string? FindId(ReadOnlySpan<byte> record)
    {
        try
        {
            var line = JsonSerializer.Deserialize<JsonElement>(record);
            return line.ValueKind == JsonValueKind.Object && line.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String
                ? id.GetString()
                : null;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    // What is to be known of consents before they are normalized and dated.
    private static (IReadOnlyCollection<string> Removed, IReadOnlyCollection<string> Undated) FindConsents(
        Dictionary<string, ConsentResource?>? consents) => consents is null or { Count: 0 }
        ? ([], [])
        : ([.. consents.Where(c => c.Value is null).Select(c => c.Key)],
            [.. consents.Where(c => c.Value is { At: null }).Select(c => c.Key)]);

    // Null or not: a null would remove it. A CSV's columns were looked at before.
    private string? FindHidden(ReadOnlySpan<byte> record)
    {
        if (hidden.IsEmpty || columns is not null)
        {
            return null;
        }

        var place = hidden.FindSent(JsonElement.Parse(record), orNullAround: true).FirstOrDefault();
        return place is null ? null : $"{place[1..].Replace('/', '.')}: {SensitiveFields.Remedy}";
    }

    private string? Check(CustomerResource resource)
    {
        var faults = validator.Check(resource, definitions);
        if (resource.Id is null)
        {
            faults = faults.Prepend(new RuleError("/id", "id is missing."));
        }

        return faults.Any() ? string.Join(' ', faults.Select(f => f.Message)) : null;
    }

    private Customer Create(CustomerResource resource)
    {
        var now = LocalTime.Truncate(time.GetUtcNow());
        var customer = new Customer { Id = resource.Id!, CreatedAt = now };
        resource.ApplyTo(customer, definitions, now);
        return customer;
    }
}
