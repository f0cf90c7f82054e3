using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Segmentation.Api.Audit;

/// <summary>JSON as RFC 8785 writes it: of one value there is one text.</summary>
internal static class CanonicalJson
{
    public static string Write(JsonNode? value)
    {
        var text = new StringBuilder();
        Append(text, value);
        return text.ToString();
    }

    private static void Append(StringBuilder text, JsonNode? value)
    {
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case JsonObject properties:
                text.Append('{');
                foreach (var (name, inner) in properties.OrderBy(p => p.Key, StringComparer.Ordinal))
                {
                    AppendText(text.Append(text[^1] == '{' ? "" : ","), name);
                    Append(text.Append(':'), inner);
                }

                text.Append('}');
                break;
            case JsonArray items:
                text.Append('[');
                for (var i = 0; i < items.Count; i++)
                {
                    Append(text.Append(i == 0 ? "" : ","), items[i]);
                }

                text.Append(']');
                break;
            default:
                AppendSingle(text, value);
                break;
        }
    }

    private static void AppendSingle(StringBuilder text, JsonNode value)
    {
        switch (value.GetValueKind())
        {
            case JsonValueKind.String:
                AppendText(text, value.GetValue<string>());
                break;
            case JsonValueKind.Number:
                text.Append(Number(double.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture)));
                break;
            default:
                text.Append(value.ToJsonString()); // true or false
                break;
        }
    }

    private static void AppendText(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var c in value)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }

    // As ECMAScript does: the fewest digits that are that number, with an exponent from 1e21 on and below 1e-6.
    private static string Number(double value)
    {
        if (value == 0)
        {
            return "0";
        }

        var parts = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture).Split('E');
        var raw = parts[0].Replace(".", "", StringComparison.Ordinal);
        var whole = parts[0].Split('.')[0].Length;
        var digits = raw.Trim('0');

        // Where the decimal point is, counted from the first digit that is not 0.
        var exponentOf10 = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        var point = exponentOf10 + whole - (raw.Length - raw.TrimStart('0').Length);
        var sign = value < 0 ? "-" : "";
        if (point is > 21 or <= -6)
        {
            var exponent = string.Create(CultureInfo.InvariantCulture, $"e{(point > 0 ? "+" : "-")}{Math.Abs(point - 1)}");
            return sign + digits[..1] + (digits.Length > 1 ? $".{digits[1..]}" : "") + exponent;
        }

        return sign + (point <= 0 ? $"0.{new string('0', -point)}{digits}"
            : digits.Length <= point ? digits.PadRight(point, '0')
            : $"{digits[..point]}.{digits[point..]}");
    }
}
