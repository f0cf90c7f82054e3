using System.Linq.Expressions;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using FluentValidation;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Playbooks;

/// <summary>What keys, texts, tags and contents of placements and playbooks must be.</summary>
internal static class PlaybookTexts
{
    /// <summary>What a key is, as an error text.</summary>
    public const string KeyRule = "A key is 1 to 63 lowercase letters, digits and hyphens, and starts with no hyphen.";

    private const int ContentDepth = 32;

    /// <summary>Whether a text is a key.</summary>
    public static bool IsKey(string? key) => key is not null && Regex.IsMatch(key, Segment.KeyPattern) && !key.EndsWith('\n');

    /// <summary>A text without blanks at its ends; an empty one is missing.</summary>
    public static string? Trim(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    /// <summary>Tags without blanks at their ends, each once.</summary>
    public static string[] Trim(string[]? tags) => [.. (tags ?? []).Select(t => t.Trim()).Distinct(StringComparer.Ordinal)];

    /// <summary>Why a value is none that a placement can show; null where it is one.</summary>
    /// <param name="content">No null.</param>
    /// <param name="maxBytes">Bytes that it may have.</param>
    public static string? FindContentFault(PlacementType? type, JsonElement content, int maxBytes)
    {
        var fits = (type, content.ValueKind) switch
        {
            (null, JsonValueKind.Array) => false,
            (null, _) => true,
            (PlacementType.Object, JsonValueKind.Object) => true,
            (PlacementType.String, JsonValueKind.String) => true,
            (PlacementType.Number, JsonValueKind.Number) => content.TryGetDouble(out var number) && double.IsFinite(number),
            (PlacementType.Boolean, JsonValueKind.True or JsonValueKind.False) => true,
            _ => false,
        };
        return !fits ? $"Must be {Describe(type)}{(content.ValueKind == JsonValueKind.Array ? ": wrap a list in an object" : "")}."
            : JsonMarshal.GetRawUtf8Value(content).Length > maxBytes ? $"A content has {maxBytes} bytes of JSON at most."
            : Json.Unfit(content, ContentDepth);
    }

    /// <summary>Checks what placements and playbooks both have.</summary>
    public static void AddChecks<T>(
        AbstractValidator<T> validator,
        Expression<Func<T, string?>> key,
        Expression<Func<T, string?>> name,
        Expression<Func<T, string?>> description,
        Expression<Func<T, IEnumerable<string?>?>> tags)
    {
        validator.RuleFor(key).Must(k => k is null || IsKey(k)).OverridePropertyName("/key").WithMessage(KeyRule);
        validator.RuleFor(name).Must(t => Texts.Fits(t, Segment.NameMaxLength)).OverridePropertyName("/name")
            .WithMessage(Texts.TooLong(Segment.NameMaxLength));
        validator.RuleFor(description).Must(t => Texts.Fits(t, Segment.TextMaxLength)).OverridePropertyName("/description")
            .WithMessage(Texts.TooLong(Segment.TextMaxLength));
        validator.RuleFor(tags).Must(t => t is null || t.Count() <= Segment.TagsMaxItems).OverridePropertyName("/tags")
            .WithMessage($"There are {Segment.TagsMaxItems} tags at most.");
        validator.RuleFor(tags).Must(t => t is null || t.All(x => !string.IsNullOrWhiteSpace(x) && Texts.Fits(x, Segment.TagMaxLength)))
            .OverridePropertyName("/tags").WithMessage($"A tag is a text of 1 to {Segment.TagMaxLength} characters.");
    }

    private static string Describe(PlacementType? type) => type switch
    {
        PlacementType.Object => "an object, as its placement shows objects",
        PlacementType.String => "a string, as its placement shows strings",
        PlacementType.Number => "a number, as its placement shows numbers",
        PlacementType.Boolean => "true or false, as its placement shows booleans",
        _ => "an object, a string, a number or a boolean",
    };
}
