using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>How customers become JSON, everywhere: what the caller must not see is <see cref="SensitiveFields.Mask"/>.</summary>
internal sealed class CustomerJson : JsonConverter<CustomerResource>
{
    /// <summary>For who writes customers by itself.</summary>
    public static readonly JsonSerializerOptions Options = Create();

    public override CustomerResource? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        JsonSerializer.Deserialize<CustomerResource>(ref reader, Json.Options);

    public override void Write(Utf8JsonWriter writer, CustomerResource value, JsonSerializerOptions options)
    {
        if (value.Hidden.IsEmpty)
        {
            JsonSerializer.Serialize(writer, value, Json.Options);
            return;
        }

        var shown = (JsonObject)JsonSerializer.SerializeToNode(value, Json.Options)!;
        value.Hidden.Hide(shown);
        shown.WriteTo(writer, Json.Options);
    }

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(Json.Options);
        options.Converters.Insert(0, new CustomerJson());
        return options;
    }
}
