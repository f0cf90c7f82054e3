using System.Runtime.InteropServices;
using System.Text.Json;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>How large a customer may be, so that pages and batches of them have a bound.</summary>
internal static class CustomerSize
{
    /// <summary>Bytes of a customer as JSON.</summary>
    public const int MaxBytes = 256 * 1024;

    // The most that a character takes, escaped; and all that is neither a set nor a document, which each have a bound of their own.
    private const int BytesPerCharacter = 6;
    private const int FixedBytes = 64 * 1024;

    /// <summary>What is wrong with a customer's size; null when nothing is.</summary>
    public static string? Fault(Customer customer, DateTimeOffset now) =>
        Bound(customer) <= MaxBytes
            || Json.Measure(CustomerResource.From(customer, now, RfmThresholds.None, SensitiveFields.None)) <= MaxBytes
            ? null
            : $"A customer must have at most {MaxBytes / 1024} KiB as JSON, with all its attributes.";

    // What it has at most, found without writing it: nearly all have far less.
    private static long Bound(Customer customer)
    {
        var (sets, bound) = (customer.Psychographic, (long)FixedBytes);
        bound += Bound(sets.Interests) + Bound(sets.Values) + Bound(sets.Attitudes) + Bound(sets.Motivations);
        return bound + Bound(customer.Attributes) + Bound(customer.Consents);
    }

    private static long Bound(string[] set)
    {
        var characters = 0L;
        foreach (var item in set)
        {
            characters += item.Length + 1;
        }

        return characters * BytesPerCharacter;
    }

    // A character of four bytes becomes two escapes of six.
    private static long Bound(JsonElement? document) => document is { } json ? 3L * JsonMarshal.GetRawUtf8Value(json).Length : 0;
}
