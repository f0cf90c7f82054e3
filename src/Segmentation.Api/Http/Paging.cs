using System.Buffers.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;

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

    /// <summary>Bytes of a page's items as JSON. One that would have more ends earlier, with a cursor; it has an item at least.</summary>
    public const int MaxBytes = 8 * 1024 * 1024;

    /// <summary>What a limit must be, as an error text.</summary>
    public const string LimitRule = "limit must be an integer from 1 to 1000.";

    /// <summary>The number of rows to ask for.</summary>
    public static int Limit(int? limit) => limit is null ? DefaultLimit
        : limit is >= 1 and <= MaxLimit ? limit.Value
        : throw ApiProblem.Invalid("limit", LimitRule);

    /// <summary>Makes the page of the rows read, of which one more than the limit was asked for.</summary>
    public static Page<TItem> Create<TRow, TItem>(IReadOnlyList<TRow> rows, int limit, Func<TRow, TItem> item, Func<TRow, object[]> key)
    {
        var page = new Building<TRow, TItem>(limit, item, key);
        return rows.All(page.Add) ? page.End() : page.Cut();
    }

    /// <summary>Reads a page, of rows that may be large: never more of them are held than the page has.</summary>
    /// <param name="rows">In the list's order, from the page's beginning on.</param>
    public static async Task<Page<TItem>> ReadAsync<TRow, TItem>(
        IQueryable<TRow> rows, int limit, Func<TRow, TItem> item, Func<TRow, object[]> key, CancellationToken cancellation)
    {
        var page = new Building<TRow, TItem>(limit, item, key);
        await foreach (var row in rows.Take(limit + 1).AsAsyncEnumerable().WithCancellation(cancellation))
        {
            if (!page.Add(row))
            {
                return page.Cut();
            }
        }

        return page.End();
    }

    /// <summary>Asks for what comes after a row.</summary>
    /// <param name="key">The row's, in the list's order.</param>
    public static string CreateCursor(params object[] key) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(key));

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

    private sealed class Building<TRow, TItem>(int limit, Func<TRow, TItem> item, Func<TRow, object[]> key)
    {
        private readonly List<TItem> items = [];
        private object[]? last;
        private long bytes;

        /// <returns>False: the page is full without it.</returns>
        public bool Add(TRow row)
        {
            if (items.Count == limit)
            {
                return false;
            }

            var shown = item(row);
            bytes += Json.Measure(shown);
            if (bytes > MaxBytes && items.Count > 0)
            {
                return false;
            }

            items.Add(shown);
            last = key(row);
            return true;
        }

        public Page<TItem> Cut() => new(items, CreateCursor(last!));

        public Page<TItem> End() => new(items, null);
    }
}
