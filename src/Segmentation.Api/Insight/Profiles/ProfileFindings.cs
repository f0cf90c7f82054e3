using System.Text.Json.Nodes;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Insight;

/// <summary>Tells what the tests of a profile found: corrected for how many there were, the most telling first.</summary>
/// <param name="tests">All of them.</param>
/// <param name="describe">Says a rule in words; null where it can't.</param>
internal sealed class ProfileFindings(ProfileTestList tests, Func<JsonObject, string?> describe)
{
    private const double MaxQ = 0.05;
    private const double LeastEffect = 0.1;
    private const double LeastSuperiority = 0.03;
    private const int LeastMembers = 5;

    /// <summary>What is found, and what was tested.</summary>
    public (ProfileResult Findings, ProfileResult Whole) Tell(HabitsResult habits)
    {
        var q = CorrectTests();
        var traits = tests.Traits.Select((t, i) => (Test: t, Result: Tell(t, q[i]), IsFound: IsFound(t, q[i])))
            .OrderBy(t => t.Result.ByDefinition).ThenByDescending(t => t.Result.Information).ToList();
        var numbers = tests.Numbers.Select((n, i) => Tell(n, q[tests.Traits.Count + i]))
            .OrderBy(n => n.Result.ByDefinition).ThenByDescending(n => Math.Abs(n.Result.Superiority - 0.5)).ToList();
        var persona = Persona.Describe(
        [
            .. traits.Where(t => t.IsFound && !t.Result.ByDefinition)
                .Select(t => new PersonaTrait(t.Test.Subject.Name, t.Test.Comparison, t.Test.Phrase, t.Test.Name)),
            .. numbers.Where(n => n.IsFound && !n.Result.ByDefinition).Select(n => n.Persona).OfType<PersonaTrait>(),
        ]);
        return (
            Create([.. traits.Where(t => t.IsFound).Select(t => t.Result)], [.. numbers.Where(n => n.IsFound).Select(n => n.Result)]),
            Create([.. traits.Select(t => t.Result)], [.. numbers.Select(n => n.Result)]));

        ProfileResult Create(IReadOnlyList<TraitResult> shownTraits, IReadOnlyList<NumberResult> shownNumbers) => new(
            tests.Members, tests.Others, q.Length, tests.Other, shownTraits, shownNumbers, habits, persona);
    }

    /// <summary>The most telling findings, of each subject one; of numbers, the range that tells most.</summary>
    /// <param name="most">How many.</param>
    /// <returns>With the headline of them.</returns>
    public (IReadOnlyList<TraitResult> Traits, string Headline) TellMost(int most)
    {
        var q = CorrectTests();
        List<(TraitResult Result, PersonaTrait Words)> found = [];
        foreach (var (i, test) in tests.Traits.Index().Where(t => IsFound(t.Item, q[t.Index])))
        {
            found.Add((Tell(test, q[i]), new(test.Subject.Name, test.Comparison, test.Phrase, test.Name)));
        }

        foreach (var (i, test) in tests.Numbers.Index())
        {
            if (Tell(test, q[tests.Traits.Count + i]) is ({ Range: { } range } number, true, { Comparison: var comparison } words))
            {
                var trait = new TraitTest(test.Subject, (JsonObject)range.Rule, null, words.Phrase, words.Name, comparison);
                found.Add((
                    Tell(trait, number.Q) with { Text = range.Text, Test = ProportionTest.MannWhitney, P = number.P },
                    words));
            }
        }

        found = [.. found.OrderByDescending(f => f.Result.Information).DistinctBy(f => f.Words.Subject).Take(most)];
        return ([.. found.Select(f => f.Result)], Persona.Describe(found.Select(f => f.Words)).Headline);
    }

    private double[] CorrectTests() =>
        MultipleTests.BenjaminiHochberg([.. tests.Traits.Select(t => t.P), .. tests.Numbers.Select(n => n.Superiority.P)]);

