namespace KillTests;

/// <summary>The API answered something that it should not have.</summary>
internal sealed class UnexpectedException(string message) : Exception(message);

/// <summary>What went wrong, printed at once.</summary>
internal sealed class KillFailures(int seed)
{
    private int count;

    public int Count => count;

    /// <summary>The number of the current kill.</summary>
    public int Kill { get; set; }

    public void Add(string what)
    {
        Interlocked.Increment(ref count);
        Console.WriteLine($"FAILURE (--seed {seed}, kill {Kill}): {what}");
    }
}
