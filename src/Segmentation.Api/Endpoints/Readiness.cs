using System.Data.Common;
using System.Diagnostics;
using Segmentation.Api.Data;

namespace Segmentation.Api.Endpoints;

/// <summary>
/// Whether the service can answer: asked of the database by one at a time, once a second at most; whoever asks meanwhile gets the same
/// answer.
/// </summary>
internal sealed class Readiness(IServiceScopeFactory scopes, SchemaState schema)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.5);

    // Whoever asks within it gets the last answer: many probes cost what one does.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly Lock sync = new();
    private Task<string?>? look;
    private long began;

    /// <summary>What is in the way; null where nothing is. Takes two seconds at most, whatever hangs.</summary>
    public Task<string?> FindFaultAsync(CancellationToken cancellation)
    {
        lock (sync)
        {
            if (look is null || (look.IsCompleted && Stopwatch.GetElapsedTime(began) > Fresh))
            {
                (look, began) = (Task.Run(LookAsync, CancellationToken.None), Stopwatch.GetTimestamp());
            }

            return look.WaitAsync(cancellation);
        }
    }

    private async Task<string?> LookAsync()
    {
        using var late = new CancellationTokenSource(Patience);
        try
        {
            // Even what does not see that it is cancelled is not waited for.
            return await AskAsync(late.Token).WaitAsync(late.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or DbException or InvalidOperationException)
        {
            return "The database does not answer.";
        }
    }

    private async Task<string?> AskAsync(CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Work>().Begin(WorkClass.Health);
        return await schema.FindFaultAsync(scope.ServiceProvider.GetRequiredService<SegmentationDb>(), cancellation);
    }
}
