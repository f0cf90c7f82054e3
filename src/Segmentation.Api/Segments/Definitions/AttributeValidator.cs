using FluentValidation;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;

namespace Segmentation.Api.Segments;

internal sealed class AttributeValidator : AbstractValidator<AttributeResource>
{
    public static readonly string[] Types = ["text", "integer", "decimal", "boolean", "date", "instant", "set"];

    public AttributeValidator()
    {
        RuleFor(a => a.Name).Must(n => n is not null && CustomerNames.IsValid(n)).OverridePropertyName("/name")
            .WithMessage("A name is 1 to 63 letters, digits and underscores, and starts with a letter.");
        RuleFor(a => a.Type).Must(t => Types.Contains(t)).OverridePropertyName("/type").WithMessage($"A type is one of {string.Join(", ", Types)}.");
        RuleFor(a => a.Kind).Must(k => CustomerFields.Kinds.Contains(k)).OverridePropertyName("/kind").WithMessage($"A kind is one of {string.Join(", ", CustomerFields.Kinds)}.");
        RuleFor(a => a.Label).Must(t => Fits(t, CustomerAttribute.LabelMaxLength)).OverridePropertyName("/label").WithMessage($"A text of {CustomerAttribute.LabelMaxLength} characters at most, without NUL.");
        RuleFor(a => a.Description).Must(t => Fits(t, CustomerAttribute.DescriptionMaxLength)).OverridePropertyName("/description").WithMessage($"A text of {CustomerAttribute.DescriptionMaxLength} characters at most, without NUL.");
        RuleFor(a => a.Values).Must(v => v is null || (v.Length <= CustomerAttribute.ValuesMaxItems && v.All(t => t is not null && Fits(t, 256)))).OverridePropertyName("/values")
            .WithMessage($"A list of {CustomerAttribute.ValuesMaxItems} texts at most, of 256 characters each.");
    }

    private static bool Fits(string? text, int max) => text is null || (text.Length <= max && !text.Contains('\0', StringComparison.Ordinal));
}
