using FluentValidation;
using FluentValidation.Results;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Playbooks;

/// <summary>What a playbook must be by itself; its rules and what it names are checked by <see cref="PlaybookSet"/>.</summary>
internal sealed class PlaybookValidator : AbstractValidator<PlaybookResource>
{
    public PlaybookValidator(TimeZones zones, Limits limits)
    {
        PlaybookTexts.AddChecks(this, p => p.Key, p => p.Name, p => p.Description, p => p.Tags);
        RuleFor(p => p.Goal).Must(t => Texts.Fits(t, Segment.TextMaxLength)).OverridePropertyName("/goal")
            .WithMessage(Texts.TooLong(Segment.TextMaxLength));
        RuleFor(p => p.TimeZone).Must(z => zones.Resolve(z) is not null).OverridePropertyName("/timeZone").WithMessage(TimeZones.Rule);
        RuleFor(p => p.Priority).InclusiveBetween(0, 1000).OverridePropertyName("/priority")
            .WithMessage("A priority is an integer from 0 to 1000.");
        RuleFor(p => p.RequiresConsent).Must(c => string.IsNullOrWhiteSpace(c) || CustomerNames.IsValid(c.Trim()))
            .OverridePropertyName("/requiresConsent")
            .WithMessage("A purpose of consent is a letter, then up to 62 letters, digits or underscores.");
        RuleFor(p => p.EndsAt).Must((p, end) => end is null || p.StartsAt is null || p.StartsAt < end).OverridePropertyName("/endsAt")
            .WithMessage("endsAt must be after startsAt.");
        RuleFor(p => p.Plays).Must(p => p is null || p.Count <= limits.PlaybookPlays).OverridePropertyName("/plays")
            .WithMessage($"A playbook has {limits.PlaybookPlays} plays at most.");
        RuleFor(p => p.Plays).Custom((plays, context) =>
        {
            foreach (var (i, play) in (plays ?? []).Index())
            {
                foreach (var (place, fault) in FindFaults(play, plays!.Take(i), limits.ContentBytes))
                {
                    context.AddFailure(new ValidationFailure($"/plays/{i}{place}", fault));
                }
            }
        });
        RuleFor(p => p).Must(p => Json.MeasureSent(p) <= limits.PlaybookBytes).OverridePropertyName("")
            .WithMessage($"A playbook has {limits.PlaybookBytes} bytes of JSON at most.");
    }

    private static IEnumerable<(string Place, string Fault)> FindFaults(
        PlayResource? play, IEnumerable<PlayResource> before, int contentBytes)
    {
        if (play is null)
        {
            yield return ("", "Must be an object.");
            yield break;
        }

        if (!PlaybookTexts.IsKey(play.Key))
        {
            yield return ("/key", PlaybookTexts.KeyRule);
        }
        else if (before.Any(p => p?.Key == play.Key))
        {
            yield return ("/key", "Another play of the playbook has this key.");
        }

        if (!PlaybookTexts.IsKey(play.Placement))
        {
            yield return ("/placement", "A play needs the key of a placement.");
        }

        if (play.Content is not null && (play.Experiment is not null || play.Contents is not null))
        {
            yield return ("/content", "A play has content, or an experiment with contents: not both.");
        }
        else if (play.Content is null && play.Experiment is null && play.Contents is null)
        {
            yield return ("/content", "A play needs content, or an experiment with contents.");
        }
        else if (play.Content is null && play.Contents is null)
        {
            yield return ("/contents", "An experiment needs contents: what each of its variants shows.");
        }
        else if (play.Content is null && play.Experiment is null)
        {
            yield return ("/experiment", "Contents need an experiment that chooses among them.");
        }

        foreach (var (place, content) in Contents(play))
        {
            if (PlaybookTexts.FindContentFault(type: null, content, contentBytes) is { } fault)
            {
                yield return (place, fault);
            }
        }

        if (play.Caps?.Count > CapResource.MostOfPlay)
        {
            yield return ("/caps", $"A play has {CapResource.MostOfPlay} caps at most.");
        }

        foreach (var (i, cap) in (play.Caps ?? []).Index())
        {
            if (cap?.Fits != true)
            {
                yield return ($"/caps/{i}", "A cap is {\"max\",\"per\"}: max from 1; per {\"amount\",\"unit\"} with minute, hour, day or "
                    + "week, a year at most, or \"visit\", or \"ever\".");
            }
        }
    }

    /// <summary>All that a play may show, each with its place in it.</summary>
    internal static IEnumerable<(string Place, System.Text.Json.JsonElement Content)> Contents(PlayResource play)
    {
        if (play.Content is { } one)
        {
            yield return ("/content", one);
        }

        foreach (var (variant, content) in play.Contents ?? new Dictionary<string, System.Text.Json.JsonElement?>())
        {
            if (content is { } shown)
            {
                yield return (Rules.Checking.RuleError.Below("/contents", variant), shown);
            }
        }
    }
}
