using Segmentation.Api.Memberships;

namespace Segmentation.Api.Predictions;

/// <summary>Has scores held against what came as soon as their time has come, beside scoring.</summary>
internal sealed partial class LiveSchedule(IServiceScopeFactory scopes, ILogger<LiveSchedule> logger) : ILeaderTask
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(20);

    public async Task RunAsync(CancellationToken whileLeading)
    {
        while (!whileLeading.IsCancellationRequested)
        {
            await CheckDueAsync(whileLeading);
            await Task.Delay(PollInterval, whileLeading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // One that fails keeps no other from being checked, and is tried again with the next poll.
    private async Task CheckDueAsync(CancellationToken whileLeading)
    {
        List<long> seen = [];
        try
        {
            while (true)
            {
                await using var scope = scopes.CreateAsyncScope();
                try
                {
                    if (await scope.ServiceProvider.GetRequiredService<LiveChecker>().CheckNextAsync(seen, whileLeading) is not { } copy)
                    {
                        return;
                    }

                    seen.Add(copy);
                }
                catch (LiveCheckException failure)
                {
                    LogFailed(failure);
                    seen.Add(failure.Copy);
                }
            }
        }
        catch (OperationCanceledException) when (whileLeading.IsCancellationRequested)
        {
            // Nothing has changed of what was under way.
        }
        catch (Exception failure)
        {
            LogFailed(failure);
        }
    }

    [LoggerMessage(LogLevel.Error, "Scores could not be held against what came; trying again")]
    private partial void LogFailed(Exception failure);
}
