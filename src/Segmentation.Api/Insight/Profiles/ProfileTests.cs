using System.Text.Json.Nodes;
using Segmentation.Models.Statistics;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Insight;

/// <summary>What a test is about: a field, or what events say.</summary>
/// <param name="Field">The field's name.</param>
/// <param name="Label">What people call it: the field, or the type of event.</param>
/// <param name="Type">What it holds.</param>
/// <param name="Event">The type of event, where it is about that.</param>
/// <param name="Property">The event's property, where it is about that.</param>
internal sealed record ProfileSubject(string Field, string Label, FieldType Type, string? Event = null, string? Property = null)
{
    /// <summary>Of several findings about the same, one is enough.</summary>
    public string Name => Event is null ? ProfileKin.Find(Field) : $"{Event} {Property}";
}

/// <summary>A test of who has something.</summary>
/// <param name="Rule">Who has it, as a rule.</param>
/// <param name="Value">The value; null where it is none, or is that there is none.</param>
/// <param name="Phrase">What they do, after "39 %": "have the country DE".</param>
/// <param name="Name">What they are, by itself: "country DE".</param>
internal sealed record TraitTest(
    ProfileSubject Subject, JsonObject Rule, JsonNode? Value, string Phrase, string Name, ProportionComparison Comparison)
{
    private readonly (ProportionTest Test, double P) test = Comparison.Test();

    public ProportionTest Test => test.Test;

    public double P => test.P;

    /// <summary>Whether it can differ at all: where everybody or nobody has it, it is no test.</summary>
    public static bool IsTest(ProportionComparison comparison) =>
        comparison.Members.Count + comparison.Others.Count is > 0 and var with && with < comparison.Members.Size + comparison.Others.Size;
}

/// <summary>A test of numbers.</summary>
/// <param name="Numbers">In the unit that the database counts them in.</param>
/// <param name="Scale">By which they become what is told.</param>
/// <param name="Unit">Of what is told; null for the field's own.</param>
/// <param name="Bounds">The others' deciles, as they can be told.</param>
/// <param name="Range">The rule of what lies from one bound to another; either may be missing.</param>
internal sealed record NumberTest(
    ProfileSubject Subject, NumberComparison Numbers, Superiority Superiority, double Scale, string? Unit,
    IReadOnlyList<ProfileBound> Bounds, Func<ProfileBound?, ProfileBound?, JsonObject> Range);

/// <summary>A bound of numbers.</summary>
/// <param name="Number">As the database counts.</param>
/// <param name="Told">As it is told, and as rules say it.</param>
internal sealed record ProfileBound(double Number, decimal Told);

/// <summary>Fields that are functions of one another.</summary>
internal static class ProfileKin
{
    private static readonly string[][] Kin =
    [
        ["demographic.age", "demographic.birthDate"],
        ["value.lifetimeValue", "value.percentile"],
        ["value.lastOrderAt", "value.daysSinceLastOrder"],
        ["behavioral.lastEventAt", "temporal.lastSeenAt"],
    ];

    /// <summary>The first of a field's kin.</summary>
    public static string Find(string field) => Kin.FirstOrDefault(k => k.Contains(field))?[0] ?? field;
}
