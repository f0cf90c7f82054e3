using System.Text.Json;

namespace Segmentation.Api.Segments;

/// <summary>One definition that a segment has had.</summary>
public sealed class SegmentVersion
{
    public const int ChangedByMaxLength = 200;

    public int SegmentId { get; set; }
    public int Version { get; set; }

    /// <summary>The definition as it was answered: name, description, goal, goalMetric, kind, rule, timeZone,
    /// requiresConsent, tags, status.</summary>
    public JsonElement Definition { get; set; }
    public DateTimeOffset ChangedAt { get; set; }
    public required string ChangedBy { get; set; }
}
