using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Segmentation.Api.Data;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Events;

/// <summary>
/// What an event carries, in the form that rules read: its texts folded, its numbers within the range of exact decimals. Names are left as
/// they are.
/// </summary>
internal static class EventProperties
{
    // Digits in a row that any number may have.
    private const int MaxPlainDigits = RuleNumber.MaxDecimals;

    // What PostgreSQL's numbers certainly hold: characters, and digits of the exponent.
    private const int MaxNumberLength = 1000, MaxExponentLength = 3;

    private static readonly SearchValues<byte> Unfolded = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ\\"u8);

    /// <summary>The form that rules read; null when that is the original.</summary>
    /// <param name="properties">What was sent: an object.</param>
    /// <param name="sent">
    /// What is to be kept of the original: itself; or its text, where PostgreSQL does not hold a number in it, or not as written.
    /// <see cref="Restore"/> makes the original of either.
    /// </param>
    public static JsonElement? Fold(JsonElement properties, out JsonElement sent)
    {
        sent = properties;

        // Most have no capitals at all, and no long numbers.
        var original = JsonMarshal.GetRawUtf8Value(properties);
        if (!original.ContainsAny(Unfolded) && Ascii.IsValid(original) && !MayHoldLongNumber(original))
        {
            return null;
        }

        var buffer = new ArrayBufferWriter<byte>(original.Length + 64);
        using var writer = new Utf8JsonWriter(buffer);
        var reader = new Utf8JsonReader(original);
        var (differs, isTooMuch) = (false, false);
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case var bracket when writer.TryWriteBracket(bracket):
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
                case JsonTokenType.Number:
                    var isAnother = WriteNumber(writer, reader.ValueSpan);
                    isTooMuch |= IsTooMuch(reader.ValueSpan, isAnother);
                    differs |= isAnother;
                    break;
                default:
                    writer.WriteRawValue(reader.ValueSpan, skipInputValidation: true);
                    break;
            }
        }

        writer.Flush();
        if (isTooMuch)
        {
            sent = JsonSerializer.SerializeToElement(Encoding.UTF8.GetString(original));
        }

        return differs || isTooMuch ? JsonElement.Parse(buffer.WrittenSpan) : null;
    }

    /// <summary>The original of what was kept of it.</summary>
    public static JsonElement Restore(JsonElement sent) =>
        sent.ValueKind == JsonValueKind.String ? JsonElement.Parse(sent.GetString()!) : sent;

    private static bool MayHoldLongNumber(ReadOnlySpan<byte> json)
    {
        while (json.IndexOfAnyInRange((byte)'0', (byte)'9') is var start and >= 0)
        {
            json = json[start..];
            var length = json.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
            if (length < 0)
            {
                return json.Length > MaxPlainDigits;
            }

            if (length > MaxPlainDigits || json[length] == (byte)'e')
            {
                return true;
            }

            json = json[length..];
        }

        return false;
    }

    // PostgreSQL writes exponents out: 1e400 would come back as 401 digits.
    private static bool IsTooMuch(ReadOnlySpan<byte> number, bool isAnother) => number.Length > MaxNumberLength
        || (number.IndexOfAny((byte)'e', (byte)'E') is var e and >= 0
            && (isAnother || number[(e + 1)..].TrimStart("+-0"u8).Length > MaxExponentLength));

    // Whether it is another than was sent.
    private static bool WriteNumber(Utf8JsonWriter writer, ReadOnlySpan<byte> sent)
    {
        Span<char> text = sent.Length <= 64 ? stackalloc char[64] : new char[sent.Length];
        text = text[..Encoding.ASCII.GetChars(sent, text)];
        switch (RuleNumber.Read(text, out var number))
        {
            case NumberKind.TooLarge:
                writer.WriteStartArray();
                writer.WriteStringValue(JsonValue.LargeNumberMark);
                writer.WriteStringValue(RuleNumber.ReadDigits(text));
                writer.WriteEndArray();
                return true;
            case NumberKind.Rounded:
                writer.WriteNumberValue(number);
                return true;
            default:
                writer.WriteNumberValue(number);
                return false;
        }
    }
}
