using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Insight;

/// <summary>What marks a segment's members.</summary>
/// <param name="Members">How many members were compared.</param>
/// <param name="Others">With how many others.</param>
/// <param name="Tests">How many tests there were; every q is corrected for them.</param>
/// <param name="Other">Values that are not listed: too few customers have them, or more than 200 of their field are more frequent.</param>
/// <param name="Traits">What more or fewer members have, the most telling first; what the segment's own rule says comes last.</param>
/// <param name="Numbers">Which numbers differ, likewise.</param>
/// <param name="Habits">When and where events happen.</param>
/// <param name="Persona">The most telling in words.</param>
internal sealed record ProfileResult(
    long Members, long Others, int Tests, long Other, IReadOnlyList<TraitResult> Traits, IReadOnlyList<NumberResult> Numbers,
    HabitsResult Habits, PersonaResult Persona);

internal sealed record EffectResult(double H, string Size)
{
    public static EffectResult From(double h) => new(h, Math.Abs(h) switch
    {
        >= 0.8 => "large",
        >= 0.5 => "medium",
        >= 0.2 => "small",
        _ => "negligible",
    });
}

internal sealed record TraitResult(
    JsonNode Rule, string Text, string Field, string? Event, string? Property, JsonNode? Value, long Members, long Others, double Share,
    double OtherShare, double Difference, double[] DifferenceInterval,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Lift,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double[]? LiftInterval,
    EffectResult Effect, double Information, ProportionTest Test, double P, double Q, bool ByDefinition);

internal sealed record NumberResult(
    string Field, string? Event, string? Unit, double Superiority, double[] SuperiorityInterval, double P, double Q, SideResult Members,
    SideResult Others, RangeResult? Range, IReadOnlyList<BinResult> Bins, bool ByDefinition);

internal sealed record SideResult(long N, double? Mean, double? Q25, double? Median, double? Q75, long Missing)
{
    public static SideResult From(NumberSummary? numbers, long size, double scale) => numbers?.Scale(scale) is { } n
        ? new(n.Count, n.Mean, n.LowerQuartile, n.Median, n.UpperQuartile, size - n.Count)
        : new(0, null, null, null, null, size);
}

internal sealed record RangeResult(
    JsonNode Rule, string Text, double Share, double OtherShare,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Lift);

internal sealed record BinResult(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? From,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? To,
    long Members, long Others);

/// <param name="Fields">Those of profiles that it is by. Nothing else names them, and one of them may become sensitive.</param>
internal sealed record HabitsResult(
    long Members, long Others, IReadOnlyList<HabitResult> Hours, IReadOnlyList<HabitResult> Days, IReadOnlyList<HabitResult> Channels,
    IReadOnlyList<HabitResult> Countries, IReadOnlyList<string> Fields, HabitDistances Distance);

internal sealed record HabitResult(string? Channel, string? Country, double Members, double Others);

internal sealed record HabitDistances(double? Hours, double? Days, double? Channels, double? Countries);

internal sealed record PersonaResult(string Headline, IReadOnlyList<string> Sentences);
