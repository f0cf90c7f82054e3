namespace Segmentation.Api.Memberships;

/// <summary>What some rules read of events, besides their times and amounts.</summary>
/// <param name="Types">The types of the only events that they count; null for all.</param>
/// <param name="Channel">Whether they read channels.</param>
/// <param name="Sentiment">Whether they read sentiments, or what those are from.</param>
/// <param name="PropertyTypes">The types of the only events of which they read properties; null for all.</param>
/// <param name="Properties">Those properties, by their names at the top level.</param>
internal sealed record EventsRead(
    IReadOnlySet<string>? Types, bool Channel, bool Sentiment, IReadOnlySet<string>? PropertyTypes, IReadOnlySet<string> Properties);
