namespace Segmentation.Api.Customers;

/// <summary>A field that the user added: customers may carry a value of this type under <c>attributes.NAME</c>.</summary>
public sealed class CustomerAttribute
{
    public const int LabelMaxLength = 128;
    public const int DescriptionMaxLength = 1024;
    public const int ValuesMaxItems = 1000;

    public required string Name { get; set; }

    /// <summary>One of text, integer, decimal, boolean, date, instant, set.</summary>
    public required string Type { get; set; }

    /// <summary>One of the six kinds.</summary>
    public required string Kind { get; set; }
    public string? Label { get; set; }
    public string? Description { get; set; }

    /// <summary>Suggested values, for editors; not enforced.</summary>
    public string[] Values { get; set; } = [];

    /// <summary>Whether its values need the scope <c>privacy</c>.</summary>
    public bool Sensitive { get; set; }

    /// <summary>Whether an anonymous customer keeps its texts, unless it is sensitive.</summary>
    public bool KeepAnonymous { get; set; }

    /// <summary>Whether a value may tell who a customer is: a text that is not said to be kept, or is sensitive.</summary>
    public bool TellsWho => Type is "text" or "set" && (Sensitive || !KeepAnonymous);

    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
}
