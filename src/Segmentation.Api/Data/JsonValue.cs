using System.Globalization;
using System.Text.Json;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Data;

/// <summary>
/// Reads values out of folded JSON documents. Each function is mapped to a SQL function of the same meaning (<see cref="SqlFunctions"/>);
/// none fails on a value of another type, so one customer's data can't fail a query.
/// </summary>
public static class JsonValue
{
    /// <summary>Marks the digits of a number that no decimal holds: a control character, which no sender has a use for.</summary>
    public const string LargeNumberMark = "\u001f";

    private static readonly DateOnly Epoch = new(1970, 1, 1);

    public static string? Text(JsonElement? document, string name) => Text(Find(document, name));
    public static string? Text(JsonElement? document, string[] path) => Text(Find(document, path));
    public static decimal? Number(JsonElement? document, string name) => Number(Find(document, name));
    public static decimal? Number(JsonElement? document, string[] path) => Number(Find(document, path));
    public static bool? Boolean(JsonElement? document, string name) => Boolean(Find(document, name));
    public static bool? Boolean(JsonElement? document, string[] path) => Boolean(Find(document, path));

    /// <summary>A date stored as days since 1970.</summary>
    public static DateOnly? Date(JsonElement? document, string name) =>
        Number(document, name) is { } days ? Epoch.AddDays((int)days) : null;

    /// <summary>An instant stored as microseconds since 1970.</summary>
    public static DateTimeOffset? Instant(JsonElement? document, string name) =>
        Number(document, name) is { } micros ? DateTimeOffset.UnixEpoch.AddTicks((long)micros * TimeSpan.TicksPerMicrosecond) : null;

    /// <summary>An instant that is written as a text (ISO 8601), wherever there is a value; null where there is none.</summary>
    public static DateTimeOffset? WrittenInstant(JsonElement? document, string[] path) =>
        Find(document, path) is { ValueKind: JsonValueKind.String } text ? text.GetDateTimeOffset() : null;

    /// <summary>Whether a list of texts has all of these.</summary>
    public static bool HasAll(JsonElement? document, string name, string[] values) =>
        Set(document, name) is var set && values.All(set.Contains);

    /// <summary>Whether a list of texts has any of these.</summary>
    public static bool HasAny(JsonElement? document, string name, string[] values) =>
        Set(document, name) is var set && values.Any(set.Contains);

    /// <summary>Whether there is no such list, or an empty one.</summary>
    public static bool IsEmpty(JsonElement? document, string name) => Set(document, name).Count == 0;

    /// <summary>Whether there is a value of any type; JSON's null is none.</summary>
    public static bool Exists(JsonElement? document, string[] path) => Find(document, path) is { ValueKind: not JsonValueKind.Null };

    /// <summary>A text that is equal exactly for equal texts, numbers or booleans: 5 and 5.0 are one value, 5 and "5" are two.</summary>
    public static string? Scalar(JsonElement? document, string[] path) => Find(document, path) switch
    {
        { ValueKind: JsonValueKind.String } text => "s" + text.GetString(),
        { ValueKind: JsonValueKind.Number } number =>
            "n" + (RuleNumber.Parse(number)!.Value / 1.000000000000000000000000000m).ToString(CultureInfo.InvariantCulture),
        { ValueKind: JsonValueKind.True } => "btrue",
        { ValueKind: JsonValueKind.False } => "bfalse",
        _ => null,
    };

    /// <summary>
    /// The digits of a number that no decimal holds (<see cref="RuleNumber.ReadDigits"/>); null for any other value. It is stored as a list
    /// of a mark and the digits: to all that asks for a text, a number or a set it is none.
    /// </summary>
    public static string? LargeNumber(JsonElement? document, string[] path) =>
        Find(document, path) is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() == 2
            && Text(list[0]) == LargeNumberMark
            ? Text(list[1])
            : null;

    /// <summary>The set itself, for explanations.</summary>
    public static IReadOnlySet<string> Set(JsonElement? document, string name) =>
        Find(document, name) is { ValueKind: JsonValueKind.Array } list
            ? list.EnumerateArray().Select(v => v.GetString()!).ToHashSet(StringComparer.Ordinal)
            : new HashSet<string>();

    private static string? Text(JsonElement? value) => value is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static decimal? Number(JsonElement? value) => value is { ValueKind: JsonValueKind.Number } number ? number.GetDecimal() : null;

    private static bool? Boolean(JsonElement? value) =>
        value is { ValueKind: JsonValueKind.True or JsonValueKind.False } flag ? flag.GetBoolean() : null;

    // As PostgreSQL's path operators: a number is an item's place in a list, a negative one counts from its end.
    private static JsonElement? FindItem(JsonElement list, string place)
    {
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite;
        if (!int.TryParse(place, style, CultureInfo.InvariantCulture, out var index))
        {
            return null;
        }

        var length = list.GetArrayLength();
        index += index < 0 ? length : 0;
        return index >= 0 && index < length ? list[index] : null;
    }

    private static JsonElement? Find(JsonElement? document, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            document = document switch
            {
                { ValueKind: JsonValueKind.Object } parent when parent.TryGetProperty(name, out var child) => child,
                { ValueKind: JsonValueKind.Array } list => FindItem(list, name),
                _ => null,
            };
        }

        return document;
    }
}
