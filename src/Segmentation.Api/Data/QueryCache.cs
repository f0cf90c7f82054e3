using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Primitives;

namespace Segmentation.Api.Data;

/// <summary>
/// Where EF Core keeps compiled queries: bounded by what they weigh, since a rule's may be a hundred times another's. EF Core itself counts
/// them alike.
/// </summary>
internal sealed class QueryCache : IMemoryCache
{
    /// <summary>Bytes of compiled queries together, estimated.</summary>
    public const long MaxBytes = 256 * 1024 * 1024;

    /// <summary>What is kept of a query for each character of its SQL: the text, the tree that it is made from, the functions.</summary>
    public const int BytesPerCharacter = 40;

    // What is kept beside the SQL is taken for a short statement's; the two are used together, and so go together.
    private const int MinBytes = 4096;

    private readonly MemoryCache inner = new(new MemoryCacheOptions { SizeLimit = MaxBytes, TrackStatistics = true });

    /// <summary>What is kept now, in bytes, estimated.</summary>
    public long Bytes => inner.GetCurrentStatistics()!.CurrentEstimatedSize!.Value;

    public ICacheEntry CreateEntry(object key) => new Entry(inner.CreateEntry(key));

    public bool TryGetValue(object key, out object? value) => inner.TryGetValue(key, out value);

    public void Remove(object key) => inner.Remove(key);

    public void Dispose() => inner.Dispose();

    private sealed class Entry(ICacheEntry entry) : ICacheEntry
    {
        public object Key => entry.Key;

        public object? Value { get => entry.Value; set => entry.Value = value; }

        public DateTimeOffset? AbsoluteExpiration { get => entry.AbsoluteExpiration; set => entry.AbsoluteExpiration = value; }

        public TimeSpan? AbsoluteExpirationRelativeToNow
        {
            get => entry.AbsoluteExpirationRelativeToNow; set => entry.AbsoluteExpirationRelativeToNow = value;
        }

        public TimeSpan? SlidingExpiration { get => entry.SlidingExpiration; set => entry.SlidingExpiration = value; }

        public IList<IChangeToken> ExpirationTokens => entry.ExpirationTokens;

        public IList<PostEvictionCallbackRegistration> PostEvictionCallbacks => entry.PostEvictionCallbacks;

        public CacheItemPriority Priority { get => entry.Priority; set => entry.Priority = value; }

        public long? Size { get => entry.Size; set => entry.Size = value; }

        // It is kept from now on.
        public void Dispose()
        {
            var sql = (entry.Value as IRelationalCommandTemplate)?.CommandText;
            entry.Size = Math.Max(MinBytes, (sql?.Length ?? 0) * BytesPerCharacter);
            entry.Dispose();
        }
    }
}
