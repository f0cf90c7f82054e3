namespace Segmentation.Rules.Events;

/// <summary>Finds the steps of a sequence among loaded events: it holds those events that match any.</summary>
public sealed class EventSequence
{
    // So few are sorted faster by insertion.
    private const int MaxInsertionSort = 64;

    [ThreadStatic]
    private static EventSequence? last;

    private readonly List<(DateTimeOffset At, int Steps, DateTimeOffset Until)> events = [];

    /// <summary>
    /// The times of events that match the steps in order, each strictly later than the one before and the last not after
    /// <paramref name="until"/> of the first; null when there are none such.
    /// </summary>
    /// <param name="events">The events, in any order.</param>
    /// <param name="steps">Whether an event matches a step; 31 steps at most.</param>
    /// <param name="at">When an event happened.</param>
    /// <param name="until">The end of the window that an event begins; null for no window.</param>
    public static DateTimeOffset[]? Find<TEvent>(
        IEnumerable<TEvent> events, Func<TEvent, bool>[] steps, Func<TEvent, DateTimeOffset> at, Func<TEvent, DateTimeOffset>? until)
    {
        var sequence = new EventSequence();
        var seen = 0;
        foreach (var e in events)
        {
            var matched = steps.Select((step, i) => step(e) ? 1 << i : 0).Sum();
            seen |= matched;
            if (matched != 0)
            {
                sequence.Add(matched, at(e), until is null || (matched & 1) == 0 ? DateTimeOffset.MaxValue : until(e));
            }
        }

        return seen == (1 << steps.Length) - 1 ? sequence.FindTimes(steps.Length) : null;
    }

    /// <summary>An empty sequence, which is the thread's one object: a thread evaluates one rule at a time.</summary>
    internal static EventSequence Begin()
    {
        last ??= new EventSequence();
        last.events.Clear();
        return last;
    }

    /// <summary>Adds an event that matches a step.</summary>
    /// <param name="steps">A bit for each step that it matches, the first being 1.</param>
    /// <param name="at">When it happened.</param>
    /// <param name="until">As the first event of a sequence, until when the last may be.</param>
    internal void Add(int steps, DateTimeOffset at, DateTimeOffset until) => events.Add((at, steps, until));

    /// <inheritdoc cref="Find"/>
    /// <remarks>Every step must have an event.</remarks>
    internal DateTimeOffset[]? FindTimes(int steps)
    {
        Sort();
        return FindFirst(steps) is { } first ? Follow(first, steps) : null;
    }

    // The first event that a sequence begins with. From the last event to the first, the earliest end of the sequences' rests that begin at
    // each step: one more event of a step has the rest after it, so that each event is looked at once.
    private int? FindFirst(int steps)
    {
        Span<DateTimeOffset> ends = stackalloc DateTimeOffset[steps];
        ends.Fill(DateTimeOffset.MaxValue);
        var seen = 0;
        int? first = null;
        for (var i = events.Count - 1; i >= 0; i--)
        {
            // Those of one instant follow none of each other.
            var (at, matched, until) = events[i];
            for (; i > 0 && events[i - 1].At == at; i--)
            {
                matched |= events[i - 1].Steps;
                until = events[i - 1].Until < until ? events[i - 1].Until : until;
            }

            // A step is reached where the next one was, later.
            var reached = matched & ((seen >> 1) | (1 << (steps - 1)));
            first = (reached & 1) != 0 && ends[1] <= until ? i : first;
            for (var step = 0; step < steps; step++)
            {
                if ((reached & (1 << step)) != 0)
                {
                    ends[step] = step == steps - 1 ? at : ends[step + 1];
                }
            }

            seen |= reached;
        }

        return first;
    }

    // From a given first event, the earliest match of every further step leaves most room for the rest.
    private DateTimeOffset[] Follow(int first, int steps)
    {
        var times = new DateTimeOffset[steps];
        times[0] = events[first].At;
        var found = 1;
        for (var i = first + 1; found < steps; i++)
        {
            if (events[i].At > times[found - 1] && (events[i].Steps & (1 << found)) != 0)
            {
                times[found++] = events[i].At;
            }
        }

        return times;
    }

    private void Sort()
    {
        if (events.Count > MaxInsertionSort)
        {
            events.Sort(static (a, b) => a.At.CompareTo(b.At));
            return;
        }

        for (var i = 1; i < events.Count; i++)
        {
            var moved = events[i];
            var to = i;
            for (; to > 0 && events[to - 1].At > moved.At; to--)
            {
                events[to] = events[to - 1];
            }

            events[to] = moved;
        }
    }
}
