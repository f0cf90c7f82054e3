using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Webhooks;

/// <summary>The secrets that sign webhooks' messages, as they are stored and as they are used.</summary>
public sealed class WebhookSecrets(SecretBox box)
{
    private const string Purpose = "webhook";

    /// <summary>How long messages are signed with the previous secret too, so that a receiver can change over without losing one.</summary>
    public static readonly TimeSpan Overlap = TimeSpan.FromHours(24);

    /// <summary>A secret as it is stored.</summary>
    public string Seal(string secret) => box.Seal(secret, Purpose);

    /// <summary>A stored secret as it is written and shown.</summary>
    public string Open(string stored) => box.Open(stored, Purpose);

    /// <summary>What to sign with.</summary>
    /// <param name="secret">As stored.</param>
    /// <param name="previous">As stored; null once it no longer signs.</param>
    public IReadOnlyList<byte[]> Decode(string secret, string? previous) =>
        [.. new[] { secret, previous }.OfType<string>().Select(s => WebhookSignature.Decode(Open(s))).OfType<byte[]>()];

    /// <summary>Has all secrets encrypted by the newest key: those that were stored before there was one, or under an older one.</summary>
    /// <returns>Why some can't be read, and what to do; null where all can.</returns>
    public async Task<string?> PrepareAsync(NpgsqlDataSource database, CancellationToken cancellation)
    {
        var stored = await database.QueryAsync(
            "SELECT secret FROM webhooks UNION SELECT previous_secret FROM webhooks WHERE previous_secret IS NOT NULL",
            r => r.GetString(0),
            cancellation);
        if (stored.Select(box.FindMissingKey).OfType<string>().FirstOrDefault() is { } missing)
        {
            return $"Secrets of webhooks are encrypted by the key {missing}, which {SecretBox.Setting} does not have: add it to that file.";
        }

        if (box.HasKey && stored.Where(s => !box.IsCurrent(s)).ToArray() is { Length: > 0 } old)
        {
            await database.ExecuteAsync(
                """
                UPDATE webhooks w SET secret = coalesce(s.new, w.secret), previous_secret = coalesce(p.new, w.previous_secret)
                FROM webhooks x LEFT JOIN unnest($1, $2) AS s (old, new) ON s.old = x.secret
                  LEFT JOIN unnest($1, $2) AS p (old, new) ON p.old = x.previous_secret
                WHERE x.key = w.key AND w.secret = x.secret AND (s.old IS NOT NULL OR p.old IS NOT NULL)
                """,
                cancellation,
                SqlParameter.Create(old),
                SqlParameter.Create(old.Select(s => Seal(Open(s))).ToArray()));
        }

        return null;
    }
}
