using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;

namespace Segmentation.Api.Access;

/// <summary>
/// An API key as its owner holds it: <c>seg_</c>, 12 letters and digits (the id), <c>_</c>, 43 of base64url (32 random bytes, the secret),
/// and 6 that check all before (CRC-32, base62), by which scanners know a key, and a mistyped one costs no look-up.
/// </summary>
/// <param name="Id">Public.</param>
/// <param name="Secret">Shown once, to who made it.</param>
internal sealed record ApiKeyToken(string Id, string Secret)
{
    public const string Prefix = "seg_";

    private const string Base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const string Base64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    private const int SecretLength = 43;
    private const int SecretStart = 17;
    private const int CheckLength = 6;
    private const int CheckStart = SecretStart + SecretLength;
    private const int Length = CheckStart + CheckLength;

    /// <summary>What is kept of the secret.</summary>
    public byte[] Hash => SHA256.HashData(Encoding.ASCII.GetBytes(Secret));

    /// <summary>What is kept to check proofs. HMAC-SHA256 hashes a key of more than 64 bytes, which this is, before it uses it: so that
    /// this stands for the whole key, which itself is kept nowhere.</summary>
    public byte[] ProofKey => SHA256.HashData(Encoding.ASCII.GetBytes(ToString()));

    public static ApiKeyToken Create() => new(NewId(), NewSecret());

    /// <summary>The same key with another secret.</summary>
    public static ApiKeyToken Create(string id) => new(id, NewSecret());

    /// <summary>Reads a key; null for what can't be one, told without a look-up.</summary>
    public static ApiKeyToken? Read(string text) =>
        text.Length == Length
        && text.StartsWith(Prefix, StringComparison.Ordinal)
        && text[SecretStart - 1] == '_'
        && text.AsSpan(Prefix.Length, ApiKey.IdLength).IndexOfAnyExcept(Base62) < 0
        && text.AsSpan(SecretStart, SecretLength).IndexOfAnyExcept(Base64Url) < 0
        && text.AsSpan(CheckStart).SequenceEqual(Check(text.AsSpan(0, CheckStart)))
            ? new ApiKeyToken(text.Substring(Prefix.Length, ApiKey.IdLength), text.Substring(SecretStart, SecretLength))
            : null;

    /// <summary>The key whole.</summary>
    public override string ToString()
    {
        var start = $"{Prefix}{Id}_{Secret}";
        return start + Check(start);
    }

    private static string NewId() => RandomNumberGenerator.GetString(Base62, ApiKey.IdLength);

    private static string NewSecret() => System.Buffers.Text.Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>What is put behind a text, by which a slip in it is seen.</summary>
    public static string Check(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = stackalloc byte[text.Length];
        Encoding.ASCII.GetBytes(text, bytes);
        return string.Create(CheckLength, Crc32.HashToUInt32(bytes), static (digits, rest) =>
        {
            for (var i = digits.Length - 1; i >= 0; i--, rest /= 62)
            {
                digits[i] = Base62[(int)(rest % 62)];
            }
        });
    }
}
