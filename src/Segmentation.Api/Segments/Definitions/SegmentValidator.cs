using FluentValidation;
using Segmentation.Api.Data;

namespace Segmentation.Api.Segments;

/// <summary>What a segment must be, its rule apart, which the compiler checks.</summary>
internal sealed class SegmentValidator : AbstractValidator<SegmentResource>
{
    public SegmentValidator(TimeZones zones)
    {
        RuleFor(s => s.Key).Matches(Segment.KeyPattern).Must(k => k?.EndsWith('\n') != true).OverridePropertyName("/key").WithMessage("A key is 1 to 63 small letters, digits and hyphens, and starts with no hyphen.");
        Text(s => s.Name, "/name", Segment.NameMaxLength);
        Text(s => s.Description, "/description", Segment.TextMaxLength);
        Text(s => s.Goal, "/goal", Segment.TextMaxLength);
        RuleFor(s => s.TimeZone).Must(z => string.IsNullOrWhiteSpace(z) || zones.Canonical(z.Trim()) is not null).OverridePropertyName("/timeZone")
            .WithMessage(TimeZones.Rule);
        RuleFor(s => s.Rule).NotNull().When(s => s.Kind is null or SegmentKind.Rule).OverridePropertyName("/rule")
            .WithMessage("A segment needs a rule, unless its kind is manual.");
        RuleFor(s => s.Rule).Null().When(s => s.Kind == SegmentKind.Manual).OverridePropertyName("/rule")
            .WithMessage("A manual segment has no rule: its members are put in by hand.");
        RuleFor(s => s.Tags).Must(t => t is null || t.Length <= Segment.TagsMaxItems).OverridePropertyName("/tags").WithMessage($"A segment has {Segment.TagsMaxItems} tags at most.");
        RuleForEach(s => s.Tags).Must(t => !string.IsNullOrWhiteSpace(t) && t.Length <= Segment.TagMaxLength && !t.Contains('\0', StringComparison.Ordinal)).OverridePropertyName("/tags")
            .WithMessage($"A tag is a text of 1 to {Segment.TagMaxLength} characters.");
    }

    private void Text(System.Linq.Expressions.Expression<Func<SegmentResource, string?>> text, string pointer, int max) =>
        RuleFor(text).Must(t => t is null || (t.Length <= max && !t.Contains('\0', StringComparison.Ordinal))).OverridePropertyName(pointer)
            .WithMessage($"A text of {max} characters at most, without NUL.");
}
