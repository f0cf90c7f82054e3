using System.Text.Json;

namespace Segmentation.Api.Segments;

/// <summary>A segment as evaluation needs it.</summary>
public sealed record SegmentDefinition(
    int Id, string Key, string Name, SegmentKind Kind, SegmentStatus Status, JsonElement? Rule, string TimeZone, int Version);
