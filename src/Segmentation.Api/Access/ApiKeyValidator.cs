using FluentValidation;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Access;

/// <summary>Checks an API key as it is sent.</summary>
internal sealed class ApiKeyValidator : AbstractValidator<ApiKeyResource>
{
    public ApiKeyValidator()
    {
        RuleFor(k => k.Name)
            .Must(n => !string.IsNullOrWhiteSpace(n) && n.Length <= ApiKey.NameMaxLength && !n.Any(char.IsControl))
            .OverridePropertyName("/name").WithMessage($"name must have 1 to {ApiKey.NameMaxLength} characters, none of them a control "
                + "character.");
        RuleFor(k => k.Scopes).Must(s => s is { Length: > 0 }).OverridePropertyName("/scopes")
            .WithMessage($"scopes must have at least one of: {string.Join(", ", Scopes.OfKeys)}.");
        RuleForEach(k => k.Scopes).Must(s => s is not null && Scopes.OfKeys.Contains(s)).OverridePropertyName("/scopes")
            .WithMessage((_, s) => s == Scopes.Self
                ? "self is for tokens alone: an API key never goes into a browser."
                : $"This must be one of: {string.Join(", ", Scopes.OfKeys)}."
                    + (s is not null && NearestName.Find(s, Scopes.OfKeys) is { } near ? $" Did you mean \"{near}\"?" : ""));
        RuleFor(k => k.Limits!.PerSecond).InclusiveBetween(1, ApiKeyLimits.MaxPerSecond).When(k => k.Limits is not null)
            .OverridePropertyName("/limits/perSecond")
            .WithMessage($"perSecond must be an integer from 1 to {ApiKeyLimits.MaxPerSecond}.");
        RuleFor(k => k.Limits!.Burst).InclusiveBetween(1, ApiKeyLimits.MaxBurst).When(k => k.Limits is not null)
            .OverridePropertyName("/limits/burst").WithMessage($"burst must be an integer from 1 to {ApiKeyLimits.MaxBurst}.");
        RuleFor(k => k.Origins).Must(o => o is null || o.Length <= ApiKey.OriginsMaxItems).OverridePropertyName("/origins")
            .WithMessage($"origins must have at most {ApiKey.OriginsMaxItems} items.");
        RuleForEach(k => k.Origins).Must(o => OriginFault(o) is null).OverridePropertyName("/origins")
            .WithMessage((_, o) => $"This must be {OriginFault(o)}.");
    }

    private static string? OriginFault(string? origin) => origin is null || origin.Length > ApiKey.OriginMaxLength
        ? $"an origin of at most {ApiKey.OriginMaxLength} characters"
        : Http.Origins.Check(origin);
}
