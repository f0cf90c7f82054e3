using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Segmentation.Api.Http;

/// <summary>One page of a list.</summary>
/// <param name="Items">In the list's order.</param>
/// <param name="NextCursor">Asks for the next page; null on the last.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, [property: System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.Never)] string? NextCursor);

/// <summary>Which page: keyset, never offset, so that a late page costs what the first costs.</summary>
public static class Paging
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1000;

    /// <summary>The number of rows to ask for.</summary>
    public static int Limit(int? limit) => limit is null ? DefaultLimit
        : limit is >= 1 and <= MaxLimit ? limit.Value
        : throw ApiProblem.Invalid("limit", $"limit takes an integer from 1 to {MaxLimit}.");

    /// <summary>Makes the page of the rows read, of which one more than the limit was asked for.</summary>
    public static Page<TItem> Of<TRow, TItem>(IReadOnlyList<TRow> rows, int limit, Func<TRow, TItem> item, Func<TRow, object[]> key) => new(
        [.. rows.Take(limit).Select(item)],
        rows.Count > limit ? Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(key(rows[limit - 1]))) : null);

    /// <summary>The key of the last row of the page before, or null for the first page.</summary>
    public static JsonElement? Cursor(string? cursor, int parts)
    {
        if (string.IsNullOrEmpty(cursor))
        {
            return null;
        }

        try
        {
            var key = JsonSerializer.Deserialize<JsonElement>(Base64Url.DecodeFromChars(cursor));
            if (key.ValueKind == JsonValueKind.Array && key.GetArrayLength() == parts && !Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor)).Contains("\\u0000", StringComparison.Ordinal))
            {
                return key;
            }
        }
        catch (Exception malformed) when (malformed is FormatException or JsonException)
        {
            // Answered below like any other that we did not make.
        }

        throw ApiProblem.Invalid("cursor", "Not a cursor of this list. Leave it out for the first page, and then send nextCursor as it came.");
    }
}
