namespace Segmentation.Rules.Checking;

/// <summary>Counts what has limits in a compilation, and reports the first that is past one.</summary>
internal sealed class RuleSize(Compilation compilation)
{
    // A rule that refers to a segment holds that segment's rules, too; without a bound, a ladder of diamonds would double at each step.
    private const int MaxExpandedRules = 2000;
    private const int MaxExpandedSegments = 2000;
    private const int MaxSegmentDepth = 20;

    private readonly RuleLimits limits = compilation.Limits;
    private int rules, expandedRules, segments;

    /// <summary>Whether the rules of a segment that the rule refers to are being compiled, which count to the expanded ones only.</summary>
    public bool InSegment { get; set; }

    /// <summary>Whether a limit was passed that makes further errors pointless.</summary>
    public bool Exhausted => expandedRules > MaxExpandedRules || segments > MaxExpandedSegments || rules > limits.MaxRules;

    public void CountRule(string pointer)
    {
        if (!InSegment && ++rules == limits.MaxRules + 1)
        {
            compilation.AddError(pointer, $"A tree may have {limits.MaxRules} rules at most.");
        }

        if (++expandedRules == MaxExpandedRules + 1)
        {
            compilation.AddError(
                InSegment ? "" : pointer,
                $"With the rules of the segments that it refers to, a tree may have {MaxExpandedRules} rules at most.");
        }
    }

    public void CountSegment(string pointer) => compilation.AddErrorIf(
        ++segments == MaxExpandedSegments + 1,
        pointer,
        $"With the segments that these refer to in turn, a tree may have {MaxExpandedSegments} segments at most.");

    public bool IsTooDeep(int depth, string pointer) => compilation.AddErrorIf(
        depth > limits.MaxDepth, pointer, $"Groups may nest {limits.MaxDepth} deep at most, the root counted as 1.");

    public bool AreSegmentsTooDeep(int depth, string pointer) => compilation.AddErrorIf(
        depth > MaxSegmentDepth, pointer, $"Segments may refer to segments {MaxSegmentDepth} deep at most.");
}
