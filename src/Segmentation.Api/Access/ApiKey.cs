namespace Segmentation.Api.Access;

/// <summary>An API key; its record stays when it is revoked.</summary>
public sealed class ApiKey
{
    public const int IdLength = 12;
    public const int NameMaxLength = 200;
    public const int CreatedByMaxLength = 400;
    public const int OriginMaxLength = 300;
    public const int OriginsMaxItems = 20;

    /// <summary>The database's own key; never leaves the service.</summary>
    public int Key { get; set; }

    /// <summary>The part of the key that is no secret.</summary>
    public required string Id { get; set; }
    public required string Name { get; set; }
    public string[] Scopes { get; set; } = [];
    public int? LimitPerSecond { get; set; }
    public int? LimitBurst { get; set; }

    /// <summary>Origins whose pages may use it; empty for all.</summary>
    public string[] Origins { get; set; } = [];
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>The id of the key or the subject of the token that made it, or a word for how else it was made.</summary>
    public required string CreatedBy { get; set; }
    public DateTimeOffset ExpiresAt { get; set; }

    /// <summary>Up to a minute behind.</summary>
    public DateTimeOffset? LastUsedAt { get; set; }
    public DateTimeOffset? RevokedAt { get; set; }

    /// <summary>Counts its changes, from 1; the ETag.</summary>
    public int Version { get; set; }

    /// <summary>The newest last. The one before lives on for a time when another takes its place; there are never three.</summary>
    public List<ApiKeySecret> Secrets { get; set; } = [];

    /// <summary>Whether it can be used.</summary>
    public bool IsLive(DateTimeOffset now) => RevokedAt is null && ExpiresAt > now;
}

/// <summary>A secret of an API key.</summary>
public sealed class ApiKeySecret
{
    public int Id { get; set; }
    public int ApiKeyKey { get; set; }

    /// <summary>SHA-256 of the secret, which itself is stored nowhere: 32 random bytes can't be tried out.</summary>
    public required byte[] Hash { get; set; }

    /// <summary>What proofs of customers are checked with (<see cref="ApiKeyToken.ProofKey"/>); null for secrets of before there were
    /// any.</summary>
    public byte[]? ProofKey { get; set; }
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it ends before the key does; null where it does not.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }
    public DateTimeOffset? LastUsedAt { get; set; }

    internal static ApiKeySecret Create(ApiKeyToken token, DateTimeOffset now) =>
        new() { Hash = token.Hash, ProofKey = token.ProofKey, CreatedAt = now };

    public bool IsLive(DateTimeOffset now) => !(ExpiresAt <= now);
}
