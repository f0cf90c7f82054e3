using System.Data.Common;
using Segmentation.Api.Data;

namespace Segmentation.Api.Endpoints;

/// <summary>
/// Whether the service can answer: asked of the database by one at a time; whoever asks meanwhile gets the same answer.
/// </summary>
internal sealed class Readiness(IServiceScopeFactory scopes, SchemaState schema)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.5);

    private readonly Lock sync = new();
    private Task<string?>? look;

    /// <summary>What is in the way; null where nothing is. Takes two seconds at most, whatever hangs.</summary>
    public Task<string?> FindFaultAsync(CancellationToken cancellation)
    {
        lock (sync)
        {
            look = look is { IsCompleted: false } running ? running : Task.Run(LookAsync, CancellationToken.None);
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
