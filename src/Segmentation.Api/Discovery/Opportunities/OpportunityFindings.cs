using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;
using Segmentation.Models.Opportunities;
using Segmentation.Rules.Backends;

namespace Segmentation.Api.Discovery;

/// <summary>A group that was found on the one half and tested on the other.</summary>
internal sealed record Opportunity(FoundGroup Group, GroupComparison Discovered, TestedGroup Tested);

/// <summary>Tests what was found, and tells it.</summary>
/// <param name="all">The definitions, which say rules in words.</param>
/// <param name="conditions">What groups are described by.</param>
/// <param name="halves">The customers.</param>
/// <param name="outcome">What became of them.</param>
/// <param name="within">The segment that everybody is in; null where that is nobody's restriction.</param>
internal sealed class OpportunityFindings(
    DefinitionSet all, IReadOnlyList<GroupCondition> conditions, CustomerHalves halves, Outcome outcome, string? within)
{
    private readonly JsonObject? inside =
        within is null ? null : ProfileRules.Condition("segment", "in", new JsonArray(within));

    private Range First => ..halves.FirstWords;

    private Range Second => halves.FirstWords..halves.Words;

    /// <summary>Tests groups on the other half, those of whom there are enough; the surest first.</summary>
    public IReadOnlyList<Opportunity> Test(IReadOnlyList<FoundGroup> groups, int minimumGroup)
    {
        var everyone = halves.CreateAll();
        List<(FoundGroup Group, GroupComparison Discovered, GroupComparison Other)> taken = [];
        foreach (var group in groups)
        {
            var bits = BitSets.Intersect([.. group.Conditions.Select(c => conditions[c].Bits)]);
            var other = GroupTest.Compare(bits, everyone, outcome, Second);
            if (Math.Min(other.Group.Size, other.Others.Size) >= Math.Max(minimumGroup, 2))
            {
                taken.Add((group, GroupTest.Compare(bits, everyone, outcome, First), other));
            }
        }

        var tested = GroupTest.Test([.. taken.Select(t => (t.Other, t.Group.Quality))], outcome.IsShare);
        return
        [
            .. taken.Zip(tested, (t, result) => new Opportunity(t.Group, t.Discovered, result))
                .OrderByDescending(o => o.Tested.IsConfirmed).ThenBy(o => o.Tested.P).ThenByDescending(o => o.Group.Strength),
        ];
    }

    /// <summary>A group's conditions, each as a rule of its own.</summary>
    public IReadOnlyList<JsonObject> ListRules(FoundGroup group) =>
        [.. inside is null ? [] : new[] { inside }, .. group.Conditions.Select(c => conditions[c].Rule)];

    /// <summary>Tells one.</summary>
    public OpportunityResult Tell(Opportunity opportunity, Cover cover)
    {
        var (group, discovered, tested) = (opportunity.Group, opportunity.Discovered, opportunity.Tested);
        var rules = ListRules(group).SelectMany(r => r["rules"]!.AsArray()).Select(r => r!.DeepClone());
        return new OpportunityResult(
            new JsonObject { ["combinator"] = "and", ["rules"] = new JsonArray([.. rules]) },
            Describe(group),
            cover.Customers,
            new DiscoveredResult(
                (long)discovered.Group.Size, discovered.Group.Mean, discovered.Others.Mean, discovered.Lift, group.Quality),
            new ConfirmingResult((long)tested.Comparison.Group.Size, (long)tested.Comparison.Others.Size, tested.P),
            tested.IsConfirmed,
            tested.Comparison.Group.Mean,
            tested.Interval.ToArray(),
            tested.Comparison.Others.Mean,
            tested.Comparison.Lift,
            tested.AdjustedP,
            cover.Segments,
            cover.IsOverlooked);
    }

    /// <summary>Tells what everyone is like.</summary>
    public EveryoneResult TellEveryone()
    {
        var bits = halves.CreateAll();
        var of = outcome.Estimate(bits);
        var (first, second) = (outcome.Estimate(bits.AsSpan(First)), outcome.Estimate(bits.AsSpan(Second), halves.FirstWords));
        return new EveryoneResult(
            (long)of.Size, of.Mean, GroupTest.FindInterval(of, outcome.IsShare).ToArray(), new HalfResult((long)first.Size, first.Mean),
            new HalfResult((long)second.Size, second.Mean));
    }

    private string Describe(FoundGroup group)
    {
        var texts = ListRules(group).Select((r, i) =>
            (inside is null ? conditions[group.Conditions[i]] : i == 0 ? null : conditions[group.Conditions[i - 1]])?.Text
            ?? all.Compile(JsonSerializer.SerializeToElement(r), Backend.Sql, historical: false).Root.Description);
        var text = string.Join(" and ", texts.Select(ProfileRules.LowerFirst));
        return char.ToUpperInvariant(text[0]) + text[1..];
    }
}
