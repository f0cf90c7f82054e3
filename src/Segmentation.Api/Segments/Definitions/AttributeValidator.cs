using FluentValidation;
using Segmentation.Api.Customers;
using static Segmentation.Api.Segments.Texts;

namespace Segmentation.Api.Segments;

internal sealed class AttributeValidator : AbstractValidator<AttributeResource>
{
    public static readonly string[] Types = ["text", "integer", "decimal", "boolean", "date", "instant", "set"];

    private const int ValueMaxLength = 256;

    public AttributeValidator()
    {
        RuleFor(a => a.Name).Must(n => n is not null && CustomerNames.IsValid(n)).OverridePropertyName("/name")
            .WithMessage("A name is 1 to 63 letters, digits and underscores, and starts with a letter.");
        RuleFor(a => a.Type).Must(t => Types.Contains(t)).OverridePropertyName("/type")
            .WithMessage($"A type is one of {string.Join(", ", Types)}.");
        RuleFor(a => a.Kind).Must(k => CustomerFields.Kinds.Contains(k)).OverridePropertyName("/kind")
            .WithMessage($"A kind is one of {string.Join(", ", CustomerFields.Kinds)}.");
        RuleFor(a => a.Label).Must(t => Fits(t, CustomerAttribute.LabelMaxLength)).OverridePropertyName("/label")
            .WithMessage(TooLong(CustomerAttribute.LabelMaxLength));
        RuleFor(a => a.Description).Must(t => Fits(t, CustomerAttribute.DescriptionMaxLength)).OverridePropertyName("/description")
            .WithMessage(TooLong(CustomerAttribute.DescriptionMaxLength));
        RuleFor(a => a.Values).Must(v => v is null || AreValid(v)).OverridePropertyName("/values")
            .WithMessage($"A list of {CustomerAttribute.ValuesMaxItems} texts at most, of {ValueMaxLength} characters each.");
    }

    private static bool AreValid(string[] values) =>
        values.Length <= CustomerAttribute.ValuesMaxItems && values.All(v => v is not null && Fits(v, ValueMaxLength));
}
