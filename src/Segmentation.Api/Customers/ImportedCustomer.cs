using System.Buffers;
using System.Text.Json;

namespace Segmentation.Api.Customers;

/// <summary>A line of an import: what it says of a customer, and which properties it names.</summary>
/// <param name="Customer">The customer as if there were none yet.</param>
/// <param name="Named">Bits, by <see cref="NamedProperties"/>.</param>
/// <param name="Sent">What was sent, normalized.</param>
/// <param name="Removed">Purposes whose consent is withdrawn by a null.</param>
/// <param name="Undated">Purposes whose consent came without the time when it was given or withdrawn.</param>
internal sealed record ImportedCustomer(
    Customer Customer, ulong Named, CustomerResource Sent, IReadOnlyCollection<string> Removed, IReadOnlyCollection<string> Undated)
{
    /// <summary>Changes a customer to what the line says, and keeps what it does not name.</summary>
    /// <param name="isEarlierLine">The customer is what an earlier line of the batch made of it; else it is the table's.</param>
    /// <returns>What keeps it from being stored, null when nothing does; and which consents of the lines of a batch don't stand in the end.
    /// </returns>
    public (string? Fault, List<(string Purpose, ConsentResource Consent)> Overtaken) MergeInto(Customer customer, bool isEarlierLine)
    {
        List<(string, ConsentResource)> overtaken = [];
        if ((Named & NamedProperties.Consents) != 0 && MergeConsents(customer, isEarlierLine, out overtaken) is { } fault)
        {
            return (fault, []);
        }

        ProfileProperties.Merge(customer, Customer, Named);
        if ((Named & NamedProperties.Attributes) != 0)
        {
            customer.Attributes = MergeAttributes(customer.Attributes, Customer.Attributes);
            customer.AttributesFolded = MergeAttributes(customer.AttributesFolded, Customer.AttributesFolded);
        }

        customer.UpdatedAt = Customer.UpdatedAt;
        return CustomerSize.Fault(customer, customer.UpdatedAt) is { } tooLarge ? (tooLarge, []) : (null, overtaken);
    }

    /// <summary>Of lines of one batch about one customer: keeps the consents of an earlier one, but for those that are older.</summary>
    /// <returns>Those that don't stand in the end.</returns>
    public List<(string Purpose, ConsentResource Consent)> KeepConsents(Customer earlier)
    {
        var consents = CustomerConsents.Read(earlier);
        var overtaken = CustomerConsents.KeepNewest(consents, CustomerConsents.Read(Customer));
        CustomerConsents.Set(Customer, consents);
        return overtaken;
    }

    // A customer of the table is told what was sent: which of both is newer, the statement that stores it finds out under its lock.
    private string? MergeConsents(Customer customer, bool isEarlierLine, out List<(string, ConsentResource)> overtaken)
    {
        overtaken = [];
        var standing = CustomerConsents.Read(customer);
        var sent = new Dictionary<string, ConsentResource?>(StringComparer.Ordinal);
        foreach (var purpose in Sent.Consents is null ? standing.Keys.ToArray() : Removed)
        {
            CustomerConsents.Withdraw(sent, purpose, standing.GetValueOrDefault(purpose), Customer.UpdatedAt);
        }

        foreach (var (purpose, consent) in Sent.Consents ?? [])
        {
            // What stands already was given when it was given, not now.
            var before = standing.GetValueOrDefault(purpose);
            sent[purpose] = !Undated.Contains(purpose) ? consent
                : before?.Granted == consent!.Granted ? before
                : new() { Granted = consent.Granted, At = CustomerConsents.Now(before, Customer.UpdatedAt) };
        }

        if (isEarlierLine)
        {
            overtaken = CustomerConsents.KeepNewest(standing, sent);
        }
        else
        {
            foreach (var (purpose, consent) in sent)
            {
                standing[purpose] = consent;
            }
        }

        if (standing.Count > Customer.SetMaxItems)
        {
            return CustomerValidator.TooManyConsents;
        }

        CustomerConsents.Set(customer, standing);
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
