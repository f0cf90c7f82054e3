using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// What customers carry under <c>attributes</c>: checked against the registered types, and written as sent and as rules read it.
/// </summary>
internal static class AttributeValues
{
    /// <summary>A set inside the object.</summary>
    public const int MaxDepth = 2;

    private static readonly DateOnly Epoch = new(1970, 1, 1);

    /// <summary>What is wrong with the attributes, all of it; pointers are relative to the customer.</summary>
    public static IEnumerable<RuleError> Faults(JsonElement? attributes, IReadOnlyDictionary<string, CustomerAttribute> definitions)
    {
        if (attributes is not { ValueKind: not JsonValueKind.Null } json)
        {
            yield break;
        }

        if (json.ValueKind != JsonValueKind.Object)
        {
            yield return new RuleError("/attributes", "attributes must be an object.");
            yield break;
        }

        if (Json.Unfit(json, MaxDepth) is { } unfit)
        {
            // The name of one that is unfit may be what can't be read.
            var name = json.EnumerateObject().Where(a => Json.Unfit(a.Value, MaxDepth - 1) is not null)
                .Select(a => Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8PropertyName(a))).FirstOrDefault();
            yield return new RuleError(name is null ? "/attributes" : RuleError.Below("/attributes", name), unfit);
            yield break;
        }

        foreach (var attribute in json.EnumerateObject().Where(a => a.Value.ValueKind != JsonValueKind.Null))
        {
            var fault = definitions.TryGetValue(attribute.Name, out var definition)
                ? Fault(definition, attribute.Value)
                : $"{ErrorText.Quote(attribute.Name)} is not a registered attribute. {Hint(attribute.Name, definitions.Keys)}";
            if (fault is not null)
            {
                yield return new RuleError(RuleError.Below("/attributes", attribute.Name), fault);
            }
        }
    }

    /// <summary>The end of an error text about an unknown attribute.</summary>
    public static string Hint(string name, IEnumerable<string> known) =>
        NearestName.Find(name, known) is { } nearest ? $"Did you mean \"{nearest}\"?" : "Register it with PUT /api/v1/attributes/NAME.";

    /// <summary>The attributes as they are stored: as sent, and in the form that rules read. Both null when there are none.</summary>
    public static (JsonElement? Original, JsonElement? Folded) CreateDocuments(
        JsonElement? attributes, IReadOnlyDictionary<string, CustomerAttribute> definitions)
    {
        if (attributes is not { ValueKind: JsonValueKind.Object } json || !json.EnumerateObject().MoveNext())
        {
            return (null, null);
        }

        var (original, folded) = (new ArrayBufferWriter<byte>(256), new ArrayBufferWriter<byte>(256));
        using (var originalWriter = new Utf8JsonWriter(original))
        using (var foldedWriter = new Utf8JsonWriter(folded))
        {
            originalWriter.WriteStartObject();
            foldedWriter.WriteStartObject();
            foreach (var attribute in json.EnumerateObject())
            {
                Write(originalWriter, foldedWriter, attribute, definitions);
            }

            originalWriter.WriteEndObject();
            foldedWriter.WriteEndObject();
        }

        return original.WrittenCount == 2 ? (null, null) : (JsonElement.Parse(original.WrittenSpan), JsonElement.Parse(folded.WrittenSpan));
    }

    private static void Write(
        Utf8JsonWriter original, Utf8JsonWriter folded, JsonProperty attribute, IReadOnlyDictionary<string, CustomerAttribute> definitions)
    {
        var (name, value) = (attribute.Name, attribute.Value);
        switch (value.ValueKind)
        {
            case JsonValueKind.String when Normalization.NormalizeText(value.GetString()) is { } text:
                original.WriteString(name, text);
                switch (definitions[name].Type)
                {
                    case "date":
                        folded.WriteNumber(name, Date(text)!.Value.DayNumber - Epoch.DayNumber);
                        break;
                    case "instant":
                        folded.WriteNumber(
                            name, (DateValue.ParseInstant(text)!.Value - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
                        break;
                    default:
                        folded.WriteString(name, CaseNormalizer.Normalize(text));
                        break;
                }

                break;
            case JsonValueKind.Number:
                var number = RuleNumber.Parse(value)!.Value;
                original.WriteNumber(name, number);
                folded.WriteNumber(name, number);
                break;
            case JsonValueKind.True or JsonValueKind.False:
                original.WriteBoolean(name, value.GetBoolean());
                folded.WriteBoolean(name, value.GetBoolean());
                break;
            case JsonValueKind.Array when value.GetArrayLength() > 0:
                original.WriteStartArray(name);
                folded.WriteStartArray(name);
                var seen = new HashSet<string>();
                foreach (var item in value.EnumerateArray().Select(i => Normalization.NormalizeText(i.GetString())))
                {
                    if (item is not null && seen.Add(CaseNormalizer.Normalize(item)))
                    {
                        original.WriteStringValue(item);
                        folded.WriteStringValue(CaseNormalizer.Normalize(item));
                    }
                }

                original.WriteEndArray();
                folded.WriteEndArray();
                break;
        }
    }

    private static string? Fault(CustomerAttribute definition, JsonElement value)
    {
        var name = definition.Name;
        var text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        if (ProfileFaults.TextFault(text) is { } unreadable)
        {
            return $"attributes.{name} {unreadable}";
        }

        // Empty text is missing, whatever the type.
        if (text is not null && string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        return definition.Type switch
        {
            "text" when text is null => $"attributes.{name} must be a string.",
            "boolean" when value.ValueKind is not (JsonValueKind.True or JsonValueKind.False) =>
                $"attributes.{name} must be true or false.",
            "integer" when value.ValueKind != JsonValueKind.Number => $"attributes.{name} must be an integer.",
            "decimal" when value.ValueKind != JsonValueKind.Number => $"attributes.{name} must be a number.",
            "integer" or "decimal" when RuleNumber.Parse(value) is null => $"attributes.{name} {RuleNumber.RangeFault}.",
            "integer" when RuleNumber.Parse(value) is { } number
                && decimal.Truncate(number) != number => $"attributes.{name} must be an integer.",
            "date" when text is null || Date(text.Trim()) is null => $"attributes.{name} must be a date: \"2024-05-31\".",
            "instant" when text is null || DateValue.ParseInstant(text.Trim()) is null =>
                $"attributes.{name} must be an instant with its offset: \"2024-05-31T12:00:00Z\".",
            "set" => SetFault(name, value),
            _ => null,
        };
    }

    private static string? SetFault(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(i => i.ValueKind != JsonValueKind.String))
        {
            return $"attributes.{name} must be a list of strings.";
        }

        return value.GetArrayLength() > Customer.SetMaxItems
            ? $"attributes.{name} must have at most {Customer.SetMaxItems.ToString(CultureInfo.InvariantCulture)} items."
            : value.EnumerateArray().Select(i => ProfileFaults.TextFault(i.GetString()!)).FirstOrDefault(f => f is not null) is { } fault
            ? $"attributes.{name} {fault}"
            : null;
    }

    private static DateOnly? Date(string text) => DateValue.Parse(text) is DateValue.Day day ? day.Date : null;
}
