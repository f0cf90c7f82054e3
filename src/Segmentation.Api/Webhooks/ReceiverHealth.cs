namespace Segmentation.Api.Webhooks;

/// <summary>Whether a receiver accepts messages. One that does not is paused for a while, and then probed with a single message.</summary>
internal sealed class ReceiverHealth
{
    private const int FailureLimit = 10;

    // The average is of about so many answers; above the bound a receiver is slow.
    private const int Averaged = 16;
    private static readonly TimeSpan SlowAnswer = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(1);
    private int failures;
    private int pauses;
    private DateTimeOffset pausedUntil;
    private TimeSpan? average;

    /// <summary>The last attempts failed, whatever the message.</summary>
    public bool IsFailing => failures >= FailureLimit;

    public bool IsPaused(DateTimeOffset now) => now < pausedUntil;

    /// <summary>How many messages may be under way: to a slow receiver half as many.</summary>
    /// <param name="max">How many to a healthy receiver.</param>
    public int Capacity(DateTimeOffset now, int max) =>
        IsPaused(now) ? 0 : IsFailing ? 1 : average > SlowAnswer ? Math.Max(1, max / 2) : max;

    public void Record(WebhookOutcome outcome, DateTimeOffset now)
    {
        average = average is { } before ? before + ((outcome.Elapsed - before) / Averaged) : outcome.Elapsed;
        if (outcome.Delivered)
        {
            failures = 0;
            pauses = 0;
            return;
        }

        failures++;
        if (IsFailing && !IsPaused(now))
        {
            pausedUntil = now + TimeSpan.FromTicks(Math.Min(LongestPause.Ticks, FirstPause.Ticks << Math.Min(pauses, 10)));
            pauses++;
        }

        if (outcome.RetryAfter is { } retryAfter && now + retryAfter > pausedUntil)
        {
            pausedUntil = now + (retryAfter < LongestRetryAfter ? retryAfter : LongestRetryAfter);
        }
    }
}
