using System.Text.Json;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Memberships;

/// <summary>The order of a list of segments: by one of their properties, then by key, which no two share.</summary>
public sealed class SegmentSort
{
    private const string ByKey = "key", ByName = "name", BySize = "size", ByUpdate = "updated";

    private static readonly string[] Properties = [ByKey, ByName, BySize, ByUpdate];

    private readonly string text;
    private readonly string property;
    private readonly bool descending;

    private SegmentSort(string text, string property) =>
        (this.text, this.property, descending) = (text, property, text != property);

    /// <summary>Whether it is the order of keys alone, which the database's index has.</summary>
    public bool IsByKey => text == ByKey;

    /// <summary>Reads a query parameter: <c>name</c>, <c>size</c>, <c>updated</c> or <c>key</c>, descending after a hyphen.</summary>
    /// <exception cref="ApiProblem">400.</exception>
    public static SegmentSort Parse(string? sort)
    {
        var text = sort ?? ByKey;
        var property = text.StartsWith('-') ? text[1..] : text;
        return Properties.Contains(property)
            ? new SegmentSort(text, property)
            : throw ApiProblem.Invalid(
                "sort", "sort must be key, name, size or updated; with a hyphen before it for the descending order: -size.");
    }

    /// <summary>Compares by the property, then by key.</summary>
    public int Compare(SegmentPlace a, SegmentPlace b)
    {
        var order = property switch
        {
            ByName => string.CompareOrdinal(a.FoldedName, b.FoldedName),
            BySize => (a.Size ?? -1).CompareTo(b.Size ?? -1),
            ByUpdate => a.UpdatedAt.CompareTo(b.UpdatedAt),
            _ => string.CompareOrdinal(a.Key, b.Key),
        };
        return order == 0 ? string.CompareOrdinal(a.Key, b.Key) : descending ? -order : order;
    }

    /// <summary>What a cursor holds of the last of a page.</summary>
    public object[] CreateCursor(SegmentPlace last) =>
        [text, last.Key, last.FoldedName, last.Size ?? -1, last.UpdatedAt.UtcTicks];

    /// <summary>The last of the page before; null for the first page.</summary>
    /// <exception cref="ApiProblem">400: it is no cursor of a list in this order.</exception>
    public SegmentPlace? ReadCursor(string? cursor)
    {
        var values = Paging.MixedCursor(
            cursor, JsonValueKind.String, JsonValueKind.String, JsonValueKind.String, JsonValueKind.Number, JsonValueKind.Number);
        if (values is null)
        {
            return null;
        }

        return values[0].ValueEquals(text) && values[3].TryGetInt64(out var size)
            && values[4].TryGetInt64(out var ticks) && ticks >= 0 && ticks <= DateTimeOffset.MaxValue.UtcTicks
            ? new SegmentPlace(0, values[1].GetString()!, values[2].GetString()!, size, new DateTimeOffset(ticks, TimeSpan.Zero))
            : throw Paging.ForeignCursor();
    }
}

/// <summary>What decides a segment's place in a list.</summary>
public sealed record SegmentPlace(int Id, string Key, string Name, long? Size, DateTimeOffset UpdatedAt)
{
    public string FoldedName { get; } = CaseNormalizer.Normalize(Name);
}
