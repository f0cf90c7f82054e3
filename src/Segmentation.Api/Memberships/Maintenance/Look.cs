using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

internal sealed record EventTrigger(string Type, string Id);

/// <summary>A customer to look at.</summary>
internal sealed class Look(SegmentSet scope)
{
    public SegmentSet Scope => scope;

    public MembershipCause Cause { get; set; }

    public List<EventTrigger>? Events { get; set; }

    /// <summary>Nothing was written but events that occurred since then.</summary>
    public DateTimeOffset Since { get; set; } = DateTimeOffset.MaxValue;

    /// <summary>It is no more, as far as is known.</summary>
    public bool Erased { get; set; }

    public bool IsConcerned => Erased || !scope.IsEmpty;

    /// <summary>Why it joins or leaves: the last event that the segment reads, or what else was written.</summary>
    public (MembershipCause Cause, string? EventId) Reason(SegmentPlan segment, MembershipPlan plan) =>
        Events?.LastOrDefault(e => plan.OfEvent(e.Type).Contains(segment.Place)) is { Id: { } id } ? (MembershipCause.Event, id)
        : Cause == MembershipCause.Event ? (Cause, Events?[^1].Id)
        : (Cause, null);
}

/// <summary>A customer that is being looked at, and when it is to be looked at again.</summary>
/// <param name="Stored">The segments whose stored membership has it, when all that was found is written.</param>
internal sealed record EvaluatedCustomer(Customer Customer, Look Look, SegmentSet Stored)
{
    public DateTimeOffset? Due { get; private set; }

    /// <summary>Its events are too many to be loaded: those rules that read them are asked in SQL.</summary>
    public bool IsHeavy => Customer.EventCount > CustomerSnapshots.MaxEvents;

    /// <summary>The earliest holds.</summary>
    public void SetDue(DateTimeOffset? due) => Due = due is null || Due < due ? Due : due;
}
