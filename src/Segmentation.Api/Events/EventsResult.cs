namespace Segmentation.Api.Events;

/// <summary>What became of the events of a request.</summary>
/// <param name="Received">How many events there were.</param>
/// <param name="Stored">How many were new, and were stored.</param>
/// <param name="Duplicates">How many were not stored, because their customer has an event with the same id already.</param>
/// <param name="Rejected">How many were rejected.</param>
/// <param name="CreatedCustomers">How many customers were created, whom nothing was known of: a misspelt customerId makes one.</param>
/// <param name="Errors">Why the first 100 of them were rejected.</param>
public sealed record EventsResult(
    long Received, long Stored, long Duplicates, long Rejected, long CreatedCustomers, IReadOnlyList<EventError> Errors);

/// <summary>Why an event was rejected.</summary>
/// <param name="Line">Its line in NDJSON; the first is 1.</param>
/// <param name="Index">Its place in an array; the first is 0.</param>
/// <param name="Pointer">A JSON Pointer to the first that is wrong: in the array, as <c>/3/occurredAt</c>, or in the line's event.</param>
/// <param name="Message">What is wrong with it. Names fields, never their values.</param>
public sealed record EventError(int? Line, int? Index, string Pointer, string Message);
