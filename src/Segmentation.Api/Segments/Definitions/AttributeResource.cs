using Segmentation.Api.Customers;

namespace Segmentation.Api.Segments;

/// <summary>A registered attribute.</summary>
public sealed record AttributeResource
{
    /// <summary>Read-only: that of the address.</summary>
    public string? Name { get; init; }

    /// <summary>text, integer, decimal, boolean, date, instant or set.</summary>
    public string? Type { get; init; }

    /// <summary>demographic, geographic, psychographic, behavioral, temporal or value.</summary>
    public string? Kind { get; init; }

    /// <summary>What an editor shows; the name by default.</summary>
    public string? Label { get; init; }
    public string? Description { get; init; }

    /// <summary>Suggested values, for editors; not enforced.</summary>
    public string[]? Values { get; init; }

    /// <summary>Read-only.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Read-only.</summary>
    public DateTimeOffset? UpdatedAt { get; init; }

    internal static AttributeResource From(CustomerAttribute a) => new()
    {
        Name = a.Name,
        Type = a.Type,
        Kind = a.Kind,
        Label = a.Label,
        Description = a.Description,
        Values = a.Values,
        CreatedAt = a.CreatedAt,
        UpdatedAt = a.UpdatedAt,
    };

    internal void ApplyTo(CustomerAttribute attribute, DateTimeOffset now)
    {
        attribute.Type = Type!;
        attribute.Kind = Kind!;
        attribute.Label = Label;
        attribute.Description = Description;
        attribute.Values = Values ?? [];
        attribute.UpdatedAt = now;
    }
}
