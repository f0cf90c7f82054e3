namespace Segmentation.Api.Customers;

/// <summary>What an import did; of a dry run, what it would have done.</summary>
/// <param name="Received">Lines that were not blank; a CSV's header apart.</param>
/// <param name="Created">Customers that were created.</param>
/// <param name="Updated">Lines that changed a customer who was there already, by an earlier line too.</param>
/// <param name="Rejected">Lines that were rejected, each for itself.</param>
/// <param name="Ignored">Columns or properties that were not taken, since they are read-only, as <c>value.orderCount</c>.</param>
/// <param name="Errors">The first 100 of the rejected lines.</param>
public sealed record ImportResult(
    long Received, long Created, long Updated, long Rejected, IReadOnlyList<string> Ignored, IReadOnlyList<LineError> Errors);

/// <summary>Why a line was rejected. Names fields, never their values.</summary>
/// <param name="Line">Its number in the file; the first is 1.</param>
/// <param name="Message">What is wrong with it, and what to send in its place.</param>
public sealed record LineError(int Line, string Message);
