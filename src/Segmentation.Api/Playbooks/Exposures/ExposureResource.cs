using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Experiments;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>What a visitor has seen at once.</summary>
public sealed record ExposureResource
{
    /// <summary>Exposures of one visitor at once.</summary>
    public const int MaxExposures = 1000;

    /// <summary>Any id of the browser or device, of the form of a customer's; that of the customer when left out.</summary>
    public string? VisitorId { get; init; }

    /// <summary>The customer's id, where it is known. One of the two is needed; with both the visitor is linked to the customer: the first
    /// link stays.</summary>
    public string? CustomerId { get; init; }

    /// <summary>With the scope <c>decisions:public</c>, which needs it for a customer: as in <c>POST /decisions</c>.</summary>
    public string? CustomerProof { get; init; }

    /// <summary>The visit's id, 1 to 128 characters.</summary>
    public string? VisitId { get; init; }

    /// <summary>When it was seen; now when left out. Up to 5 minutes ahead of the service's clock is taken as now, more is an
    /// error.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>Your own id, unique for the visitor, 1 to 128 characters: sent again with it nothing is recorded.</summary>
    public string? Id { get; init; }

    /// <summary>The texts that decisions gave, as they are, 1 to 1,000: <c>play:PLACEMENT/PLAYBOOK@VERSION/PLAY</c> and
    /// <c>experiment:KEY@RUN=VARIANT</c>.</summary>
    [Needed]
    public IReadOnlyList<string?>? Exposures { get; init; }

    /// <summary>What is wrong with it, its exposures apart, which are each refused by itself.</summary>
    internal IEnumerable<RuleError> Check(DateTimeOffset now)
    {
        if (VisitorId is null && CustomerId is null)
        {
            yield return new RuleError("/visitorId", "An exposure is somebody's: send visitorId, customerId or both.");
        }

        foreach (var (pointer, id) in new[] { ("/visitorId", VisitorId), ("/customerId", CustomerId) })
        {
            if (id is not null && !CustomerIds.IsValid(id))
            {
                yield return new RuleError(pointer, QuestionCheck.IdRule);
            }
        }

        foreach (var (name, text) in new[] { ("visitId", VisitId), ("id", Id) })
        {
            if (text is not null && (text.Length is 0 or > ExperimentUnit.IdMaxLength || text.Any(char.IsControl)))
            {
                yield return new RuleError($"/{name}", $"{name} must have 1 to 128 characters, none of them a control character.");
            }
        }

        if (At - now > EventValidator.MaxAhead)
        {
            yield return new RuleError("/at", "at must not be more than 5 minutes ahead.");
        }

        if (Exposures is null || Exposures.Count is 0 or > MaxExposures)
        {
            yield return new RuleError("/exposures", $"exposures must hold 1 to {MaxExposures} texts, as decisions give them.");
        }
    }

    /// <summary>The same as it is recorded. Only of what <see cref="Check"/> found no fault in.</summary>
    internal IncomingExposures ToIncoming(DateTimeOffset now, int ordinal) => new(
        VisitorId ?? CustomerId!, CustomerId, VisitId, At is { } at && at < now ? LocalTime.Truncate(at) : now, Id, Exposures!, ordinal);
}

/// <summary>What a visitor has seen, on its way in.</summary>
/// <param name="exposures">The texts.</param>
/// <param name="ordinal">Its number in the request: a line or an index.</param>
public sealed class IncomingExposures(
    string visitorId,
    string? customerId,
    string? visitId,
    DateTimeOffset at,
    string? id,
    IReadOnlyList<string?> exposures,
    int ordinal = 0)
{
    public string VisitorId => visitorId;
    public string? CustomerId => customerId;
    public string? VisitId => visitId;
    public DateTimeOffset At => at;
    public string? Id => id;
    public IReadOnlyList<string?> Exposures => exposures;
    public int Ordinal => ordinal;

    internal Impression ToImpression(PlayExposure play) => new()
    {
        VisitorId = visitorId,
        CustomerId = customerId,
        VisitId = visitId,
        At = at,
        Placement = play.Placement,
        Playbook = play.Playbook,
        Version = play.Version,
        Play = play.Play,
    };

    /// <summary>The unit that it makes of an experiment; null where that splits customers, and none is known.</summary>
    internal ExperimentUnit? ToUnit(KnownExperiment experiment, KnownRun run, string variant) =>
        (run.Unit == ExperimentUnitKind.Customer ? customerId : visitorId) is not { } unit ? null : new ExperimentUnit
        {
            ExperimentId = experiment.Id,
            Run = run.Number,
            Unit = unit,
            Variant = variant,
            At = at,
            VisitorId = visitorId,
            CustomerId = customerId,
        };
}

/// <summary>What became of the exposures of a request.</summary>
/// <param name="Received">How many exposures there were: texts, not visitors.</param>
/// <param name="Recorded">How many were recorded.</param>
/// <param name="Duplicates">How many were not, because they are there: the visitor's <c>id</c> was sent before, or the unit was exposed in
/// this run at the same time or before.</param>
/// <param name="Rejected">How many were rejected.</param>
/// <param name="Errors">Why the first 100 of them were rejected.</param>
public sealed record ExposuresResult(
    long Received, long Recorded, long Duplicates, long Rejected, IReadOnlyList<ExposureError> Errors);

/// <summary>Why exposures were rejected.</summary>
/// <param name="Line">The line in NDJSON; the first is 1.</param>
/// <param name="Index">The place in an array; the first is 0.</param>
/// <param name="Pointer">A JSON Pointer to what is wrong: in the array, as <c>/3/exposures/0</c>, or in the one object that was sent, or in
/// the line's.</param>
/// <param name="Message">What is wrong with it.</param>
public sealed record ExposureError(int? Line, int? Index, string Pointer, string Message);
