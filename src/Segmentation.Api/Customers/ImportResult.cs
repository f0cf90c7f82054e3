namespace Segmentation.Api.Customers;

/// <summary>What an import did.</summary>
/// <param name="Received">How many lines there were; blank ones and a CSV's header are not counted.</param>
/// <param name="Created">How many customers were new.</param>
/// <param name="Updated">How many customers were there already.</param>
/// <param name="Rejected">How many lines were rejected.</param>
/// <param name="Errors">Why the first 100 of them were rejected.</param>
public sealed record ImportResult(long Received, long Created, long Updated, long Rejected, IReadOnlyList<LineError> Errors);

/// <summary>Why a line was rejected. Names fields, never their values.</summary>
/// <param name="Line">The line's number; the first is 1.</param>
/// <param name="Message">What is wrong with it.</param>
public sealed record LineError(int Line, string Message);
