using System.Text.RegularExpressions;
using FluentValidation;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Webhooks;

/// <summary>Checks a webhook; whether its segments exist is checked where it is saved.</summary>
internal sealed class WebhookValidator : AbstractValidator<WebhookResource>
{
    public WebhookValidator(WebhookOptions options)
    {
        RuleFor(w => w.Url).Must(IsUrl).OverridePropertyName("/url").WithMessage(
            $"url must be an absolute http or https URL of at most {Webhook.UrlMaxLength} characters, "
            + "without user name, password and fragment.");
        RuleFor(w => w.Url).Must(u => options.AllowHttp || !IsUrl(u) || new Uri(u!).Scheme == Uri.UriSchemeHttps)
            .OverridePropertyName("/url")
            .WithMessage("url must begin with https://. For a receiver on your own machine start with --Webhooks:AllowHttp=true "
                + "--Webhooks:AllowPrivateAddresses=true.");
        RuleFor(w => w.Url)
            .Must(u => options.AllowPrivateAddresses || !IsUrl(u) || !PublicAddress.IsRefused(new Uri(u!)))
            .OverridePropertyName("/url")
            .WithMessage("url leads to a private address, which the setting Webhooks:AllowPrivateAddresses does not allow.");
        RuleFor(w => w.Secret).Must(s => s is null || WebhookSignature.Decode(s) is not null).OverridePropertyName("/secret")
            .WithMessage(WebhookSignature.SecretFormat);
        RuleFor(w => w.Segments).Must(s => s is null || s.Length <= Webhook.SegmentsMaxItems).OverridePropertyName("/segments")
            .WithMessage($"segments must have at most {Webhook.SegmentsMaxItems} items.");
        RuleForEach(w => w.Segments).Must(IsSegmentKey).OverridePropertyName("/segments").WithMessage("This must be the key of a segment.");
        RuleFor(w => w.Description).Must(IsDescription).OverridePropertyName("/description")
            .WithMessage($"description must have at most {Webhook.DescriptionMaxLength} characters, and no NUL.");
    }

    private static bool IsUrl(string? url) =>
        url is { Length: <= Webhook.UrlMaxLength } && !url.Any(c => char.IsControl(c) || char.IsWhiteSpace(c))
            && Uri.TryCreate(url, UriKind.Absolute, out var uri)
            && uri is { Scheme: "http" or "https", UserInfo: "", Fragment: "", Host.Length: > 0 };

    private static bool IsSegmentKey(string? key) => key is not null && Regex.IsMatch(key, Segment.KeyPattern) && !key.EndsWith('\n');

    private static bool IsDescription(string? text) =>
        text is null || (text.Length <= Webhook.DescriptionMaxLength && !text.Contains('\0', StringComparison.Ordinal));
}
