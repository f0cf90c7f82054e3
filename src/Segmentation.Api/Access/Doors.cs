using Microsoft.EntityFrameworkCore;

namespace Segmentation.Api.Access;

/// <summary>
/// Whether the service is open to whoever reaches it: where neither an identity provider nor any API key is configured. Once closed it
/// stays so, whatever becomes of its keys.
/// </summary>
public sealed class Doors(IServiceScopeFactory scopes, AccessOptions options, TimeProvider time)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    private volatile bool closed = options.Jwt is not null;
    private long lookedAt;

    /// <summary>Whether it was open when it was last looked, without looking.</summary>
    public bool WasOpen => !closed && Interlocked.Read(ref lookedAt) > 0;

    /// <summary>Whether it is open; up to five seconds old.</summary>
    public async ValueTask<bool> AreOpenAsync(CancellationToken cancellation)
    {
        if (closed)
        {
            return false;
        }

        var looked = Interlocked.Read(ref lookedAt);
        if (looked == 0 || time.GetElapsedTime(looked) >= LookEvery)
        {
            var now = time.GetTimestamp();
            closed |= await scopes.ReadKeysAsync(keys => keys.AnyAsync(cancellation));
            Interlocked.Exchange(ref lookedAt, now);
        }

        return !closed;
    }

    /// <summary>A key was made here.</summary>
    public void Close() => closed = true;
}
