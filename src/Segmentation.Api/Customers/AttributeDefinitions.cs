using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>Reads the registered attributes for a writer of customers.</summary>
internal static class AttributeDefinitions
{
    /// <summary>
    /// The registered attributes that the customer carries, by name, each with a shared lock until the transaction's end: it can't be
    /// deleted while a value of it is on its way in. All of them, where the customer carries one that is not registered.
    /// </summary>
    public static async Task<Dictionary<string, CustomerAttribute>> LockAsync(
        SegmentationDb db, JsonElement? attributes, CancellationToken cancellation)
    {
        // What is unfit is the validator's to refuse.
        if (attributes is not { ValueKind: JsonValueKind.Object } carried || Json.Unfit(carried, AttributeValues.MaxDepth) is not null)
        {
            return [];
        }

        var names = carried.EnumerateObject().Select(a => a.Name).ToArray();
        if (names is [])
        {
            return [];
        }

        var found = await db.Attributes.FromSql($"SELECT * FROM attributes WHERE name = ANY ({names}) ORDER BY name FOR SHARE")
            .AsNoTracking().ToDictionaryAsync(a => a.Name, cancellation);

        // Who carries one that is not registered is told which are.
        return names.All(found.ContainsKey) ? found : await db.Attributes.AsNoTracking().ToDictionaryAsync(a => a.Name, cancellation);
    }
}
