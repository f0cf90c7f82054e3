namespace Segmentation.Api.Memberships;

/// <summary>The segments whose stored membership has a customer.</summary>
/// <param name="Stamp">Of the definitions that it is true of.</param>
public sealed record CustomerMemberships(int[] Segments, long Stamp, DateTimeOffset KeptUntil);

/// <summary>The members of a segment whose membership is stored, and of how many customers.</summary>
/// <param name="KeptUntil">Everything that was committed before this instant is in it.</param>
public sealed record StoredSize(int Size, long Customers, DateTimeOffset KeptUntil);
