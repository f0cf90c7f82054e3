using Segmentation.Api.Changes;

namespace Segmentation.Api.History;

/// <summary>Whether a customer joined or left.</summary>
public enum MembershipChange { Joined, Left }

/// <summary>A customer's joining or leaving.</summary>
/// <param name="CustomerId">The customer's id.</param>
/// <param name="Change">Whether the customer joined or left.</param>
/// <param name="At">When.</param>
/// <param name="Cause">Why.</param>
/// <param name="EventId">The id of the event that caused it, where one did.</param>
/// <param name="Version">The segment's version that caused it, where the cause is <c>definition</c>.</param>
public sealed record SegmentChange(
    string CustomerId, MembershipChange Change, DateTimeOffset At, MembershipCause Cause, string? EventId, int? Version);

/// <summary>A segment that a customer joined or left.</summary>
/// <param name="Segment">The segment's key.</param>
/// <param name="Change">Whether the customer joined or left.</param>
/// <param name="At">When.</param>
/// <param name="Cause">Why.</param>
/// <param name="EventId">The id of the event that caused it, where one did.</param>
/// <param name="Version">The segment's version that caused it, where the cause is <c>definition</c>.</param>
public sealed record CustomerChange(
    string Segment, MembershipChange Change, DateTimeOffset At, MembershipCause Cause, string? EventId, int? Version);
