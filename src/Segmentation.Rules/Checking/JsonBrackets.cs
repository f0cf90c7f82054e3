using System.Text.Json;

namespace Segmentation.Rules.Checking;

/// <summary>Copies what holds JSON together, for those who rewrite what is in it.</summary>
public static class JsonBrackets
{
    /// <summary>Writes the token if it begins or ends an object or a list.</summary>
    /// <returns>Whether it does.</returns>
    public static bool TryWriteBracket(this Utf8JsonWriter writer, JsonTokenType token)
    {
        switch (token)
        {
            case JsonTokenType.StartObject:
                writer.WriteStartObject();
                return true;
            case JsonTokenType.EndObject:
                writer.WriteEndObject();
                return true;
            case JsonTokenType.StartArray:
                writer.WriteStartArray();
                return true;
            case JsonTokenType.EndArray:
                writer.WriteEndArray();
                return true;
            default:
                return false;
        }
    }
}
