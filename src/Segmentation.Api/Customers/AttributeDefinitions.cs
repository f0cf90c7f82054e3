using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>Reads the registered attributes for a writer of customers.</summary>
internal static class AttributeDefinitions
{
    /// <summary>
    /// The registered attributes, by name, and a shared lock until the transaction's end on those that the customer carries: one of them
    /// can't be deleted while a value of it is on its way in.
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

        await db.Database.ExecuteSqlAsync($"SELECT FROM attributes WHERE name = ANY ({names}) ORDER BY name FOR SHARE", cancellation);
        return await db.Attributes.AsNoTracking().ToDictionaryAsync(a => a.Name, cancellation);
    }
}
