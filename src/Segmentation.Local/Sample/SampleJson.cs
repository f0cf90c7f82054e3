using System.Buffers;
using System.Text.Json;

namespace Segmentation.Local;

/// <summary>Writes a JSON object and reads it back.</summary>
internal sealed class SampleJson
{
    private readonly ArrayBufferWriter<byte> bytes = new(256);

    public SampleJson()
    {
        Json = new Utf8JsonWriter(bytes);
        Json.WriteStartObject();
    }

    /// <summary>Writes the members.</summary>
    public Utf8JsonWriter Json { get; }

    /// <summary>Ends the object and parses it.</summary>
    public JsonElement Read()
    {
        Json.WriteEndObject();
        Json.Flush();
        return JsonElement.Parse(bytes.WrittenSpan);
    }
}
