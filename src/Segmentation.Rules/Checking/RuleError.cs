namespace Segmentation.Rules.Checking;

/// <summary>An error in a rule.</summary>
/// <param name="Pointer">The JSON Pointer (RFC 6901) of the smallest part at fault, relative to the rule; empty for the whole.</param>
/// <param name="Message">What is wrong, and what to do about it.</param>
public record RuleError(string Pointer, string Message)
{
    /// <summary>Whether it is a value that is yet to be filled in, not one that is wrong.</summary>
    public bool IsIncomplete { get; init; }

    /// <summary>The pointer to a property or item below another, its name escaped.</summary>
    public static string Below(string pointer, string name) =>
        $"{pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
}

/// <summary>A cycle keeps its message on its way out through the segments that it leads through.</summary>
internal sealed record CycleError(string Pointer, string Message) : RuleError(Pointer, Message);
