using System.ComponentModel;
using System.Text.Json;
using Segmentation.Api.Http;

namespace Segmentation.Api.Playbooks;

/// <summary>A place in an application that can show different things. Read-only properties are ignored in requests.</summary>
public sealed record PlacementResource
{
    /// <summary>A slug that the caller chooses: <c>^[a-z0-9][a-z0-9-]{0,62}$</c>.</summary>
    [AlwaysAnswered]
    public string? Key { get; init; }

    /// <summary>Its name; the key when left out.</summary>
    [AlwaysAnswered]
    public string? Name { get; init; }

    /// <summary>Where it is, in words.</summary>
    public string? Description { get; init; }

    /// <summary>What it shows: <c>object</c>, <c>string</c>, <c>number</c> or <c>boolean</c>.</summary>
    [AlwaysAnswered]
    [Needed]
    public PlacementType? Type { get; init; }

    /// <summary>What is shown where no play wins: a value of the type. Without one nothing is.</summary>
    public JsonElement? Fallback { get; init; }

    /// <summary>Words to filter lists of placements by.</summary>
    [AlwaysAnswered]
    public string[]? Tags { get; init; }

    /// <summary><c>active</c> (the default) or <c>archived</c>.</summary>
    [AlwaysAnswered]
    public PlacementStatus? Status { get; init; }

    /// <summary>When it was created.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last changed.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? UpdatedAt { get; init; }

    internal static PlacementResource From(Placement placement) => new()
    {
        Key = placement.Key,
        Name = placement.Name,
        Description = placement.Description,
        Type = placement.Type,
        Fallback = placement.Fallback,
        Tags = placement.Tags,
        Status = placement.Status,
        CreatedAt = placement.CreatedAt,
        UpdatedAt = placement.UpdatedAt,
    };

    /// <summary>Takes over what the caller may set; texts trimmed, empty ones missing.</summary>
    internal void ApplyTo(Placement placement)
    {
        placement.Name = PlaybookTexts.Trim(Name) ?? placement.Key;
        placement.Description = PlaybookTexts.Trim(Description);
        placement.Type = Type!.Value;
        placement.Fallback = Fallback;
        placement.Tags = PlaybookTexts.Trim(Tags);
        placement.Status = Status ?? PlacementStatus.Active;
    }
}
