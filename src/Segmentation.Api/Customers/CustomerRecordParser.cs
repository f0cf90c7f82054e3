using System.Buffers;
using System.Text.Json;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>Makes customers of an import's records: lines of NDJSON, or records of a CSV whose header has been read.</summary>
/// <param name="columns">The columns of the CSV; null for NDJSON.</param>
/// <param name="definitions">The registered attributes, by name.</param>
internal sealed class CustomerRecordParser(
    CustomerValidator validator, CustomerCsv? columns, IReadOnlyDictionary<string, CustomerAttribute> definitions, TimeProvider time)
{
    private readonly ArrayBufferWriter<byte> json = new(4096);
    private readonly List<string?> fields = [];
    private Utf8JsonWriter? writer;

    /// <summary>The customer that a record stands for; null when it has a fault.</summary>
    public Customer? Parse(ReadOnlySpan<byte> record, out string? fault)
    {
        if (columns is not null)
        {
            RecordReader.Split(record, fields);
            fault = WriteJson(columns);
            if (fault is not null)
            {
                return null;
            }

            record = json.WrittenSpan;
        }

        try
        {
            var resource = JsonSerializer.Deserialize<CustomerResource>(record, Json.Options);
            fault = resource is null ? "It is null; it must be a JSON object." : Check(resource);
            return fault is null ? Create(resource!) : null;
        }
        catch (JsonException malformed)
        {
            fault = Json.Problem(malformed, typeof(CustomerResource)).Summary();
        }
        catch (InvalidOperationException undecodable) when (undecodable.Source == "System.Text.Json")
        {
            fault = "A string has half a surrogate pair in it.";
        }

        return null;
    }

    private string? WriteJson(CustomerCsv csv)
    {
        json.ResetWrittenCount();
        writer ??= new Utf8JsonWriter(json);
        writer.Reset();
        var fault = csv.WriteJson(fields, writer);
        writer.Flush();
        return fault;
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
