using Segmentation.Api.Events;

namespace Segmentation.Api.Rights;

/// <summary>Holds back what goes by itself, as <see cref="IngestThrottle"/> does events in bulk.</summary>
internal sealed class RetentionThrottle(IngestThrottle throttle, IServiceScopeFactory scopes)
{
    /// <summary>Does a part of it once few enough customers wait for their evaluation.</summary>
    public Task<T> RunAsync<T>(Func<Task<T>> part, CancellationToken cancellation) =>
        throttle.RunAsync(() => CountBacklogAsync(cancellation), part, cancellation);

    private async Task<int> CountBacklogAsync(CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<IEvaluationBacklog>().CountAsync(cancellation);
    }
}
