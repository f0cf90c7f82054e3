using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Rules;

namespace Segmentation.Api.Memberships;

/// <summary>That a customer is to be evaluated, for which segments, and why.</summary>
/// <param name="scope">The segments that may have changed for it.</param>
internal sealed class EvaluationRequest(SegmentSet scope)
{
    private static readonly string[] ofConsents = [nameof(Customer.Consents), nameof(Customer.ConsentsGranted)];
    private static readonly IReadOnlySet<string> ofRestriction = CustomerColumns.MadeBy(Maker.Restriction);
    private bool onlyConsents = true;
    private bool onlyRestriction = true;

    public SegmentSet Scope => scope;

    public MembershipCause Cause { get; set; }

    public List<TriggeringEvent>? Events { get; set; }

    /// <summary>Nothing was written but events that occurred since then.</summary>
    public DateTimeOffset Since { get; set; } = DateTimeOffset.MaxValue;

    /// <summary>The customer no longer exists, by the change log.</summary>
    public bool Erased { get; set; }

    public bool IsNeeded => Erased || !scope.IsEmpty;

    /// <summary>Takes note of what was written of it.</summary>
    /// <param name="changed">The members of a customer; null for any.</param>
    public void AddChanged(string[]? changed)
    {
        onlyConsents &= changed?.All(ofConsents.Contains) == true;
        onlyRestriction &= changed?.All(ofRestriction.Contains) == true;
    }

    /// <summary>Why it joins or leaves a segment: that it may not be in it or may be again; else the last event that the segment reads, or
    /// what else was written.</summary>
    /// <param name="joins">Whether it joins.</param>
    public (MembershipCause Cause, string? EventId) Reason(
        SegmentPlan segment, MembershipPlan plan, Customer customer, Evaluation at, bool joins) =>
        (joins ? onlyRestriction : customer.RestrictedAt is not null) ? (MembershipCause.Restriction, null)
        : segment.RequiresConsent && (joins ? onlyConsents : !segment.HasConsents(customer, at)) ? (MembershipCause.Consent, null)
        : LastEvent(segment, plan) is { Id: { } id } ? (MembershipCause.Event, id)
        : Cause == MembershipCause.Event ? (Cause, Events?[^1].Id)
        : (Cause, null);

    /// <summary>The last of its events that may change a segment; null for none.</summary>
    public TriggeringEvent? LastEvent(SegmentPlan segment, MembershipPlan plan) =>
        Events?.LastOrDefault(e => plan.AffectedByEvent(e.Type).Contains(segment.Ordinal));
}

/// <summary>An event for which a customer is evaluated.</summary>
internal sealed record TriggeringEvent(string Type, string Id);
