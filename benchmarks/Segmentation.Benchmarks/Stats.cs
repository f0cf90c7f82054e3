using System.Diagnostics;
using System.Globalization;

namespace Segmentation.Benchmarks;

/// <summary>Times of one thing, in milliseconds.</summary>
internal sealed class Times(IEnumerable<double> times)
{
    private readonly double[] sorted = [.. times.Order()];

    public int Count => sorted.Length;
    public double Median => At(0.5);
    public double Min => sorted[0];
    public double Max => sorted[^1];

    public double At(double share)
    {
        var position = share * (sorted.Length - 1);
        var (low, high) = (sorted[(int)position], sorted[Math.Min((int)position + 1, sorted.Length - 1)]);
        return low + ((high - low) * (position - (int)position));
    }

    /// <summary>Median, and the middle half.</summary>
    public override string ToString() => $"{Text.Ms(Median)} ({Text.Ms(At(0.25))}–{Text.Ms(At(0.75))})";
}

internal static class Text
{
    public static string Ms(double ms) => ms switch
    {
        >= 100 => ms.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => ms.ToString("0.0", CultureInfo.InvariantCulture),
        _ => ms.ToString("0.00", CultureInfo.InvariantCulture),
    };

    public static string Ratio(double ratio) => ratio.ToString("0.00", CultureInfo.InvariantCulture);

    /// <summary>Joins a line that ends in a backslash with the next: the report's lines are longer than the code's.</summary>
    public static string JoinLines(string text) => text.Replace(" \\\n", " ", StringComparison.Ordinal);

    public static string Number(double n) => n.ToString("#,##0", CultureInfo.InvariantCulture);
}

/// <summary>Runs things in turn, so that whatever else the machine does affects all of them alike.</summary>
internal static class Measure
{
    /// <summary>Each thing's times; they are warmed up first.</summary>
    public static async Task<Times[]> InTurnAsync(int repeat, params IReadOnlyList<Func<Task>> things)
    {
        const int warmUps = 1;
        var times = things.Select(_ => new List<double>()).ToArray();
        for (var round = 0; round < warmUps + repeat; round++)
        {
            // Every other round backwards: the one that runs after the heavier one is not always the same.
            foreach (var i in Enumerable.Range(0, things.Count).Select(i => round % 2 == 0 ? i : things.Count - 1 - i))
            {
                var ms = await TimeAsync(things[i]);
                if (round >= warmUps)
                {
                    times[i].Add(ms);
                }
            }
        }

        return [.. times.Select(t => new Times(t))];
    }

    public static async Task<double> TimeAsync(Func<Task> thing)
    {
        var started = Stopwatch.GetTimestamp();
        await thing();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }
}
