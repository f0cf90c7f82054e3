using System.Text.Json;

namespace Segmentation.Api.Segments;

/// <summary>A model that a user has defined, or one that is built in whose settings a user has changed.</summary>
public sealed class Model
{
    public required string Key { get; set; }

    /// <summary>As it is answered (<see cref="ModelSettings"/>), with all that holds where it was left out.</summary>
    public JsonElement Settings { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
}
