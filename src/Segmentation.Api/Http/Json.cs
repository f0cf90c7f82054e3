using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Http;

/// <summary>How the API reads and writes JSON: camelCase, nothing unknown, nothing twice, instants in UTC.</summary>
public static class Json
{
    public static readonly JsonSerializerOptions Options = Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web));

    private static readonly JsonSerializerOptions Sent = new(Options) { Converters = { new SentConverter() } };

    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.AllowDuplicateProperties = false;
        options.RespectNullableAnnotations = false;

        // What describes types is asked for before anything has been read or written, which would set it.
        options.TypeInfoResolver ??= new DefaultJsonTypeInfoResolver();
        options.Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        options.Converters.Add(new InstantConverter());
        options.Converters.Add(new NumberConverter());
        options.Converters.Add(new DoubleConverter());
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));
        return options;
    }

    /// <summary>Bytes of one answer that grows with what was asked.</summary>
    public const int MaxAnswerBytes = 1024 * 1024;

    /// <summary>How many bytes a value has in an answer.</summary>
    public static long Measure<T>(T value) => Measure(value, Options);

    /// <summary>How many bytes a value has as it was sent, also one that can't be stored: it is refused where its place is known.</summary>
    public static long MeasureSent<T>(T value) => Measure(value, Sent);

    private static long Measure<T>(T value, JsonSerializerOptions options)
    {
        var counter = new Counter();
        using var writer = new Utf8JsonWriter(counter, new JsonWriterOptions { Encoder = Options.Encoder, SkipValidation = true });
        JsonSerializer.Serialize(writer, value, options);
        return writer.BytesCommitted + writer.BytesPending;
    }

    /// <summary>
    /// What is wrong with a body that could not be read, at the place where it is: the serializer's own texts name .NET types.
    /// </summary>
    public static ApiProblem Problem(JsonException exception, Type target)
    {
        var pointer = Pointer(exception.Path);
        if (exception.Message.Contains("could not be mapped to any .NET member", StringComparison.Ordinal))
        {
            var name = pointer[(pointer.LastIndexOf('/') + 1)..];
            return ApiProblem.Invalid(
                pointer, $"{ErrorText.Quote(name)} is not a property here. {NearestName.Hint(name, Members(target, pointer))}");
        }

        if (exception.Message.Contains("uplicate", StringComparison.Ordinal))
        {
            return ApiProblem.Invalid(pointer, "Duplicate property.");
        }

        // A converter's own message is meant for the sender; it carries no inner exception.
        if (exception.Message.Contains("could not be converted", StringComparison.Ordinal))
        {
            return ApiProblem.Invalid(pointer, $"Must be {Describe(TypeAt(target, pointer))}.");
        }

        return ApiProblem.Invalid(pointer, exception is RequestJsonException ? exception.Message.Split(" Path:")[0]
            : $"Not valid JSON, at line {Number(exception.LineNumber + 1)}, byte {Number(exception.BytePositionInLine + 1)}.");

        static string Number(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "?";
    }

    // "$.demographic.age", "$.consents['a b'].at", "$[3].id" -> JSON Pointer
    private static string Pointer(string? path)
    {
        var pointer = new StringBuilder();
        for (var i = 1; i < path?.Length;)
        {
            int end;
            string part;
            if (path[i] == '[' && i + 1 < path.Length && path[i + 1] == '\'')
            {
                // The name is as it was sent, brackets and quotes too: it ends where a path can go on, or does.
                end = i + 2;
                do
                {
                    end = path.IndexOf("']", end, StringComparison.Ordinal) is var next and >= 0 ? next + 2 : path.Length + 2;
                }
                while (end < path.Length && path[end] is not ('.' or '['));
                end -= 2;
                part = path[(i + 2)..end];
                i = end + 2;
            }
            else if (path[i] == '[')
            {
                end = path.IndexOf(']', i);
                part = path[(i + 1)..end];
                i = end + 1;
            }
            else
            {
                end = path.AsSpan(i + 1).IndexOfAny('.', '[') is var next and >= 0 ? i + 1 + next : path.Length;
                part = path[(i + 1)..end];
                i = end;
            }

            pointer.Append(RuleError.Below("", part));
        }

        return pointer.ToString();
    }

    private static Type? TypeAt(Type target, string pointer)
    {
        Type? type = target;
        foreach (var part in pointer.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            type = type is null
                ? null
                : Item(type) ?? Options.GetTypeInfo(Bare(type)).Properties.FirstOrDefault(p => p.Name == part)?.PropertyType;
        }

        return type;
    }

    private static string[] Members(Type target, string pointer) =>
        TypeAt(target, pointer[..pointer.LastIndexOf('/')]) is { } parent
            ? [.. Options.GetTypeInfo(Bare(parent)).Properties.Select(p => p.Name)]
            : [];

    private static Type? Item(Type type) =>
        Options.GetTypeInfo(Bare(type)) is { Kind: JsonTypeInfoKind.Enumerable or JsonTypeInfoKind.Dictionary } list
            ? list.ElementType
            : null;

    private static Type Bare(Type type) => Nullable.GetUnderlyingType(type) ?? type;

    private static string Describe(Type? type) => type is null ? "another kind of value" : Bare(type) switch
    {
        var t when t == typeof(string) => "a string",
        var t when t == typeof(int) || t == typeof(long) => "an integer",
        var t when t == typeof(decimal) || t == typeof(double) => "a number",
        var t when t == typeof(bool) => "true or false",
        var t when t == typeof(DateOnly) => "a date: \"2024-05-31\"",
        var t when t == typeof(DateTimeOffset) => InstantConverter.Description,
        { IsEnum: true } t => $"one of {string.Join(", ", Enum.GetNames(t).Select(JsonNamingPolicy.CamelCase.ConvertName))}",
        var t when Options.GetTypeInfo(t).Kind == JsonTypeInfoKind.Enumerable => "a list",
        _ => "an object",
    };

    // Takes what is written, and keeps nothing of it.
    private sealed class Counter : IBufferWriter<byte>
    {
        private byte[] scratch = new byte[1024];

        public void Advance(int count)
        {
        }

        public Memory<byte> GetMemory(int sizeHint = 0) => scratch.Length >= sizeHint ? scratch : scratch = new byte[sizeHint];

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }

    // Instants carry their offset when they come and are UTC when they go.
    private sealed class InstantConverter : JsonConverter<DateTimeOffset>
    {
        public const string Description = "an instant with its offset: \"2024-05-31T12:00:00Z\"";

        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.String)
            {
                // What nearly all are, in UTC and with seconds, is read without making a text of it. Less than a microsecond is dropped.
                if (!reader.HasValueSequence && reader.ValueSpan is { Length: >= 20 and <= 30 } plain && plain[^1] == 'Z'
                    && reader.TryGetDateTimeOffset(out var common) && common.Year is > 1 and < 9999)
                {
                    return LocalTime.Truncate(common);
                }

                if (DateValue.ParseInstant(reader.GetString()!) is { } instant)
                {
                    return instant;
                }
            }

            throw new RequestJsonException($"Must be {Description}.");
        }

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
        {
            Span<byte> text = stackalloc byte[32];
            value.UtcDateTime.TryFormat(text, out var length, InstantFormat, CultureInfo.InvariantCulture);
            writer.WriteStringValue(text[..length]);
        }
    }

    // The serializer's own would round what a decimal can't hold.
    private sealed class NumberConverter : JsonConverter<decimal>
    {
        public override decimal Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.Number)
            {
                throw new RequestJsonException("Must be a number.");
            }

            return ReadNumber(ref reader) ?? throw new RequestJsonException("Must be a number of at most 18 digits before the point.");
        }

        public override void Write(Utf8JsonWriter writer, decimal value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
    }

    // The serializer's own would make infinity of 1e400, which no answer can have.
    private sealed class DoubleConverter : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType != JsonTokenType.Number ? throw new RequestJsonException("Must be a number.")
            : reader.TryGetDouble(out var number) && double.IsFinite(number) ? number
            : throw new RequestJsonException("Must be a number of at most 308 digits before the point.");

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
    }

    // As it stands: the serializer's own has no UTF-8 for half a surrogate pair, and throws.
    private sealed class SentConverter : JsonConverter<JsonElement>
    {
        public override JsonElement Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            JsonElement.ParseValue(ref reader);

        public override void Write(Utf8JsonWriter writer, JsonElement value, JsonSerializerOptions options) =>
            writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(value), skipInputValidation: true);
    }

    /// <summary>
    /// What makes a JSON value unfit to be stored; null when nothing does: PostgreSQL refuses a NUL and half a surrogate pair.
    /// </summary>
    public static string? Unfit(JsonElement value, int maxDepth)
    {
        var reader = new Utf8JsonReader(JsonMarshal.GetRawUtf8Value(value));
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject or JsonTokenType.StartArray when reader.CurrentDepth >= maxDepth:
                    return $"It is nested too deep: at most {maxDepth.ToString(CultureInfo.InvariantCulture)} levels.";
                case JsonTokenType.PropertyName or JsonTokenType.String when reader.ValueIsEscaped:
                    try
                    {
                        if (reader.GetString()!.Contains('\0', StringComparison.Ordinal))
                        {
                            return "A string has a NUL character in it.";
                        }
                    }
                    catch (InvalidOperationException)
                    {
                        return "A string has half a surrogate pair in it.";
                    }

                    break;
            }
        }

        return null;
    }

    // Null when it is out of range.
    private static decimal? ReadNumber(ref Utf8JsonReader reader)
    {
        ReadOnlySpan<byte> digits = reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan;
        Span<char> text = digits.Length <= 64 ? stackalloc char[64] : new char[digits.Length];
        return RuleNumber.Parse(text[..Encoding.ASCII.GetChars(digits, text)]);
    }

    /// <summary>An instant as answers write it: RFC 3339 in UTC, as many decimals as it has.</summary>
    public static string Format(DateTimeOffset instant) => instant.UtcDateTime.ToString(InstantFormat, CultureInfo.InvariantCulture);

    private const string InstantFormat = "yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'";
}

/// <summary>A fault in a body whose message is meant for its sender.</summary>
internal sealed class RequestJsonException(string message) : JsonException(message);
