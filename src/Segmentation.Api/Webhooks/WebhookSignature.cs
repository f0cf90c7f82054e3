using System.Security.Cryptography;
using System.Text;

namespace Segmentation.Api.Webhooks;

/// <summary>Secrets and symmetric signatures of Standard Webhooks 1.0 (https://www.standardwebhooks.com).</summary>
internal static class WebhookSignature
{
    public const string Prefix = "whsec_";
    public const int SecretMinBytes = 24;
    public const int SecretMaxBytes = 64;

    /// <summary>The error text for a malformed secret.</summary>
    public static readonly string SecretFormat =
        $"secret must be {Prefix} followed by {SecretMinBytes} to {SecretMaxBytes} random bytes in base64; "
        + "one is generated when it is left out.";

    public static string NewSecret() => Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>The bytes to sign with; null where the text is no secret.</summary>
    public static byte[]? Decode(string secret)
    {
        if (!secret.StartsWith(Prefix, StringComparison.Ordinal) || secret.Any(char.IsWhiteSpace))
        {
            return null;
        }

        var bytes = new byte[SecretMaxBytes + 3];
        return Convert.TryFromBase64String(secret[Prefix.Length..], bytes, out var length)
            && length is >= SecretMinBytes and <= SecretMaxBytes
            ? bytes[..length]
            : null;
    }

    /// <summary>The header <c>webhook-signature</c>: a signature for each secret.</summary>
    public static string CreateHeader(IEnumerable<byte[]> secrets, string messageId, long timestamp, ReadOnlySpan<byte> body)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{messageId}.{timestamp}."), .. body];
        return string.Join(' ', secrets.Select(s => $"v1,{Convert.ToBase64String(HMACSHA256.HashData(s, signed))}"));
    }
}
