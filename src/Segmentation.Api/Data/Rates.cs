using System.Globalization;
using System.Threading.RateLimiting;
using Segmentation.Api.Http;

namespace Segmentation.Api.Data;

/// <summary>Buckets of tokens, one for each rate and whoever it is held to.</summary>
internal sealed class Rates : IDisposable
{
    private readonly PartitionedRateLimiter<Bucket> buckets = PartitionedRateLimiter.Create<Bucket, Bucket>(
        bucket => RateLimitPartition.GetTokenBucketLimiter(bucket, b => new()
        {
            TokenLimit = b.Rate.Burst,
            TokensPerPeriod = 1,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1 / b.Rate.PerSecond),
        }));

    /// <summary>Takes tokens; of more than a bucket holds, all that it holds.</summary>
    /// <returns>Null; where there are not so many, after how many seconds there are.</returns>
    public int? Take(Bucket bucket, int tokens = 1)
    {
        using var lease = buckets.AttemptAcquire(bucket, Math.Min(tokens, bucket.Rate.Burst));
        return lease.IsAcquired ? null
            : lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? Math.Max(1, (int)Math.Ceiling(after.TotalSeconds))
            : ApiProblem.Soon;
    }

    /// <summary>How many tokens are left.</summary>
    public int CountLeft(Bucket bucket) => (int)(buckets.GetStatistics(bucket)?.CurrentAvailablePermits ?? bucket.Rate.Burst);

    /// <summary>The headers of an answer: what the rates are, and what is left of them (draft-ietf-httpapi-ratelimit-headers).</summary>
    public void Show(IReadOnlyCollection<Bucket> charged, IHeaderDictionary headers)
    {
        headers["RateLimit-Policy"] = string.Join(", ", charged.Select(b => string.Create(
            CultureInfo.InvariantCulture, $"\"{b.Label}\";q={b.Rate.Burst};w={Seconds(b.Rate.Burst, b.Rate)}")));
        headers["RateLimit"] = string.Join(", ", charged.Select(b =>
        {
            var left = CountLeft(b);
            return string.Create(CultureInfo.InvariantCulture, $"\"{b.Label}\";r={left};t={Seconds(b.Rate.Burst - left, b.Rate)}");
        }));
    }

    public void Dispose() => buckets.Dispose();

    private static int Seconds(int tokens, Rate rate) => Math.Max(1, (int)Math.Ceiling(tokens / rate.PerSecond));

    /// <summary>A bucket. Where a rate changes it is another, full one.</summary>
    /// <param name="Who">A key, a subject or an address.</param>
    public readonly record struct Bucket(RateName Name, string Who, Rate Rate)
    {
        /// <summary>The rate's name in headers and texts.</summary>
        public string Label => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(Name.ToString());
    }
}

/// <summary>Who sends a request, where senders are told apart.</summary>
/// <param name="Id">A key or a subject.</param>
/// <param name="Rate">What the key has in place of <see cref="RateName.Default"/>; null for that.</param>
public sealed record Sender(string Id, Rate? Rate = null);
