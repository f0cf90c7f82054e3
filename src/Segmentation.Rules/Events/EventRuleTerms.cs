namespace Segmentation.Rules.Events;

/// <summary>What rules on events may say, for the compiler and for who describes the language.</summary>
public static class EventRuleTerms
{
    /// <summary>Fewest and most steps of a sequence.</summary>
    public const int MinSteps = 2, MaxSteps = 5;

    /// <summary>Modes of <c>match</c>.</summary>
    public static readonly IReadOnlyList<string> Modes =
        ["atLeast", "atMost", "exactly", "some", "none", "all", "moreThan", "lessThan", "between"];

    /// <summary>Modes without a threshold.</summary>
    public static readonly IReadOnlyList<string> ModesWithoutThreshold = ["some", "none", "all"];

    /// <summary>Aggregates of <c>match</c>.</summary>
    public static readonly IReadOnlyList<string> Aggregates = ["sum", "avg", "min", "max", "distinct", "distinctDays"];
}
