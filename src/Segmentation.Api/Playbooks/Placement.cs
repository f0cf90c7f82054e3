using System.Text.Json;

namespace Segmentation.Api.Playbooks;

/// <summary>A place in an application that can show different things.</summary>
public sealed class Placement
{
    /// <summary>The caller's slug.</summary>
    public required string Key { get; set; }
    public required string Name { get; set; }
    public string? Description { get; set; }
    public PlacementType Type { get; set; }

    /// <summary>What is shown where no play wins, as it was sent; null for nothing.</summary>
    public JsonElement? Fallback { get; set; }
    public string[] Tags { get; set; } = [];
    public PlacementStatus Status { get; set; }

    /// <summary>Counts the changes, from 1; the ETag.</summary>
    public int Version { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>What a placement shows: whole numbers and fractions are both <c>number</c>.</summary>
public enum PlacementType { Object, String, Number, Boolean }

/// <summary>Whether a placement is decided.</summary>
public enum PlacementStatus { Active, Archived }
