using FluentValidation;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Webhooks;

/// <summary>What a webhook must be; whether its segments exist is asked where it is saved.</summary>
internal sealed class WebhookValidator : AbstractValidator<WebhookResource>
{
    public WebhookValidator(WebhookOptions options)
    {
        RuleFor(w => w.Url).Must(IsUrl).OverridePropertyName("/url")
            .WithMessage($"A webhook needs a url: absolute, http or https, {Webhook.UrlMaxLength} characters at most, without a user's name, password or fragment.");
        RuleFor(w => w.Url).Must(u => options.AllowPrivateAddresses || !IsUrl(u) || !PublicAddress.IsRefused(new Uri(u!))).OverridePropertyName("/url")
            .WithMessage("The url leads to a private address, which is not allowed here (the setting Webhooks:AllowPrivateAddresses).");
        RuleFor(w => w.Secret).Must(s => s is null || WebhookSignature.Bytes(s) is not null).OverridePropertyName("/secret").WithMessage(WebhookSignature.Rule);
        RuleFor(w => w.Segments).Must(s => s is null || s.Length <= Webhook.SegmentsMaxItems).OverridePropertyName("/segments").WithMessage($"A webhook names {Webhook.SegmentsMaxItems} segments at most.");
        RuleForEach(w => w.Segments).Must(k => k is not null && System.Text.RegularExpressions.Regex.IsMatch(k, Segment.KeyPattern) && !k.EndsWith('\n')).OverridePropertyName("/segments").WithMessage("This is no segment's key.");
        RuleFor(w => w.Description).Must(t => t is null || (t.Length <= Webhook.DescriptionMaxLength && !t.Contains('\0', StringComparison.Ordinal))).OverridePropertyName("/description")
            .WithMessage($"A text of {Webhook.DescriptionMaxLength} characters at most, without NUL.");
    }

    private static bool IsUrl(string? url) => url is { Length: <= Webhook.UrlMaxLength } && !url.Any(c => char.IsControl(c) || char.IsWhiteSpace(c))
        && Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri is { Scheme: "http" or "https", UserInfo: "", Fragment: "", Host.Length: > 0 };
}
