using FluentValidation;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Access;

/// <summary>Reads and writes API keys. What changes one begins with <see cref="LockAsync"/>, in a transaction.</summary>
public sealed class ApiKeyStore(
    SegmentationDb db, IValidator<ApiKeyResource> validator, AccessOptions options, KnownKeys known, Doors doors, Limits limits,
    TimeProvider time)
{
    public const int MaxOverlapHours = 168;

    private const int DefaultOverlapHours = 24;
    private const int DefaultDays = 365;

    // One at a time: the last administrator's key is not two that go at once.
    private const long LockNumber = 0x7365675f6b657973;

    internal DateTimeOffset Now { get; } = LocalTime.Truncate(time.GetUtcNow());

    /// <exception cref="ApiProblem">404.</exception>
    public async Task<ApiKey> FindAsync(string id, CancellationToken cancellation) =>
        await FindAsync(db.ApiKeys.AsNoTracking(), id, cancellation) ?? throw ApiProblem.NotFound("API key");

    /// <summary>The oldest keys after one, one more than asked for.</summary>
    public Task<List<ApiKey>> ListAsync(long after, int size, CancellationToken cancellation) => db.ApiKeys.AsNoTracking()
        .Include(k => k.Secrets).Where(k => k.Key > after).OrderBy(k => k.Key).Take(size + 1).ToListAsync(cancellation);

    /// <summary>Keeps others from changing keys until the transaction ends.</summary>
    public Task LockAsync(CancellationToken cancellation) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({LockNumber})", cancellation);

    /// <summary>Reads a key to change it.</summary>
    public Task<ApiKey?> FindToChangeAsync(string id, CancellationToken cancellation) => FindAsync(db.ApiKeys, id, cancellation);

    /// <summary>Makes a key.</summary>
    /// <param name="by">Who makes it.</param>
    /// <exception cref="ApiProblem">400; 403: a scope that the caller does not hold; 409: there are as many as there may be, or the first
    /// has not the scope <c>admin</c>.</exception>
    internal async Task<(ApiKey Key, ApiKeyToken Token)> AddAsync(
        ApiKeyResource body, Caller caller, string by, CancellationToken cancellation, ApiKeyToken? given = null)
    {
        validator.Check(body);
        RequireScopes(caller, body.Scopes!);
        if (await db.ApiKeys.CountAsync(k => k.RevokedAt == null && k.ExpiresAt > Now, cancellation) >= limits.Keys)
        {
            throw ApiProblem.Conflict($"There are {limits.Keys} live API keys, which is the most: revoke one first.");
        }

        // Else nobody could make a second, or open the service again.
        if (!body.Scopes!.Contains(Scopes.Admin) && options.Jwt is null && !await db.ApiKeys.AnyAsync(cancellation))
        {
            throw ApiProblem.Conflict("The first API key needs the scope admin: from then on nobody comes in without a key.");
        }

        var token = given ?? ApiKeyToken.Create();
        var key = new ApiKey
        {
            Id = token.Id,
            Name = "",
            CreatedAt = Now,
            CreatedBy = by[..Math.Min(by.Length, ApiKey.CreatedByMaxLength)],
            Version = 1,
            Secrets = { ApiKeySecret.Create(token, Now) },
        };
        Apply(key, body);
        db.ApiKeys.Add(key);
        await db.SaveChangesAsync(cancellation);
        return (key, token);
    }

    /// <summary>Changes a key.</summary>
    /// <exception cref="ApiProblem">400; 403: a scope that the caller does not hold; 409: it is revoked, or the last that
    /// could make others.</exception>
    internal async Task ChangeAsync(ApiKey key, ApiKeyResource body, Caller caller, CancellationToken cancellation)
    {
        validator.Check(body);
        RequireScopes(caller, body.Scopes!.Except(key.Scopes));
        RefuseRevoked(key);
        if (!body.Scopes!.Contains(Scopes.Admin))
        {
            await RefuseLastAdminAsync(key, cancellation);
        }

        Apply(key, body);
        if (db.Entry(key).State == EntityState.Modified)
        {
            key.Version++;
            await db.SaveChangesAsync(cancellation);
        }
    }

    /// <summary>Gives a key a new secret; the one before lives on for a time, and one before that ends.</summary>
    /// <exception cref="ApiProblem">400; 403: the key holds a scope that the caller does not; 409: it is revoked, or
    /// has expired.</exception>
    internal async Task<ApiKeyToken> RotateAsync(ApiKey key, int? overlapHours, Caller caller, CancellationToken cancellation)
    {
        var hours = overlapHours ?? DefaultOverlapHours;
        if (hours is < 0 or > MaxOverlapHours)
        {
            throw ApiProblem.Invalid("/overlapHours", $"overlapHours must be an integer from 0 to {MaxOverlapHours}.");
        }

        // Who has a key's secret has its scopes.
        if (caller is not { Kind: CallerKind.Key } || caller.Id != key.Id)
        {
            RequireScopes(caller, key.Scopes);
        }

        RefuseRevoked(key);
        if (!key.IsLive(Now))
        {
            throw ApiProblem.Conflict("The API key has expired: give it another expiresAt first.");
        }

        var token = ApiKeyToken.Create(key.Id);
        var secrets = key.Secrets.OrderBy(s => s.Id).ToList();
        secrets.SkipLast(1).ToList().ForEach(s => key.Secrets.Remove(s));
        secrets[^1].ExpiresAt = Now.AddHours(hours);
        key.Secrets.Add(ApiKeySecret.Create(token, Now));
        key.Version++;
        await db.SaveChangesAsync(cancellation);
        return token;
    }

    /// <summary>Revokes a key for good.</summary>
    /// <exception cref="ApiProblem">409: it is the last that could make others.</exception>
    public async Task RevokeAsync(ApiKey key, CancellationToken cancellation)
    {
        if (key.RevokedAt is null)
        {
            await RefuseLastAdminAsync(key, cancellation);
            key.RevokedAt = Now;
            key.Version++;
            await db.SaveChangesAsync(cancellation);
        }
    }

    /// <summary>Has this process see at once what was committed; others do within five seconds.</summary>
    public void Announce(ApiKey key)
    {
        known.Forget(key.Id);
        doors.Close();
    }

    /// <summary>Whether somebody could make keys.</summary>
    internal Task<bool> HasAdminAsync(CancellationToken cancellation, int except = 0) => db.ApiKeys.AnyAsync(
        k => k.Key != except && k.RevokedAt == null && k.ExpiresAt > Now && k.Scopes.Contains(Scopes.Admin), cancellation);

    private static async Task<ApiKey?> FindAsync(IQueryable<ApiKey> keys, string id, CancellationToken cancellation) =>
        id.Length == ApiKey.IdLength && id.All(char.IsAsciiLetterOrDigit)
            ? await keys.Include(k => k.Secrets).SingleOrDefaultAsync(k => k.Id == id, cancellation)
            : null;

    private static void RequireScopes(Caller caller, IEnumerable<string> scopes)
    {
        foreach (var scope in scopes)
        {
            caller.Require(scope);
        }
    }

    private static void RefuseRevoked(ApiKey key)
    {
        if (key.RevokedAt is not null)
        {
            throw ApiProblem.Conflict("The API key is revoked, for good: make another.");
        }
    }

    private async Task RefuseLastAdminAsync(ApiKey key, CancellationToken cancellation)
    {
        if (options.Jwt is null && key.Scopes.Contains(Scopes.Admin) && key.IsLive(Now) && !await HasAdminAsync(cancellation, key.Key))
        {
            throw ApiProblem.Conflict("It is the last live API key with the scope admin: nobody could make another. Make that first.");
        }
    }

    private void Apply(ApiKey key, ApiKeyResource body)
    {
        var expiresAt = body.ExpiresAt is { } given ? LocalTime.Truncate(given.ToUniversalTime())
            : Now.AddDays(Math.Min(DefaultDays, options.MaxKeyDays));
        if (expiresAt != key.ExpiresAt && (expiresAt <= Now || expiresAt > Now.AddDays(options.MaxKeyDays)))
        {
            throw ApiProblem.Invalid("/expiresAt", $"expiresAt must be later than now, and at most {options.MaxKeyDays} days from now.");
        }

        key.ExpiresAt = expiresAt;
        key.Name = body.Name!.Trim();
        string[] scopes = [.. Scopes.OfKeys.Where(body.Scopes!.Contains)];
        key.Scopes = scopes.SequenceEqual(key.Scopes) ? key.Scopes : scopes;
        (key.LimitPerSecond, key.LimitBurst) = (body.Limits?.PerSecond, body.Limits?.Burst);
        string[] origins = [.. (body.Origins ?? []).Distinct(StringComparer.OrdinalIgnoreCase)];
        key.Origins = origins.SequenceEqual(key.Origins) ? key.Origins : origins;
    }
}
