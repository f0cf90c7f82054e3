namespace Segmentation.Api.Webhooks;

/// <summary>When a message that failed is sent again.</summary>
internal static class WebhookRetries
{
    /// <summary>Waits after the first, second, … failed attempt: a day in all, and after the last the message is dead.</summary>
    public static readonly TimeSpan[] Delays =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(30),
        TimeSpan.FromHours(1), TimeSpan.FromHours(2), TimeSpan.FromHours(4), TimeSpan.FromHours(6), TimeSpan.FromHours(10),
    ];

    /// <summary>Up to a fifth less than the table says, so that what failed together does not come back together.</summary>
    /// <param name="failures">Failed attempts so far, from 1.</param>
    /// <returns>Null when the attempts are used up.</returns>
    public static TimeSpan? CreateDelay(int failures) =>
        failures > Delays.Length ? null : Delays[failures - 1] * (1 - (0.2 * Random.Shared.NextDouble()));
}
