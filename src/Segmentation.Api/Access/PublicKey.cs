namespace Segmentation.Api.Access;

/// <summary>
/// The form of an API key that pages hold, whoever reads it there: <c>segpub_</c>, the key's id, and 6 that check all before. It is good
/// for <see cref="Scopes.DecisionsPublic"/> alone.
/// </summary>
internal static class PublicKey
{
    public const string Prefix = "segpub_";

    private static readonly int IdEnd = Prefix.Length + ApiKey.IdLength;

    /// <summary>That of a key.</summary>
    public static string Write(string id) => Prefix + id + ApiKeyToken.Check(Prefix + id);

    /// <summary>The key's id; null for what can't be such a form, told without a look-up.</summary>
    public static string? Read(string text) =>
        text.StartsWith(Prefix, StringComparison.Ordinal) && text.Length > IdEnd
        && text[Prefix.Length..IdEnd] is var id && id.All(char.IsAsciiLetterOrDigit) && text == Write(id)
            ? id
            : null;
}
