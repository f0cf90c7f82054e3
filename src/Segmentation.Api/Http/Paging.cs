using System.Buffers.Text;
using System.Text.Json;

namespace Segmentation.Api.Http;

/// <summary>One page of a list.</summary>
/// <param name="Items">In the list's order.</param>
/// <param name="NextCursor">Asks for the next page; null on the last.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, [property: System.Text.Json.Serialization.JsonIgnore(
    Condition = System.Text.Json.Serialization.JsonIgnoreCondition.Never)] string? NextCursor);

/// <summary>Which page: keyset, never offset, so that a late page costs what the first costs.</summary>
public static class Paging
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1000;

    /// <summary>What a limit must be, as an error text.</summary>
    public const string LimitRule = "limit must be an integer from 1 to 1000.";

    /// <summary>The number of rows to ask for.</summary>
    public static int Limit(int? limit) => limit is null ? DefaultLimit
        : limit is >= 1 and <= MaxLimit ? limit.Value
        : throw ApiProblem.Invalid("limit", LimitRule);

    /// <summary>Makes the page of the rows read, of which one more than the limit was asked for.</summary>
    public static Page<TItem> Create<TRow, TItem>(IReadOnlyList<TRow> rows, int limit, Func<TRow, TItem> item, Func<TRow, object[]> key) =>
        new(
            [.. rows.Take(limit).Select(item)],
            rows.Count > limit ? Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(key(rows[limit - 1]))) : null);

    /// <summary>The last row's key, of a list by text; null for the first page.</summary>
    public static string? TextCursor(string? cursor) => Cursor(cursor, 1) is not { } key ? null
        : key[0].ValueKind == JsonValueKind.String && !key[0].GetString()!.Contains('\0', StringComparison.Ordinal) ? key[0].GetString()
        : throw ForeignCursor();

    /// <summary>The last row's key, of a list by number; null for the first page.</summary>
    public static long? NumberCursor(string? cursor) => NumbersCursor(cursor, 1)?[0];

    /// <summary>The last row's key, of a list by several numbers; null for the first page.</summary>
    public static long[]? NumbersCursor(string? cursor, int count) => Cursor(cursor, count) is not { } key ? null
        : [.. key.EnumerateArray()
            .Select(n => n.ValueKind == JsonValueKind.Number && n.TryGetInt64(out var number) ? number : throw ForeignCursor())];

    /// <summary>The last row's key, of a list by values of these kinds; null for the first page.</summary>
    public static JsonElement[]? MixedCursor(string? cursor, params JsonValueKind[] kinds) =>
        Cursor(cursor, kinds.Length) is not { } key ? null
        : key.EnumerateArray().Select(v => v.ValueKind).SequenceEqual(kinds) ? [.. key.EnumerateArray()]
        : throw ForeignCursor();

    /// <summary>The problem of a cursor that is none of the list.</summary>
    public static ApiProblem ForeignCursor() =>
        ApiProblem.Invalid("cursor", "Not a cursor of this list. Leave it out for the first page, and then send nextCursor as it came.");

    /// <summary>A text of the query string that a statement can take.</summary>
    public static string Text(string text, string name) =>
        text.Contains('\0', StringComparison.Ordinal) ? throw ApiProblem.Invalid(name, "A string can't hold the character NUL.") : text;

    private static JsonElement? Cursor(string? cursor, int count)
    {
        if (string.IsNullOrEmpty(cursor))
        {
            return null;
        }

        try
        {
            var key = JsonSerializer.Deserialize<JsonElement>(Base64Url.DecodeFromChars(cursor));
            return key.ValueKind == JsonValueKind.Array && key.GetArrayLength() == count && Json.Unfit(key, maxDepth: 2) is null
                ? key
                : throw ForeignCursor();
        }
        catch (Exception malformed) when (malformed is FormatException or JsonException)
        {
            throw ForeignCursor();
        }
    }
}
