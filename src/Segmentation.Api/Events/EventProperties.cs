using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Events;

/// <summary>What an event carries, in the form that rules read: its texts folded. Names are left as they are.</summary>
internal static class EventProperties
{
    private static readonly SearchValues<byte> Unfolded = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ\\"u8);

    /// <summary>The folded form; null when that is the original.</summary>
    public static JsonElement? FoldTexts(JsonElement properties)
    {
        // Most have no capitals at all.
        var original = JsonMarshal.GetRawUtf8Value(properties);
        if (!original.ContainsAny(Unfolded) && Ascii.IsValid(original))
        {
            return null;
        }

        var buffer = new ArrayBufferWriter<byte>(original.Length + 64);
        using var writer = new Utf8JsonWriter(buffer);
        var reader = new Utf8JsonReader(original);
        var differs = false;
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    writer.WriteStartObject();
                    break;
                case JsonTokenType.EndObject:
                    writer.WriteEndObject();
                    break;
                case JsonTokenType.StartArray:
                    writer.WriteStartArray();
                    break;
                case JsonTokenType.EndArray:
                    writer.WriteEndArray();
                    break;
                case JsonTokenType.PropertyName:
                    writer.WritePropertyName(reader.GetString()!);
                    break;
                case JsonTokenType.String:
                    var text = reader.GetString()!;
                    var folded = CaseNormalizer.Normalize(text);
                    differs |= !ReferenceEquals(text, folded) && text != folded;
                    writer.WriteStringValue(folded);
                    break;
                default:
                    writer.WriteRawValue(reader.ValueSpan, skipInputValidation: true);
                    break;
            }
        }

        writer.Flush();
        return differs ? JsonElement.Parse(buffer.WrittenSpan) : null;
    }
}
