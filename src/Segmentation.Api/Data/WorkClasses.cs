using System.Collections.Frozen;
using System.Globalization;
using System.Threading.RateLimiting;
using Segmentation.Api.Http;

namespace Segmentation.Api.Data;

/// <summary>How many requests of each class are under way at once, of the process and of each key.</summary>
internal sealed class WorkClasses(Limits limits, TimeProvider time) : IDisposable
{
    private readonly FrozenDictionary<WorkClass, Places> places =
        Enum.GetValues<WorkClass>().ToFrozenDictionary(w => w, w => new Places(limits[w]));

    /// <summary>Takes a place, where need be after waiting for one.</summary>
    /// <param name="key">Who asks: a key or a subject; null where nobody is told apart.</param>
    /// <exception cref="ApiProblem">429: the key has too many under way; 503: the process has.</exception>
    public async ValueTask<IDisposable> EnterAsync(WorkClass work, string? key, CancellationToken cancellation)
    {
        var (all, (process, keys)) = (limits[work], places[work]);
        var own = key is null ? null : keys.AttemptAcquire(key);
        if (own is { IsAcquired: false })
        {
            throw new ApiProblem(
                StatusCodes.Status429TooManyRequests,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{all.PerKey} requests of this kind are under way with this key, which is as many as may be. Wait for one to end."))
            {
                RetryAfter = ApiProblem.Soon,
            };
        }

        try
        {
            RateLimitLease? place = process.AttemptAcquire();
            if (!place.IsAcquired && all.WaitSeconds > 0)
            {
                place = await WaitAsync(process, all, cancellation);
            }

            return place is { IsAcquired: true }
                ? new Place(place, own)
                : throw ApiProblem.Busy("as many requests of this kind are under way as it takes at once");
        }
        catch
        {
            own?.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var (process, keys) in places.Values)
        {
            process.Dispose();
            keys.Dispose();
        }
    }

    // Null where the wait was too long.
    private async Task<RateLimitLease?> WaitAsync(ConcurrencyLimiter process, ClassLimits all, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(all.WaitSeconds), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            return await process.AcquireAsync(cancellationToken: either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private sealed record Places(ConcurrencyLimiter Process, PartitionedRateLimiter<string> Keys)
    {
        public Places(ClassLimits limits)
            : this(
                new ConcurrencyLimiter(new() { PermitLimit = limits.AtOnce, QueueLimit = limits.Waiting }),
                PartitionedRateLimiter.Create<string, string>(
                    key => RateLimitPartition.GetConcurrencyLimiter(key, _ => new() { PermitLimit = limits.PerKey })))
        {
        }
    }

    private sealed record Place(RateLimitLease Process, RateLimitLease? Own) : IDisposable
    {
        public void Dispose()
        {
            Process.Dispose();
            Own?.Dispose();
        }
    }
}
