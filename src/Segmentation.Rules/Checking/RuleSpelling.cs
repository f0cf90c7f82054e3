using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Segmentation.Rules.Events;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Checking;

/// <summary>
/// The language's own words, which may come in any case (typed clients write <c>AtLeast</c>), as the language spells them: so everything
/// after this, and what is stored, has one spelling.
/// </summary>
internal static class RuleSpelling
{
    private static readonly (string Property, string[] Words)[] properties =
    [
        ("combinator", ["and", "or"]),
        ("mode", [.. EventRuleTerms.Modes, DateReader.Relative]),
        ("aggregate", [.. EventRuleTerms.Aggregates]),
        ("anchor", DateReader.AnchorNames),
        ("unit", DateReader.UnitNames),
    ];

    /// <summary>The same rule with its words in the language's spelling; itself where they are. What is no such word stays.</summary>
    /// <param name="rule">A rule that <see cref="JsonCheck"/> could read.</param>
    public static JsonElement Correct(JsonElement rule)
    {
        if (rule.ValueKind == JsonValueKind.Undefined)
        {
            return rule;
        }

        var original = JsonMarshal.GetRawUtf8Value(rule);
        var corrections = FindCorrections(original);
        if (corrections.Count == 0)
        {
            return rule;
        }

        // A word has the same length in any case.
        var corrected = original.ToArray();
        foreach (var (start, word) in corrections)
        {
            Encoding.ASCII.GetBytes(word, corrected.AsSpan(start));
        }

        return JsonElement.Parse(corrected, new JsonDocumentOptions { MaxDepth = int.MaxValue });
    }

    private static List<(int Start, string Word)> FindCorrections(ReadOnlySpan<byte> json)
    {
        List<(int, string)> corrections = [];
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = int.MaxValue });
        string[]? words = null;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                words = FindWords(ref reader);
                continue;
            }

            if (words is not null && reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped
                && FindWord(reader.ValueSpan, words) is { } word && !reader.ValueTextEquals(word))
            {
                corrections.Add(((int)reader.TokenStartIndex + 1, word));
            }

            words = null;
        }

        return corrections;
    }

    private static string[]? FindWords(ref Utf8JsonReader reader)
    {
        foreach (var (property, words) in properties)
        {
            if (reader.ValueTextEquals(property))
            {
                return words;
            }
        }

        return null;
    }

    private static string? FindWord(ReadOnlySpan<byte> value, string[] words)
    {
        foreach (var word in words)
        {
            if (Ascii.EqualsIgnoreCase(value, word))
            {
                return word;
            }
        }

        return null;
    }
}
