using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Idempotency;

/// <summary>Finds a record or a line by the texts in it, so that what is about a customer goes with the customer.</summary>
internal static class Mentions
{
    private static readonly char[] WordEnds = [.. " \t\r\n\"',;|<>()[]{}=:"];

    public static long Hash(string text) =>
        BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The hashes of a text as it is, and as rules compare it: an email is written in several ways.</summary>
    public static IEnumerable<long> Hashes(string text)
    {
        yield return Hash(text);
        if (CaseNormalizer.Normalize(text) is var folded && folded != text)
        {
            yield return Hash(folded);
        }
    }

    /// <summary>The hashes of whoever an address leads to: <c>/api/v1/customers/ID</c>.</summary>
    public static IEnumerable<long> InAddress(string? address) =>
        address is null ? [] : Hashes(Uri.UnescapeDataString(address.Split('/')[^1]));

    /// <summary>The hashes of all words of a text: of a line that is neither JSON nor CSV, an id or an email is one of them.</summary>
    public static IEnumerable<long> InWords(string text) =>
        text.Split(WordEnds, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SelectMany(Hashes);

    /// <summary>The hashes of all texts in some JSON; where it is no JSON, of those before the fault.</summary>
    public static IEnumerable<long> In(ReadOnlyMemory<byte> json)
    {
        HashSet<long> found = [];
        var reader = new Utf8JsonReader(json.Span.StartsWith("\uFEFF"u8) ? json.Span[3..] : json.Span);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.String)
                {
                    found.UnionWith(Hashes(reader.GetString()!));
                }
            }
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            // The request is about to be refused for it.
        }

        return found;
    }
}
