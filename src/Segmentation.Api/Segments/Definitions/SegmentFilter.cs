using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>Which segments a list holds; null for no such condition.</summary>
/// <param name="Tag">Those with this tag.</param>
/// <param name="Valid">Those whose rules can be evaluated, or those whose can't.</param>
/// <param name="Text">Those with this text in their key, name, description, goal or one of their tags, whatever its case.</param>
public sealed record SegmentFilter(string? Tag, SegmentStatus? Status, SegmentKind? Kind, bool? Valid, string? Text)
{
    private readonly string? folded = CaseNormalizer.Normalize(Text);

    /// <summary>Applies what the database can decide.</summary>
    internal IQueryable<Segment> Narrow(IQueryable<Segment> segments)
    {
        segments = Tag is null ? segments : segments.Where(s => s.Tags.Contains(Tag));
        segments = Status is null ? segments : segments.Where(s => s.Status == Status);
        return Kind is null ? segments : segments.Where(s => s.Kind == Kind);
    }

    /// <summary>Whether a text contains <see cref="Text"/>, as rules compare texts: the database folds them in another way.</summary>
    internal bool HasText(params ReadOnlySpan<string?> texts)
    {
        foreach (var text in texts)
        {
            if (folded is null || CaseNormalizer.Normalize(text)?.Contains(folded, StringComparison.Ordinal) == true)
            {
                return true;
            }
        }

        return false;
    }
}
