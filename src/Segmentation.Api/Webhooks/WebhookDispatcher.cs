using Segmentation.Api.Memberships;

namespace Segmentation.Api.Webhooks;

/// <summary>
/// Sends what the outbox holds, at least once: a <see cref="WebhookLane"/> for each webhook with messages that are due, and a sweep every
/// minute. One process at a time does this: the one that leads.
/// </summary>
internal sealed partial class WebhookDispatcher(
    WebhookQueue queue, WebhookRetention retention, WebhookSender sender, DeliverySlots slots, WebhookOptions options,
    TimeProvider time, ILogger<WebhookDispatcher> logger)
    : ILeaderTask
{
    internal static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);

    // In memory only: the next process that leads finds out for itself. A changed webhook may lead elsewhere and starts anew.
    private readonly Dictionary<int, (int Version, ReceiverHealth Health)> receivers = [];
    private readonly Dictionary<int, Task> lanes = [];
    private Task sweep = Task.CompletedTask;
    private DateTimeOffset? sweptAt;

    /// <summary>
    /// Delivers until cancelled, and then ends without an exception. What was under way is sent again by the next process that leads.
    /// </summary>
    public async Task RunAsync(CancellationToken whileLeading)
    {
        sweptAt = null;
        while (!whileLeading.IsCancellationRequested)
        {
            var pause = PollInterval;
            try
            {
                await StartLanesAsync(whileLeading);
                StartSweep(whileLeading);
            }
            catch (Exception failure) when (!whileLeading.IsCancellationRequested)
            {
                LogFailed(failure);
                pause = FailurePause;
            }
            catch (OperationCanceledException)
            {
                break;
            }

            await Task.Delay(pause, whileLeading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(lanes.Values.Append(sweep));
    }

    private async Task StartLanesAsync(CancellationToken whileLeading)
    {
        foreach (var (webhook, version) in await queue.ReadDueWebhooksAsync(whileLeading))
        {
            var health = FindHealth(webhook, version);
            var isRunning = lanes.TryGetValue(webhook, out var running) && !running.IsCompleted;
            if (!isRunning && !health.IsPaused(time.GetUtcNow()))
            {
                var lane = new WebhookLane(webhook, health, queue, sender, slots, options, time);
                lanes[webhook] = RunGuardedAsync(lane.RunAsync, whileLeading);
            }
        }
    }

    private void StartSweep(CancellationToken whileLeading)
    {
        var now = time.GetUtcNow();
        if (sweep.IsCompleted && (sweptAt is null || now - sweptAt >= SweepInterval))
        {
            sweptAt = now;
            int[] failing = [.. receivers.Where(r => r.Value.Health.IsFailing).Select(r => r.Key)];
            sweep = RunGuardedAsync(cancellation => retention.SweepAsync(failing, cancellation), whileLeading);
        }
    }

    private ReceiverHealth FindHealth(int webhook, int version)
    {
        if (!receivers.TryGetValue(webhook, out var cached) || cached.Version != version)
        {
            receivers[webhook] = cached = (version, new ReceiverHealth());
        }

        return cached.Health;
    }

    private Task RunGuardedAsync(Func<CancellationToken, Task> work, CancellationToken cancellation) => Task.Run(
        async () =>
        {
            try
            {
                await work(cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                // The next process that leads goes on.
            }
            catch (Exception failure)
            {
                // Most likely the database is away: what was sent and not recorded is sent again.
                LogFailed(failure);
                await Task.Delay(FailurePause, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        },
        CancellationToken.None);

    [LoggerMessage(LogLevel.Warning, "Webhooks: delivery failed; it is tried again")]
    private partial void LogFailed(Exception failure);
}
