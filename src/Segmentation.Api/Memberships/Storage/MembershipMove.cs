using Segmentation.Api.Changes;

namespace Segmentation.Api.Memberships;

/// <summary>A customer that joins a segment or leaves it.</summary>
internal readonly record struct MembershipMove(SegmentPlan Segment, long CustomerKey, bool Joined, MembershipCause Cause, string? EventId);
