namespace Segmentation.Api.Memberships;

/// <summary>When customers are to be looked at again, at the latest.</summary>
internal sealed class EvaluationSchedule
{
    private readonly Lock guard = new();
    private readonly Dictionary<long, DateTimeOffset> byKey = [];
    private readonly PriorityQueue<long, DateTimeOffset> queue = new();

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

    /// <summary>Takes out those that are due.</summary>
    public IEnumerable<long> Take(DateTimeOffset at, int most)
    {
        lock (guard)
        {
            List<long> taken = [];
            while (taken.Count < most && queue.TryPeek(out var key, out var due) && due <= at)
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

    /// <summary>Those that are due and have not been taken.</summary>
    public long[] Passed(DateTimeOffset at)
    {
        lock (guard)
        {
            return [.. byKey.Where(d => d.Value <= at).Select(d => d.Key)];
        }
    }
}
