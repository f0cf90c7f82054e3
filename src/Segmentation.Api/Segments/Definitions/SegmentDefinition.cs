using System.Text.Json;

namespace Segmentation.Api.Segments;

/// <summary>A segment as evaluation needs it.</summary>
/// <param name="RequiresConsent">The purposes that each member has consented to; null for none.</param>
public sealed record SegmentDefinition(
    int Id, string Key, string Name, SegmentKind Kind, SegmentStatus Status, JsonElement? Rule, string TimeZone, int Version,
    string[]? RequiresConsent = null);
