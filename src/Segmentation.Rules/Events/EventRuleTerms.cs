using Segmentation.Rules.Catalog;

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

    /// <summary>The properties of <c>match</c>.</summary>
    internal static readonly string[] MatchProperties = ["mode", "threshold", "aggregate", "of"];

    /// <summary>The properties of a sequence.</summary>
    internal static readonly string[] SequenceProperties = ["steps", "within"];

    /// <summary>Whether an aggregate is one of a field of this type; one of days is of none.</summary>
    public static bool CanAggregate(string aggregate, FieldType type) => aggregate switch
    {
        "distinctDays" => false,
        "distinct" => true,
        "min" or "max" => type is FieldType.Decimal or FieldType.Property or FieldType.Instant,
        _ => type is FieldType.Decimal or FieldType.Property,
    };
}
