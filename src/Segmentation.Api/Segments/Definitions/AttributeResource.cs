using System.ComponentModel;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;

namespace Segmentation.Api.Segments;

/// <summary>An attribute: a field of your own, with a name, a type and a kind.</summary>
public sealed record AttributeResource
{
    /// <summary>Its name, from the address.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public string? Name { get; init; }

    /// <summary>text, integer, decimal, boolean, date, instant or set.</summary>
    [AlwaysAnswered]
    [Needed]
    public string? Type { get; init; }

    /// <summary>demographic, geographic, psychographic, behavioral, temporal or value.</summary>
    [AlwaysAnswered]
    [Needed]
    public string? Kind { get; init; }

    /// <summary>What an editor shows; the name when left out.</summary>
    public string? Label { get; init; }

    /// <summary>What it holds, in words.</summary>
    public string? Description { get; init; }

    /// <summary>Suggested values, for editors; not enforced.</summary>
    [AlwaysAnswered]
    public string[]? Values { get; init; }

    /// <summary>Whether its values are shown, and rules over it taken, with the scope <c>privacy</c> alone; false when left out.
    /// </summary>
    public bool? Sensitive { get; init; }

    /// <summary>Whether a customer keeps its texts when it becomes anonymous; false when left out. Numbers, dates and truth values
    /// always stay, texts that are sensitive never.</summary>
    public bool? KeepAnonymous { get; init; }

    /// <summary>When it was created.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last written.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? UpdatedAt { get; init; }

    internal static AttributeResource From(CustomerAttribute a) => new()
    {
        Name = a.Name,
        Type = a.Type,
        Kind = a.Kind,
        Label = a.Label,
        Description = a.Description,
        Values = a.Values,
        Sensitive = a.Sensitive ? true : null,
        KeepAnonymous = a.KeepAnonymous ? true : null,
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
        attribute.Sensitive = Sensitive == true;
        attribute.KeepAnonymous = KeepAnonymous == true;
        attribute.UpdatedAt = now;
    }
}
