using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Segmentation.Rules.Events;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Checking;

/// <summary>
/// What typed clients write, as the language writes it: its own words, which may come in any case (<c>AtLeast</c>), and no properties that
/// are null. So everything after this, and what is stored, has one spelling.
/// </summary>
internal static class RuleSpelling
{
    private static readonly Dictionary<string, string[]> words = new(StringComparer.Ordinal)
    {
        ["combinator"] = ["and", "or"],
        ["mode"] = [.. EventRuleTerms.Modes, DateReader.Relative],
        ["aggregate"] = [.. EventRuleTerms.Aggregates],
        ["anchor"] = DateReader.AnchorNames,
        ["unit"] = DateReader.UnitNames,
    };

    // Any other is an error, null or not.
    private static readonly HashSet<string> properties = new(
        [
            .. NodeJson.GroupProperties, .. NodeJson.RuleProperties,
            .. EventRuleTerms.MatchProperties, .. EventRuleTerms.SequenceProperties, .. SequenceWindow.Properties,
            .. DateReader.Properties, .. AreaReader.CircleProperties, .. AreaReader.PolygonProperties,
        ],
        StringComparer.Ordinal);

    /// <summary>The same rule in the language's spelling; itself where it is. What is no word of the language stays.</summary>
    /// <param name="rule">A rule that <see cref="JsonCheck"/> could read.</param>
    public static JsonElement Correct(JsonElement rule)
    {
        if (rule.ValueKind == JsonValueKind.Undefined)
        {
            return rule;
        }

        var corrected = new ArrayBufferWriter<byte>();
        return Write(JsonMarshal.GetRawUtf8Value(rule), corrected)
            ? JsonElement.Parse(corrected.WrittenSpan, new JsonDocumentOptions { MaxDepth = int.MaxValue })
            : rule;
    }

    // Whether anything is corrected; all else is written as it was sent.
    private static bool Write(ReadOnlySpan<byte> json, ArrayBufferWriter<byte> corrected)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = int.MaxValue });
        using var writer = new Utf8JsonWriter(corrected, new JsonWriterOptions { MaxDepth = int.MaxValue, SkipValidation = true });
        string? name = null;
        var isChanged = false;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                name = reader.GetString()!;
                continue;
            }

            if (name is not null && reader.TokenType == JsonTokenType.Null && properties.Contains(name))
            {
                isChanged = true;
            }
            else
            {
                if (name is not null)
                {
                    writer.WritePropertyName(name);
                }

                var word = name is null ? null : FindWord(name, ref reader);
                isChanged |= word is not null;
                WriteToken(writer, json, ref reader, word);
            }

            name = null;
        }

        return isChanged;
    }

    private static void WriteToken(Utf8JsonWriter writer, ReadOnlySpan<byte> json, ref Utf8JsonReader reader, string? word)
    {
        if (word is not null)
        {
            writer.WriteStringValue(word);
        }
        else if (!writer.TryWriteBracket(reader.TokenType))
        {
            writer.WriteRawValue(json[(int)reader.TokenStartIndex..(int)reader.BytesConsumed], skipInputValidation: true);
        }
    }

    // Null where it is spelled so, and for what is none.
    private static string? FindWord(string property, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String || !words.TryGetValue(property, out var known))
        {
            return null;
        }

        var sent = reader.GetString()!;
        return Array.Find(known, w => w.Equals(sent, StringComparison.OrdinalIgnoreCase)) is { } word && word != sent ? word : null;
    }
}
