using System.Text.Json;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// The standing consents that a customer carries, for rules to read. They follow from the records of its consents, in the transaction that
/// appends these: of a purpose the one with the greatest time stands, of equal ones the last received. Imports do the same by the
/// database's function <c>consents_merged</c>.
/// </summary>
internal static class CustomerConsents
{
    public static Dictionary<string, ConsentResource?> Read(Customer customer) =>
        customer.Consents?.Deserialize<Dictionary<string, ConsentResource?>>(Json.Options) ?? [];

    /// <summary>Sets a customer's consents, all of them.</summary>
    public static void Set(Customer customer, Dictionary<string, ConsentResource?> consents)
    {
        customer.Consents = consents.Count > 0 ? JsonSerializer.SerializeToElement(consents, Json.Options) : null;
        customer.ConsentsGranted = [.. consents.Where(c => c.Value!.Granted == true).Select(c => c.Key)];
    }

    /// <summary>Takes consents that were sent: dates those that have no time, and lets stand what is newer.</summary>
    public static void Take(Customer customer, Dictionary<string, ConsentResource?>? sent, DateTimeOffset now)
    {
        if (sent is null or { Count: 0 })
        {
            return;
        }

        var standing = Read(customer);
        foreach (var (purpose, consent) in sent)
        {
            // What stands already was given when it was given, not now.
            var before = standing.GetValueOrDefault(purpose);
            consent!.At = consent.At is { } at ? LocalTime.Truncate(at)
                : before?.Granted == consent.Granted ? before!.At
                : Now(before, now);
        }

        KeepNewest(standing, sent);
        Set(customer, standing);
    }

    /// <summary>Takes the times off the consents that a merge patch names without one: they are said now, not when what stood before was.
    /// </summary>
    public static CustomerResource SayNow(CustomerResource patched, JsonElement patch)
    {
        if (patch.ValueKind == JsonValueKind.Object && patch.TryGetProperty("consents", out var consents)
            && consents.ValueKind == JsonValueKind.Object)
        {
            foreach (var said in consents.EnumerateObject().Where(c => c.Value.ValueKind == JsonValueKind.Object
                && !c.Value.TryGetProperty("at", out _)))
            {
                if (patched.Consents?.GetValueOrDefault(said.Name) is { } consent)
                {
                    consent.At = null;
                }
            }
        }

        return patched;
    }

    /// <summary>Lets stand, of each purpose, what is not older than what stands.</summary>
    /// <returns>What does not stand, of those of which two were there: what stood before, or what was sent.</returns>
    public static List<(string Purpose, ConsentResource Consent)> KeepNewest(
        Dictionary<string, ConsentResource?> standing, Dictionary<string, ConsentResource?> sent)
    {
        List<(string, ConsentResource)> overtaken = [];
        foreach (var (purpose, consent) in sent)
        {
            var before = standing.GetValueOrDefault(purpose);
            var isLate = before is not null && consent!.At < before.At;
            if (before is not null && (before.Granted, before.At) != (consent!.Granted, consent.At))
            {
                overtaken.Add((purpose, isLate ? consent : before));
            }

            standing[purpose] = isLate ? before : consent;
        }

        return overtaken;
    }

    /// <summary>Withdraws, now, a consent that stands.</summary>
    public static void Withdraw(
        Dictionary<string, ConsentResource?> consents, string purpose, ConsentResource? standing, DateTimeOffset now)
    {
        if (standing is not null)
        {
            consents[purpose] = standing.Granted == true ? new() { Granted = false, At = Now(standing, now) } : standing;
        }
    }

    /// <summary>Now, but not before what stands: clocks differ, and what is said now is said last.</summary>
    public static DateTimeOffset Now(ConsentResource? standing, DateTimeOffset now) => standing?.At > now ? standing.At.Value : now;
}
