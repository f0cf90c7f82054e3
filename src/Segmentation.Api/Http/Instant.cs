using System.Diagnostics.CodeAnalysis;
using Segmentation.Rules;

namespace Segmentation.Api.Http;

/// <summary>An instant in a query string, with its offset.</summary>
public readonly record struct Instant(DateTimeOffset Value) : IParsable<Instant>
{
    // In a query string a plus sign that was not escaped arrives as a space.
    public static Instant Parse(string s, IFormatProvider? provider) => new(
        DateValue.ParseInstant(s.Replace(' ', '+')) ?? throw ApiProblem.Invalid("asOf", "asOf takes an instant with its offset: 2024-05-31T12:00:00Z."));

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out Instant result)
    {
        result = s is null ? default : Parse(s, provider);
        return s is not null;
    }
}
