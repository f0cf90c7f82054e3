namespace Segmentation.Rules.Checking;

/// <summary>
/// How large a rule may be. Past one of these, compilation adds an error that names the limit, at the part that passes it.
/// </summary>
public sealed record RuleLimits
{
    /// <summary>Groups within groups, the root counted as 1.</summary>
    public int MaxDepth { get; init; } = 10;

    /// <summary>Rules in a tree, those inside sub-queries included.</summary>
    public int MaxRules { get; init; } = 200;

    /// <summary>Values in a list.</summary>
    public int MaxListLength { get; init; } = 1000;

    /// <summary>Characters (UTF-16 code units) in a string.</summary>
    public int MaxTextLength { get; init; } = 512;

    /// <summary>UTF-8 bytes of a whole tree.</summary>
    public int MaxBytes { get; init; } = 64 * 1024;
}
