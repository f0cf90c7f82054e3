using System.Collections.Concurrent;
using System.Security.Claims;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;
using Segmentation.Api.Data;

namespace Segmentation.Api.Access;

/// <summary>The keys that were asked for lately, so that a request does not cost a look-up; and when each was last used.</summary>
public sealed class KnownKeys(IServiceScopeFactory scopes, TimeProvider time) : IDisposable
{
    private const int MaxUnknown = 10_000;
    private static readonly TimeSpan KnownFor = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan UnknownFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan UseGrain = TimeSpan.FromSeconds(1);

    // Two, so that made-up ids can't drive out those that there are.
    private readonly MemoryCache known = new(new MemoryCacheOptions());
    private readonly MemoryCache unknown = new(new MemoryCacheOptions { SizeLimit = MaxUnknown });
    private readonly ConcurrentDictionary<int, DateTimeOffset> used = [];

    /// <summary>Finds a key by its id, whether it is live or not; up to five seconds old.</summary>
    internal async ValueTask<KnownKey?> FindAsync(string id, CancellationToken cancellation)
    {
        if (known.TryGetValue(id, out KnownKey? found))
        {
            return found;
        }

        if (unknown.TryGetValue(id, out _))
        {
            return null;
        }

        var key = await scopes.ReadKeysAsync(keys => keys.Include(k => k.Secrets).SingleOrDefaultAsync(k => k.Id == id, cancellation));
        if (key is null)
        {
            unknown.Set(id, true, new MemoryCacheEntryOptions { AbsoluteExpirationRelativeToNow = UnknownFor, Size = 1 });
            return null;
        }

        return known.Set(id, new KnownKey(key), KnownFor);
    }

    /// <summary>Has the key looked up anew: it was changed here.</summary>
    public void Forget(string id)
    {
        known.Remove(id);
        unknown.Remove(id);
    }

    /// <summary>Notes that a secret was used now.</summary>
    public void Use(ApiKeySecret secret)
    {
        var now = time.GetUtcNow();
        if (!used.TryGetValue(secret.Id, out var before) || now - before >= UseGrain)
        {
            used[secret.Id] = now;
        }
    }

    /// <summary>Stores when keys were last used, all in one statement.</summary>
    public async Task StoreUseAsync(CancellationToken cancellation)
    {
        var uses = used.ToArray();
        if (uses.Length == 0)
        {
            return;
        }

        int[] ids = [.. uses.Select(u => u.Key)];
        DateTimeOffset[] times = [.. uses.Select(u => u.Value)];
        await using var scope = scopes.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<SegmentationDb>().Database.ExecuteSqlAsync(
            $"""
            WITH used AS (SELECT * FROM unnest({ids}, {times}) AS u(id, at)),
            stored AS (
              UPDATE api_key_secrets s SET last_used_at = greatest(s.last_used_at, u.at) FROM used u WHERE s.id = u.id
              RETURNING s.api_key_key AS key, u.at)
            UPDATE api_keys k SET last_used_at = greatest(k.last_used_at, s.at)
            FROM (SELECT key, max(at) AS at FROM stored GROUP BY key) s WHERE k.key = s.key
            """,
            cancellation);
        foreach (var use in uses)
        {
            used.TryRemove(use); // Not where it was used again meanwhile.
        }
    }

    public void Dispose()
    {
        known.Dispose();
        unknown.Dispose();
    }
}

/// <summary>A key as it was looked up, with the callers that it makes.</summary>
internal sealed class KnownKey(ApiKey key)
{
    public ApiKey Key => key;

    public ClaimsPrincipal User { get; } = CreateUser(key, key.Scopes);

    /// <summary>Who has its public form; null where it has none.</summary>
    public ClaimsPrincipal? PageUser { get; } =
        key.Scopes.Contains(Scopes.DecisionsPublic) ? CreateUser(key, [Scopes.DecisionsPublic]) : null;

    private static ClaimsPrincipal CreateUser(ApiKey key, string[] scopes) => CallerIdentity.CreateUser(new(CallerKind.Key, key.Id, scopes)
    {
        Name = key.Id,
        KeyName = key.Name,
        Limits = key is { LimitPerSecond: { } perSecond, LimitBurst: { } burst } ? new CallerLimits(perSecond, burst) : null,
        Origins = key.Origins,
    });
}
