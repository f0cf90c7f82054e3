using System.ComponentModel;
using Segmentation.Api.Http;

namespace Segmentation.Api.Access;

/// <summary>An API key: who calls, and what it may do. Read-only properties are ignored in requests.</summary>
public sealed record ApiKeyResource
{
    /// <summary>Made by the service: the part of the key between <c>seg_</c> and the next <c>_</c>, which is no secret.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public string? Id { get; init; }

    /// <summary>Whose key it is, in words: 1 to 200 characters.</summary>
    [AlwaysAnswered]
    [Needed]
    public string? Name { get; init; }

    /// <summary>What it may do: names of scopes, of which none contains another. You need those that you give.</summary>
    [AlwaysAnswered]
    [Needed]
    public string[]? Scopes { get; init; }

    /// <summary>The key whole, as it is sent: <c>Authorization: Bearer seg_…</c>. Only in the answer that it is made in.</summary>
    [ReadOnly(true)]
    public string? Secret { get; init; }

    /// <summary>Of a key with <c>decisions:public</c>: what a page sends as its key, and nobody need hide. It is good for that scope alone.
    /// The secret stays on your server, which signs with it which customer a page may ask for (<c>customerProof</c>).</summary>
    [ReadOnly(true)]
    public string? PublicKey { get; init; }

    /// <summary>When it ends: 365 days from now when left out, and as many as <c>Access:MaxKeyDays</c> says at most.</summary>
    [AlwaysAnswered]
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>How many requests it may send; as many as any when left out.</summary>
    public ApiKeyLimits? Limits { get; init; }

    /// <summary>Origins whose pages may use it, as <c>https://app.example.com</c>; those of every origin when left out or empty. What is
    /// no page sends no origin, and is let in. (A page's users can read its key: give pages <c>publicKey</c>, or tokens.)</summary>
    [AlwaysAnswered]
    public string[]? Origins { get; init; }

    /// <summary>When it was made.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>The id of the key or the subject of the token that made it, or a word for how else it was made.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public string? CreatedBy { get; init; }

    /// <summary>When it was last used, up to a minute behind; missing where it never was.</summary>
    [ReadOnly(true)]
    public DateTimeOffset? LastUsedAt { get; init; }

    /// <summary>Its secrets, the oldest first: one, or two while a rotated one lives on.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public IReadOnlyList<ApiKeySecretResource>? Secrets { get; init; }

    /// <summary>Whether it can be used.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public ApiKeyState? State { get; init; }

    /// <param name="shown">The key whole, in the one response that may show it.</param>
    internal static ApiKeyResource From(ApiKey key, DateTimeOffset now, ApiKeyToken? shown = null) => new()
    {
        Id = key.Id,
        Name = key.Name,
        Scopes = key.Scopes,
        Secret = shown?.ToString(),
        PublicKey = key.Scopes.Contains(Access.Scopes.DecisionsPublic) ? Access.PublicKey.Write(key.Id) : null,
        ExpiresAt = key.ExpiresAt,
        Limits = key is { LimitPerSecond: { } perSecond, LimitBurst: { } burst } ? new ApiKeyLimits(perSecond, burst) : null,
        Origins = key.Origins,
        CreatedAt = key.CreatedAt,
        CreatedBy = key.CreatedBy,
        LastUsedAt = key.LastUsedAt,
        Secrets = [.. key.Secrets.Where(s => s.IsLive(now)).OrderBy(s => s.Id).Select(ApiKeySecretResource.From)],
        State = key.RevokedAt is not null ? ApiKeyState.Revoked : key.IsLive(now) ? ApiKeyState.Live : ApiKeyState.Expired,
    };
}

/// <summary>How many requests a key may send.</summary>
/// <param name="PerSecond">Requests a second in the long run, 1 to 100,000.</param>
/// <param name="Burst">Requests at once, 1 to 1,000,000.</param>
public sealed record ApiKeyLimits(int PerSecond, int Burst)
{
    public const int MaxPerSecond = 100_000;
    public const int MaxBurst = 1_000_000;
}

/// <summary>What is told of a secret.</summary>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends before its key does; missing where it does not.</param>
/// <param name="LastUsedAt">When it was last used, up to a minute behind; missing where it never was.</param>
public sealed record ApiKeySecretResource(DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt)
{
    internal static ApiKeySecretResource From(ApiKeySecret secret) => new(secret.CreatedAt, secret.ExpiresAt, secret.LastUsedAt);
}

/// <summary>Whether a key can be used.</summary>
public enum ApiKeyState { Live, Expired, Revoked }

/// <summary>How to rotate a key.</summary>
/// <param name="OverlapHours">Hours for which the secret before lives on, 0 to 168; 24 when left out.</param>
public sealed record RotateRequest(int? OverlapHours = null);
