namespace Segmentation.Api.Tests;

/// <summary>Waits for conditions. No test is about speed: the limit only ends one that would never end by itself.</summary>
internal static class Wait
{
    /// <summary>How long a test waits for what it is sure of.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Waits until the condition holds; fails, saying what was waited for, when it never does.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        using var end = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            Assert.False(end.IsCancellationRequested, $"Not reached: {what}.");
            await Task.Delay(20);
        }
    }
}
