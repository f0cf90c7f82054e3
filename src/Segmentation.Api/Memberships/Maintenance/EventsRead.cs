namespace Segmentation.Api.Memberships;

/// <summary>What some rules read of events: their types and times, amounts, and this.</summary>
/// <param name="Types">Those whose events they count; null for all.</param>
/// <param name="Channel">Whether they read channels.</param>
/// <param name="Carrying">The types of whose events they read properties; null for all.</param>
/// <param name="Properties">Those properties, by their names at the top.</param>
internal sealed record EventsRead(IReadOnlySet<string>? Types, bool Channel, IReadOnlySet<string>? Carrying, IReadOnlySet<string> Properties);
