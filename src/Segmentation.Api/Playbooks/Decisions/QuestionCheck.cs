using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>Checks requests for decisions.</summary>
public sealed class QuestionCheck(TimeZones zones, EventValidator events)
{
    /// <summary>What the ids of visitors and customers are.</summary>
    internal const string IdRule = $"An id {CustomerIds.Requirement}.";

    private const int MaxPlacements = 50, MaxEvents = 100, MaxCustom = 50, CustomDepth = 10, MaxConsents = 100, VisitIdLength = 128;

    /// <summary>The question that a request is, explanations left out.</summary>
    /// <exception cref="ApiProblem">400, with every fault at its place.</exception>
    internal Question Check(DecisionRequest request)
    {
        List<RuleError> errors = [];
        CheckIds(request, errors);
        CheckPlacements(request.Placements, errors);
        CheckConsents(request.Consents, errors);
        CheckEvents(request, errors);
        var context = CheckContext(request.Context ?? new ContextResource(), errors);
        if (request is { Record: true, At: not null })
        {
            errors.Add(new RuleError("/at", "What is recorded is seen now: leave at out, or send \"record\": false."));
        }

        return errors.Count > 0 ? throw ApiProblem.Invalid(errors) : new Question
        {
            CustomerId = request.CustomerId,
            VisitorId = request.VisitorId ?? request.CustomerId!,
            Placements = request.Placements is { } keys ? [.. keys.Distinct(StringComparer.Ordinal).OfType<string>()] : null,
            Context = context,
            Custom = context.Custom is { } custom ? EventProperties.Fold(custom, out _) ?? custom : null,
            Events = [.. (request.Events ?? []).DistinctBy(e => e.Id)],
            Consents = (request.Consents ?? new Dictionary<string, bool?>()).ToDictionary(c => c.Key, c => c.Value!.Value),
            Record = request.Record == true,
            At = request.At is { } at ? LocalTime.Truncate(at) : null,
        };
    }

    private static void CheckIds(DecisionRequest request, List<RuleError> errors)
    {
        if (request.CustomerId is null && request.VisitorId is null)
        {
            errors.Add(new RuleError("/visitorId", "A decision is for somebody: send visitorId, customerId or both."));
        }

        foreach (var (id, pointer) in new[] { (request.CustomerId, "/customerId"), (request.VisitorId, "/visitorId") })
        {
            if (id is not null && !CustomerIds.IsValid(id) && !(pointer == "/customerId" && CustomerIds.CanExist(id)))
            {
                errors.Add(new RuleError(pointer, IdRule));
            }
        }
    }

    private static void CheckPlacements(string?[]? placements, List<RuleError> errors)
    {
        if (placements is { Length: 0 or > MaxPlacements })
        {
            errors.Add(new RuleError("/placements", $"placements must hold the keys of 1 to {MaxPlacements} placements."));
        }

        errors.AddRange((placements ?? []).Index().Where(p => p.Item is null)
            .Select(p => new RuleError($"/placements/{p.Index}", "A placement's key is a string.")));
    }

    private static void CheckConsents(IReadOnlyDictionary<string, bool?>? consents, List<RuleError> errors)
    {
        if (consents?.Count > MaxConsents)
        {
            errors.Add(new RuleError("/consents", $"{MaxConsents} purposes at most."));
        }

        foreach (var (purpose, granted) in consents ?? new Dictionary<string, bool?>())
        {
            if (!CustomerNames.IsValid(purpose))
            {
                errors.Add(new RuleError(
                    RuleError.Below("/consents", purpose), "A purpose is a letter, then up to 62 letters, digits or underscores."));
            }
            else if (granted is null)
            {
                errors.Add(new RuleError(RuleError.Below("/consents", purpose), "Must be true or false."));
            }
        }
    }

    private void CheckEvents(DecisionRequest request, List<RuleError> errors)
    {
        if (request.Events?.Count > MaxEvents)
        {
            errors.Add(new RuleError("/events", $"{MaxEvents} events at most."));
            return;
        }

        foreach (var (i, e) in (request.Events ?? []).Index())
        {
            var pointer = $"/events/{i}";
            if (e is null)
            {
                errors.Add(new RuleError(pointer, "Must be an object."));
                continue;
            }

            if (e.Id is null)
            {
                errors.Add(new RuleError(pointer + "/id", "id is missing: an event that is stored already counts once by it."));
            }

            var owner = request.CustomerId ?? request.VisitorId;
            if (e.CustomerId is not null && e.CustomerId != owner)
            {
                errors.Add(new RuleError(pointer + "/customerId", "customerId is that of the request: leave it out."));
            }

            e.CustomerId = CustomerIds.IsValid(owner) ? owner : "any";
            errors.AddRange(events.Check(e).Select(f => new RuleError(pointer + f.Pointer, f.Message)));
        }
    }

    private ContextResource CheckContext(ContextResource context, List<RuleError> errors)
    {
        Require(Json.MeasureSent(context) <= ContextResource.MaxBytes, "", $"A context has {ContextResource.MaxBytes / 1024} KiB at most.");
        var zone = context.TimeZone is null ? null : zones.Canonical(context.TimeZone.Trim());
        Require(context.TimeZone is null || zone is not null, "/timeZone", TimeZones.Rule);
        Require(
            context.Country is null || Geographic.IsCountry(context.Country), "/country", "A country is two letters (ISO 3166-1 alpha-2).");
        Require(
            context.Device is null || ContextFields.Devices.Contains(CaseNormalizer.Normalize(context.Device)),
            "/device",
            $"A device is one of {string.Join(", ", ContextFields.Devices)}.");
        Require(
            context.Location is null or { Latitude: >= -90 and <= 90, Longitude: >= -180 and <= 180 },
            "/location",
            "A location has a latitude from -90 to 90 and a longitude from -180 to 180.");
        Require(
            context.Visit?.Id is not { } visit || (visit.Length is > 0 and <= VisitIdLength && !visit.Any(char.IsControl) && IsText(visit)),
            "/visit/id",
            $"A visit's id has 1 to {VisitIdLength} characters, none of them a control character.");
        Require(context.Visit?.Number is null or >= 1, "/visit/number", "number is which visit this is, from 1.");
        Require(context.Visit?.PageViews is null or >= 0, "/visit/pageViews", "pageViews is a number of pages, from 0.");
        if (context.Custom is { } custom)
        {
            Require(
                custom.ValueKind == JsonValueKind.Object && custom.EnumerateObject().Count() <= MaxCustom,
                "/custom",
                $"custom is an object of {MaxCustom} names at most.");
            var unfit = Json.Unfit(custom, CustomDepth);
            Require(unfit is null, "/custom", unfit ?? "");
        }

        return context with { TimeZone = zone };

        void Require(bool holds, string place, string message)
        {
            if (!holds)
            {
                errors.Add(new RuleError("/context" + place, message));
            }
        }
    }

    // Half a surrogate pair has no UTF-8.
    private static bool IsText(string text) => text.EnumerateRunes().All(r => r.Value != 0xFFFD) || text.Contains('\uFFFD');
}
