namespace Segmentation.Rules.Events;

/// <summary>Describes groups of rules over events.</summary>
internal static class EventDescription
{
    /// <summary>Describes a group that every event satisfies.</summary>
    public const string Anything = "any event";

    /// <summary>Adds to a description of events which ones they are.</summary>
    public static string Where(string events, RuleNode group) =>
        group.Description == Anything ? events.TrimEnd(',') : $"{events} where {group.Grouped}";
}
