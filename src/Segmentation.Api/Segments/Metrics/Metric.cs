using System.Text.Json;

namespace Segmentation.Api.Segments;

/// <summary>A metric that a user has defined.</summary>
public sealed class Metric
{
    public required string Key { get; set; }

    /// <summary>As it is answered (<see cref="MetricResource.Normalize"/>), without its key and times.</summary>
    public JsonElement Definition { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
}
