using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Segmentation.Api.Idempotency;

/// <summary>Finds a record by the texts in it, so that what is about a customer goes with the customer.</summary>
internal static class Mentions
{
    public static long Hash(string text) =>
        BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The hashes of all texts in some JSON; none where it is no JSON.</summary>
    public static IEnumerable<long> In(ReadOnlyMemory<byte> json)
    {
        HashSet<long> found = [];
        var reader = new Utf8JsonReader(json.Span);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.String)
                {
                    found.Add(Hash(reader.GetString()!));
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
