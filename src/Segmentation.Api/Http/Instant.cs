using System.Diagnostics.CodeAnalysis;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Http;

/// <summary>An instant in a query string, with its offset.</summary>
public readonly record struct Instant(DateTimeOffset Value) : IParsable<Instant>
{
    /// <summary>What it must be, for error texts.</summary>
    public const string Description = "an instant with its offset: 2024-05-31T12:00:00Z";

    public static Instant Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var instant) ? instant : throw new FormatException($"Must be {Description}.");

    // In a query string a plus sign that was not escaped arrives as a space.
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out Instant result)
    {
        var parsed = s is null ? null : DateValue.ParseInstant(s.Replace(' ', '+'));
        result = new Instant(parsed ?? default);
        return parsed is not null;
    }
}
