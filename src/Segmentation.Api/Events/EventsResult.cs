namespace Segmentation.Api.Events;

/// <summary>What became of the events of a request.</summary>
/// <param name="Stored">Those that were new.</param>
/// <param name="Duplicates">Those whose customer has an event of that id already.</param>
/// <param name="Errors">The first of the rejected ones.</param>
public sealed record EventsResult(long Received, long Stored, long Duplicates, long Rejected, IReadOnlyList<EventError> Errors);

/// <summary>Why an event was rejected.</summary>
/// <param name="Line">In NDJSON: the first line is 1.</param>
/// <param name="Index">In an array: the first item is 0.</param>
public sealed record EventError(int? Line, int? Index, string Message);
