namespace Segmentation.Api.Memberships;

/// <summary>When customers are to be re-evaluated, at the latest.</summary>
internal sealed class EvaluationSchedule
{
    private readonly Lock guard = new();
    private readonly Dictionary<long, DateTimeOffset> byKey = [];
    private readonly PriorityQueue<long, DateTimeOffset> queue = new();

    /// <param name="due">Null for never.</param>
    /// <param name="exact">Whether this replaces an earlier instant, too; else the earlier one applies.</param>
    public void Set(long key, DateTimeOffset? due, bool exact)
    {
        lock (guard)
        {
            if (due is null)
            {
                _ = exact && byKey.Remove(key);
            }
            else if (exact || !byKey.TryGetValue(key, out var before) || due < before)
            {
                byKey[key] = due.Value;
                queue.Enqueue(key, due.Value);
            }
        }
    }

    /// <summary>Removes and returns customers that are due.</summary>
    public IEnumerable<long> Take(DateTimeOffset at, int max)
    {
        lock (guard)
        {
            List<long> taken = [];
            while (taken.Count < max && queue.TryPeek(out var key, out var due) && due <= at)
            {
                queue.Dequeue();
                if (byKey.TryGetValue(key, out var latest) && latest == due)
                {
                    byKey.Remove(key);
                    taken.Add(key);
                }
            }

            return taken;
        }
    }

    /// <summary>The customers that are due and have not been taken.</summary>
    public long[] Overdue(DateTimeOffset at)
    {
        lock (guard)
        {
            return [.. byKey.Where(d => d.Value <= at).Select(d => d.Key)];
        }
    }
}
