using System.Buffers;
using System.Text.Json;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>A line of an import: what it says of a customer, and which properties it names.</summary>
/// <param name="Customer">The customer as if there were none yet.</param>
/// <param name="Named">Bits, by <see cref="NamedProperties"/>.</param>
/// <param name="Sent">What was sent, normalized.</param>
/// <param name="Removed">Purposes whose consent is removed.</param>
/// <param name="Undated">Purposes whose consent came without the time when it was given or withdrawn.</param>
internal sealed record ImportedCustomer(
    Customer Customer, ulong Named, CustomerResource Sent, IReadOnlyCollection<string> Removed, IReadOnlyCollection<string> Undated)
{
    /// <summary>Changes a customer to what the line says, and keeps what it does not name.</summary>
    /// <returns>What keeps it from being stored; null when nothing does.</returns>
    public string? MergeInto(Customer customer)
    {
        if ((Named & NamedProperties.Consents) != 0 && MergeConsents(customer) is { } fault)
        {
            return fault;
        }

        ProfileProperties.Merge(customer, Customer, Named);
        if ((Named & NamedProperties.Attributes) != 0)
        {
            customer.Attributes = MergeAttributes(customer.Attributes, Customer.Attributes);
            customer.AttributesFolded = MergeAttributes(customer.AttributesFolded, Customer.AttributesFolded);
        }

        customer.UpdatedAt = Customer.UpdatedAt;
        return CustomerSize.Fault(customer, customer.UpdatedAt);
    }

    private string? MergeConsents(Customer customer)
    {
        if (Sent.Consents is null)
        {
            (customer.Consents, customer.ConsentsGranted) = (null, []);
            return null;
        }

        var merged = customer.Consents?.Deserialize<Dictionary<string, ConsentResource?>>(Json.Options) ?? [];
        foreach (var purpose in Removed)
        {
            merged.Remove(purpose);
        }

        foreach (var (purpose, consent) in Sent.Consents)
        {
            // What stands already was given when it was given, not now.
            if (!(Undated.Contains(purpose) && merged.GetValueOrDefault(purpose)?.Granted == consent!.Granted))
            {
                merged[purpose] = consent;
            }
        }

        if (merged.Count > Customer.SetMaxItems)
        {
            return CustomerValidator.TooManyConsents;
        }

        CustomerResource.SetConsents(customer, merged);
        return null;
    }

    // Those that were sent, and of the others those that the line does not name.
    private JsonElement? MergeAttributes(JsonElement? kept, JsonElement? sent)
    {
        if (Sent.Attributes is not { ValueKind: JsonValueKind.Object } named)
        {
            return null;
        }

        var merged = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(merged))
        {
            writer.WriteStartObject();
            foreach (var attribute in Members(kept).Where(a => !named.TryGetProperty(a.Name, out _)).Concat(Members(sent)))
            {
                attribute.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return merged.WrittenCount == 2 ? null : JsonElement.Parse(merged.WrittenSpan);

        static IEnumerable<JsonProperty> Members(JsonElement? json) => json is { } present ? present.EnumerateObject() : [];
    }
}
