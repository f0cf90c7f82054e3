namespace Segmentation.Api.Webhooks;

/// <summary>Whether a receiver takes anything. One that does not is left alone for a while, and then tried with a single message.</summary>
internal sealed class ReceiverHealth
{
    private const int Trip = 10;
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5), LongestPause = TimeSpan.FromMinutes(5), LongestWish = TimeSpan.FromHours(1);
    private int failures, pauses;
    private DateTimeOffset pausedUntil;

    /// <summary>The last attempts failed, whatever the message.</summary>
    public bool IsFailing => failures >= Trip;

    public bool IsPaused(DateTimeOffset now) => now < pausedUntil;

    /// <summary>Messages that may be under way.</summary>
    public int Room(DateTimeOffset now, int most) => IsPaused(now) ? 0 : IsFailing ? 1 : most;

    public void Note(WebhookOutcome outcome, DateTimeOffset now)
    {
        if (outcome.Delivered)
        {
            (failures, pauses) = (0, 0);
            return;
        }

        failures++;
        if (IsFailing && !IsPaused(now))
        {
            pausedUntil = now + TimeSpan.FromTicks(Math.Min(LongestPause.Ticks, FirstPause.Ticks << Math.Min(pauses++, 10)));
        }

        if (outcome.RetryAfter is { } wish && now + wish > pausedUntil)
        {
            pausedUntil = now + (wish < LongestWish ? wish : LongestWish);
        }
    }
}
