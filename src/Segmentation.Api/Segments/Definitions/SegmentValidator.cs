using System.Linq.Expressions;
using System.Text.RegularExpressions;
using FluentValidation;
using Segmentation.Api.Data;
using static Segmentation.Api.Segments.Texts;

namespace Segmentation.Api.Segments;

/// <summary>What a segment must be, its rule apart, which the compiler checks.</summary>
internal sealed class SegmentValidator : AbstractValidator<SegmentResource>
{
    public SegmentValidator(TimeZones zones)
    {
        RuleFor(s => s.Key).Must(k => k is null || (Regex.IsMatch(k, Segment.KeyPattern) && !k.EndsWith('\n'))).OverridePropertyName("/key")
            .WithMessage("A key is 1 to 63 lowercase letters, digits and hyphens, and starts with no hyphen.");
        Text(s => s.Name, "/name", Segment.NameMaxLength);
        Text(s => s.Description, "/description", Segment.TextMaxLength);
        Text(s => s.Goal, "/goal", Segment.TextMaxLength);
        RuleFor(s => s.TimeZone).Must(z => zones.Resolve(z) is not null).OverridePropertyName("/timeZone")
            .WithMessage(TimeZones.Rule);
        RuleFor(s => s.Rule).NotNull().When(s => s.Kind is null or SegmentKind.Rule).OverridePropertyName("/rule")
            .WithMessage("A segment needs a rule, unless its kind is manual.");
        RuleFor(s => s.Rule).Null().When(s => s.Kind == SegmentKind.Manual).OverridePropertyName("/rule")
            .WithMessage("A manual segment has no rule: its members are added by hand.");
        RuleFor(s => s.Tags).Must(t => t is null || t.Length <= Segment.TagsMaxItems).OverridePropertyName("/tags")
            .WithMessage($"A segment has {Segment.TagsMaxItems} tags at most.");
        RuleForEach(s => s.Tags).Must(t => !string.IsNullOrWhiteSpace(t) && Fits(t, Segment.TagMaxLength)).OverridePropertyName("/tags")
            .WithMessage($"A tag is a text of 1 to {Segment.TagMaxLength} characters.");
    }

    private void Text(Expression<Func<SegmentResource, string?>> text, string pointer, int maxLength) =>
        RuleFor(text).Must(t => Fits(t, maxLength)).OverridePropertyName(pointer).WithMessage(TooLong(maxLength));
}
