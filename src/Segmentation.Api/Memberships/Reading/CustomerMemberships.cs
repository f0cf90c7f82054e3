namespace Segmentation.Api.Memberships;

/// <summary>The segments whose stored membership contains a customer.</summary>
/// <param name="Segments">Their ids.</param>
/// <param name="DefinitionsVersion">The version of the definitions that it is of.</param>
/// <param name="Watermark">Everything that was committed before this instant is in it.</param>
public sealed record CustomerMemberships(int[] Segments, long DefinitionsVersion, DateTimeOffset Watermark);

/// <summary>The number of members of a segment whose membership is stored, and of all customers.</summary>
/// <param name="Watermark">Everything that was committed before this instant is in it.</param>
public sealed record StoredSize(int Size, long Customers, DateTimeOffset Watermark);
