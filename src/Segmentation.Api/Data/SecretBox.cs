using System.Security.Cryptography;
using System.Text;

namespace Segmentation.Api.Data;

/// <summary>
/// Encrypts secrets that the database keeps (AES-256-GCM). Without a key they are kept as they are, and what was kept so before stays
/// readable.
/// </summary>
/// <remarks>
/// A sealed text is <c>aes256gcm:KEYID:BASE64</c> of nonce, tag and cipher. The key's id is made of the key, so that a file may hold
/// several: the first encrypts, the others still decrypt what was encrypted before they were replaced.
/// </remarks>
public sealed class SecretBox
{
    /// <summary>The setting's name.</summary>
    public const string Setting = "Secrets:KeyFile";

    private const string Mark = "aes256gcm:";
    private const int KeyBytes = 32;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const string Shape = "a file of 32 random bytes, or of lines of them in base64 (openssl rand -base64 32), the newest first";
    private readonly (string Id, byte[] Key)[] keys;

    private SecretBox(IEnumerable<byte[]> keys) => this.keys = [.. keys.Select(k => (Id(k), k))];

    /// <summary>Whether what is sealed is encrypted.</summary>
    public bool HasKey => keys.Length > 0;

    /// <summary>With the keys of the file that the setting names, or with none.</summary>
    public static SecretBox Read(IConfiguration configuration) =>
        new(configuration[Setting] is { Length: > 0 } file ? ReadKeys(file) : []);

    /// <summary>What the setting must be; null for one that is right.</summary>
    public static string? Check(string file)
    {
        try
        {
            return file.Length == 0 || ReadKeys(file).Count > 0 ? null : Shape;
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            return Shape;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return $"{Shape}, that this process may read";
        }
    }

    /// <param name="purpose">What the text is: it can be opened as nothing else.</param>
    public string Seal(string text, string purpose)
    {
        if (!HasKey)
        {
            return text;
        }

        var plain = Encoding.UTF8.GetBytes(text);
        var box = new byte[NonceBytes + TagBytes + plain.Length];
        var (nonce, tag, cipher) = Parts(box);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(keys[0].Key, TagBytes);
        aes.Encrypt(nonce, plain, cipher, tag, Encoding.UTF8.GetBytes(purpose));
        return $"{Mark}{keys[0].Id}:{Convert.ToBase64String(box)}";
    }

    /// <exception cref="CryptographicException">There is no such key, or this is not what was sealed.</exception>
    public string Open(string stored, string purpose)
    {
        if (KeyId(stored) is not { } id)
        {
            return stored;
        }

        var key = Array.Find(keys, k => k.Id == id).Key ?? throw new CryptographicException($"{Setting} has no key {id}.");
        var box = Convert.FromBase64String(stored[(Mark.Length + id.Length + 1)..]);
        var (nonce, tag, cipher) = Parts(box);
        var plain = new byte[cipher.Count];
        using var aes = new AesGcm(key, TagBytes);
        aes.Decrypt(nonce, cipher, tag, plain, Encoding.UTF8.GetBytes(purpose));
        return Encoding.UTF8.GetString(plain);
    }

    /// <summary>The id of a key that a stored text needs and the file has not; null where it can be opened.</summary>
    public string? FindMissingKey(string stored) => KeyId(stored) is { } id && !Array.Exists(keys, k => k.Id == id) ? id : null;

    /// <summary>Whether a stored text is as <see cref="Seal"/> would make it now.</summary>
    public bool IsCurrent(string stored) => KeyId(stored) == (HasKey ? keys[0].Id : null);

    private static string? KeyId(string stored) =>
        stored.StartsWith(Mark, StringComparison.Ordinal) ? stored[Mark.Length..stored.IndexOf(':', Mark.Length)] : null;

    private static string Id(byte[] key) => Convert.ToHexStringLower(SHA256.HashData(key).AsSpan(0, 4));

    private static (ArraySegment<byte> Nonce, ArraySegment<byte> Tag, ArraySegment<byte> Cipher) Parts(ArraySegment<byte> box) =>
        (box[..NonceBytes], box[NonceBytes..(NonceBytes + TagBytes)], box[(NonceBytes + TagBytes)..]);

    private static List<byte[]> ReadKeys(string file)
    {
        var bytes = File.ReadAllBytes(file);
        if (bytes.Length == KeyBytes)
        {
            return [bytes];
        }

        var lines = Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var keys = lines.Select(Convert.FromBase64String).ToList();
        return keys.TrueForAll(k => k.Length == KeyBytes) ? keys : throw new FormatException();
    }
}
