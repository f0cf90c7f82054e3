using Segmentation.Api.Memberships;

namespace Segmentation.Api.Predictions;

/// <summary>
/// The daily clock of scores: once a day, and soon after the service was away at that time, the thresholds of RFM are asked for and
/// everybody is scored; in between, those are who had an event.
/// </summary>
internal sealed partial class ScoringSchedule(
    IServiceScopeFactory scopes, Scorer scorer, RfmSchedule rfm, TimeProvider time, ILogger<ScoringSchedule> logger) : ILeaderTask
{
    // Who has many events in a row is scored once for all that came in between.
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(30);

    public async Task RunAsync(CancellationToken whileLeading)
    {
        var since = time.GetUtcNow();
        while (!whileLeading.IsCancellationRequested)
        {
            var pause = PollInterval;
            try
            {
                await using (var scope = scopes.CreateAsyncScope())
                {
                    await rfm.AskAsync(scope.ServiceProvider, since, whileLeading);
                }

                if (!await scorer.ScoreEveryoneWhereDueAsync(whileLeading))
                {
                    await scorer.ScoreWaitingAsync(whileLeading);
                }
            }
            catch (OperationCanceledException) when (whileLeading.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                LogFailed(failure);
                pause = FailurePause;
            }

            await Task.Delay(pause, whileLeading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(LogLevel.Error, "Customers could not be scored; trying again")]
    private partial void LogFailed(Exception failure);
}
