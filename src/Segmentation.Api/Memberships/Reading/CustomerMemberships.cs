using Segmentation.Api.Changes;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>The segments whose stored membership contains a customer.</summary>
/// <param name="Segments">Their ids.</param>
/// <param name="Stays">How long it has been in each of them, in the same order.</param>
/// <param name="DefinitionsVersion">The version of the definitions that it is of.</param>
/// <param name="Watermark">Everything that was committed before this instant is in it.</param>
public sealed record CustomerMemberships(
    int[] Segments, MembershipStay[] Stays, long DefinitionsVersion, DateTimeOffset Watermark);

/// <summary>A customer's present time in a segment.</summary>
/// <param name="Since">When it joined.</param>
/// <param name="Cause">Why.</param>
/// <param name="Version">The version that the segment's definition had then.</param>
public sealed record MembershipStay(DateTimeOffset Since, MembershipCause Cause, int Version);

/// <summary>A segment that a customer is in.</summary>
/// <param name="Stay">Null where the membership is not stored, or not yet.</param>
public sealed record CustomerMembership(SegmentDefinition Segment, MembershipStay? Stay);

/// <summary>The number of members of a segment whose membership is stored, and of all customers.</summary>
/// <param name="Watermark">Everything that was committed before this instant is in it.</param>
public sealed record StoredSize(int Size, long Customers, DateTimeOffset Watermark);