    private static bool IsFound(TraitTest test, double q) =>
        q <= MaxQ && Math.Abs(test.Comparison.Effect) >= LeastEffect && test.Comparison.Members.Count >= LeastMembers;

    private TraitResult Tell(TraitTest test, double q)
    {
        var (subject, c) = (test.Subject, test.Comparison);
        return new TraitResult(
            test.Rule, Describe(subject, test.Rule, test.Phrase), subject.Field, subject.Event, subject.Property, test.Value?.DeepClone(),
            (long)c.Members.Count, (long)c.Others.Count, c.Members.Share, c.Others.Share, c.Difference, c.DifferenceInterval().ToArray(),
            c.Lift, c.LiftInterval()?.ToArray(), EffectResult.From(c.Effect), c.Information, test.Test,
            test.P, q, tests.IsByDefinition(subject));
    }

    private (NumberResult Result, bool IsFound, PersonaTrait? Persona) Tell(NumberTest test, double q)
    {
        var (numbers, superiority) = (test.Numbers, test.Superiority);
        var between = numbers.CountBetween([.. test.Bounds.Select(b => b.Number)]);
        var (range, persona) = TellRange(test, between);
        var bins = between.Select((b, i) => new BinResult(Told(i - 1), Told(i), b.Members, b.Others)).ToList();
        var result = new NumberResult(
            test.Subject.Field, test.Subject.Event, test.Unit, superiority.Value, superiority.Interval.ToArray(), superiority.P, q,
            SideResult.From(numbers.Members, tests.Members, test.Scale), SideResult.From(numbers.Others, tests.Others, test.Scale),
            range, bins, tests.IsByDefinition(test.Subject));
        var isFound = q <= MaxQ && Math.Abs(superiority.Value - 0.5) > LeastSuperiority && numbers.Members?.Count >= LeastMembers;
        return (result, isFound, persona);

        double? Told(int bound) => bound >= 0 && bound < test.Bounds.Count ? (double)test.Bounds[bound].Told : null;
    }

    private (RangeResult?, PersonaTrait?) TellRange(NumberTest test, IReadOnlyList<(long, long)> between)
    {
        if (NumberComparison.FindMostTelling(between, tests.Members, tests.Others) is not var (first, last, found))
        {
            return (null, null);
        }

        var (from, to) = (
            first == 0 ? null : test.Bounds[first - 1],
            last == test.Bounds.Count ? null : test.Bounds[last]);
        var rule = test.Range(from, to);
        var isCount = test.Subject.Event is not null || test.Subject.Type == Rules.Catalog.FieldType.Integer;
        var words = (from?.Told, isCount ? to?.Told - 1 : to?.Told) switch
        {
            ({ } low, { } high) when low == high => ProfileRules.Write(low),
            ({ } low, { } high) => $"{ProfileRules.Write(low)} to {ProfileRules.Write(high)}",
            ({ } low, null) => $"{ProfileRules.Write(low)} or more",
            (_, { } high) => isCount ? $"{ProfileRules.Write(high)} or less" : $"less than {ProfileRules.Write(high)}",
            _ => "",
        };
        var name = test.Subject.Event is { } type ? $"{type} {words} times {tests.Lately}"
            : $"{test.Subject.Label} {words}{(test.Unit is null ? "" : " days ago")}";
        var phrase = test.Subject.Event is not null ? $"did {name}"
            : test.Unit is not null ? $"have {ProfileRules.LowerFirst(name)}"
            : $"have {ProfileRules.LowerFirst(test.Subject.Label)} of {words}";
        return (
            new RangeResult(rule, Describe(test.Subject, rule, phrase), found.Members.Share, found.Others.Share, found.Lift),
            new PersonaTrait(test.Subject.Name, found, phrase, ProfileRules.LowerFirst(name)));
    }

    // What a condition on events says of itself is long.
    private string Describe(ProfileSubject subject, JsonObject rule, string phrase)
    {
        var text = (subject.Event is null ? describe(rule) : null) ?? phrase;
        return char.ToUpperInvariant(text[0]) + text[1..];
    }
}
