using System.ComponentModel;
using Segmentation.Api.Http;

namespace Segmentation.Api.Privacy;

/// <summary>What data of customers is used for.</summary>
public sealed record PurposeResource
{
    /// <summary>Its name, from the address.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public string? Name { get; init; }

    /// <summary>What an editor shows; the name when left out.</summary>
    public string? Label { get; init; }

    /// <summary>What it covers, in words.</summary>
    public string? Description { get; init; }

    /// <summary>What makes it lawful; <c>consent</c> when left out.</summary>
    [AlwaysAnswered]
    public PurposeBasis? Basis { get; init; }

    /// <summary>After how many days of 24 hours, 1 to 36500, a consent to it has expired, unless it is given anew; never when left
    /// out.</summary>
    public int? ExpiresAfterDays { get; init; }

    /// <summary>When it was created.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last written.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? UpdatedAt { get; init; }

    internal static PurposeResource From(Purpose p) => new()
    {
        Name = p.Name,
        Label = p.Label,
        Description = p.Description,
        Basis = p.Basis,
        ExpiresAfterDays = p.ExpiresAfterDays,
        CreatedAt = p.CreatedAt,
        UpdatedAt = p.UpdatedAt,
    };
}
