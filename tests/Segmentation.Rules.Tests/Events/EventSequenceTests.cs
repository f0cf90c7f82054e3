using FsCheck.Fluent;
using Segmentation.Rules.Events;

namespace Segmentation.Rules.Tests.Events;

/// <summary>Sequences among loaded events, against trying all of them.</summary>
public sealed class EventSequenceTests
{
    [Fact]
    public void Find_AnyEvents_AgreesWithTryingAllOfThem()
    {
        // Events of three kinds at ten instants; two to four steps; with and without a limit.
        var kinds = Gen.Elements('a', 'b', 'c');
        var cases = from events in Gen.ListOf(Gen.Zip(kinds, Gen.Choose(0, 9)), 7)
                    from steps in Gen.Choose(2, 4).SelectMany(n => Gen.ArrayOf(kinds, n))
                    from limit in Gen.Choose(0, 12)
                    select (Events: events.ToArray(), Steps: steps, Limit: limit);
        Laws.Check(cases, c =>
        {
            static DateTimeOffset At((char, int) e) => DateTimeOffset.UnixEpoch.AddHours(e.Item2);
            Func<(char, int), DateTimeOffset>? until = c.Limit > 9 ? null : e => At(e).AddHours(c.Limit);
            bool Follows(int step, DateTimeOffset after, DateTimeOffset last) => step == c.Steps.Length
                || c.Events.Any(e => e.Item1 == c.Steps[step] && At(e) > after && At(e) <= last && Follows(step + 1, At(e), last));
            var expected = c.Events.Any(e => e.Item1 == c.Steps[0] && Follows(1, At(e), until?.Invoke(e) ?? DateTimeOffset.MaxValue));
            var found = EventSequence.Find(c.Events, [.. c.Steps.Select(s => new Func<(char, int), bool>(e => e.Item1 == s))], At, until);
            return expected == (found is not null)
                && (found is null || (found.Length == c.Steps.Length && found.Zip(found.Skip(1)).All(p => p.First < p.Second)));
        }, 2000);
    }

    [Fact]
    public void Find_EventsOfSeveralStepsAndAnyWindows_AgreesWithTryingAllOfThem()
    {
        // An event matches any steps; a later window may end before an earlier one, as those of months do.
        var cases = from n in Gen.Choose(2, 5)
                    from events in Gen.ListOf(Gen.Zip(Gen.Choose(0, (1 << n) - 1), Gen.Choose(0, 11)), 12)
                    from ends in Gen.ArrayOf(Gen.Choose(0, 14), 12)
                    select (Steps: n, Events: events.ToArray(), Ends: ends);
        var found = 0;
        Laws.Check(cases, c =>
        {
            static DateTimeOffset At((int, int) e) => DateTimeOffset.UnixEpoch.AddHours(e.Item2);
            DateTimeOffset Until((int, int) e) => DateTimeOffset.UnixEpoch.AddHours(c.Ends[e.Item2]);
            bool Follows(int step, (int, int) after, DateTimeOffset last) => step == c.Steps
                || c.Events.Any(e => (e.Item1 & (1 << step)) != 0 && At(e) > At(after) && At(e) <= last && Follows(step + 1, e, last));
            var first = c.Events.Where(e => (e.Item1 & 1) != 0 && Follows(1, e, Until(e))).Select(At).Order().ToList();
            var steps = Enumerable.Range(0, c.Steps).Select(s => new Func<(int, int), bool>(e => (e.Item1 & (1 << s)) != 0)).ToArray();
            var times = EventSequence.Find(c.Events, steps, At, Until);
            found += times is null ? 0 : 1;
            return times is null
                ? first.Count == 0
                : times[0] == first.FirstOrDefault() && times.Zip(times.Skip(1)).All(p => p.First < p.Second)
                    && c.Events.Any(e => At(e) == times[0] && times[^1] <= Until(e));
        }, 4000);
        Assert.InRange(found, 500, 3500);
    }

    [Fact]
    public void Find_ManyEventsOfWhichTheLastStepIsEarliest_LooksAtEachOnce()
    {
        // Four steps that match always and a fifth that matched before them: each of them begins a sequence that doesn't end.
        const int events = 1_000_000;
        var looked = 0L;
        Func<int, bool> often = e => e > 0;
        var found = EventSequence.Find(
            Enumerable.Range(0, events), [often, often, often, often, e => e == 0], At, _ => DateTimeOffset.MaxValue);
        Assert.Null(found);
        Assert.Equal(events, looked);

        DateTimeOffset At(int e)
        {
            looked++;
            return DateTimeOffset.UnixEpoch.AddSeconds(e);
        }
    }
}
