using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Rules;

namespace Segmentation.Api.Memberships;

/// <summary>That a customer is to be evaluated, for which segments, and why.</summary>
/// <param name="scope">The segments that may have changed for it.</param>
internal sealed class EvaluationRequest(SegmentSet scope)
{
    public SegmentSet Scope => scope;

    public MembershipCause Cause { get; set; }

    public List<TriggeringEvent>? Events { get; set; }

    /// <summary>Nothing was written but events that occurred since then.</summary>
    public DateTimeOffset Since { get; set; } = DateTimeOffset.MaxValue;

    /// <summary>By the change log the customer no longer exists, or is anonymous since.</summary>
    public bool Erased { get; set; }

    public bool IsNeeded => Erased || !scope.IsEmpty;

    /// <summary>Why it joins or leaves a segment: that it is anonymous; that it may not be in it, or may be again; else the last event that
    /// the segment reads, or what else was written.</summary>
    /// <param name="joins">Whether it joins.</param>
    public (MembershipCause Cause, string? EventId) Reason(
        SegmentPlan segment, MembershipPlan plan, Customer customer, Evaluation at, bool joins) =>
        Erased ? (MembershipCause.Erased, null)
        : !joins && customer.RestrictedAt is not null ? (MembershipCause.Restriction, null)
        : !joins && plan.Definitions.LacksConsent(segment.Segment, customer, at) ? (MembershipCause.Consent, null)
        : LastEvent(segment, plan) is { Id: { } id } ? (MembershipCause.Event, id)
        : Cause == MembershipCause.Event ? (Cause, Events?[^1].Id)
        : Cause == MembershipCause.Consent && !(joins && plan.Definitions.RequiresConsent(segment.Segment))
            ? (MembershipCause.Profile, null)
        : (Cause, null);

    /// <summary>The last of its events that may change a segment; null for none.</summary>
    public TriggeringEvent? LastEvent(SegmentPlan segment, MembershipPlan plan) =>
        Events?.LastOrDefault(e => plan.AffectedByEvent(e.Type).Contains(segment.Ordinal));
}

/// <summary>An event for which a customer is evaluated.</summary>
internal sealed record TriggeringEvent(string Type, string? Id);
