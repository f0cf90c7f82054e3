using Segmentation.Api.Changes;

namespace Segmentation.Api.History;

public enum MembershipChange { Joined, Left }

/// <summary>A customer's joining or leaving.</summary>
/// <param name="EventId">Of the event that caused it, where one did.</param>
/// <param name="Version">The segment's version that caused it, where the cause is <c>definition</c>.</param>
public sealed record SegmentChange(
    string CustomerId, MembershipChange Change, DateTimeOffset At, MembershipCause Cause, string? EventId, int? Version);

/// <summary>A segment that a customer joined or left.</summary>
/// <param name="Segment">The segment's key.</param>
/// <param name="EventId">Of the event that caused it, where one did.</param>
/// <param name="Version">The segment's version that caused it, where the cause is <c>definition</c>.</param>
public sealed record CustomerChange(
    string Segment, MembershipChange Change, DateTimeOffset At, MembershipCause Cause, string? EventId, int? Version);
