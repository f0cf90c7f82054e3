namespace Segmentation.Api.Customers;

/// <summary>What an import did.</summary>
/// <param name="Received">Lines that were not blank; a CSV's header apart.</param>
/// <param name="Errors">The first of the rejected lines.</param>
public sealed record ImportResult(long Received, long Created, long Updated, long Rejected, IReadOnlyList<LineError> Errors);

/// <summary>Why a line was rejected. Names fields, never their values.</summary>
/// <param name="Line">The first line is 1.</param>
public sealed record LineError(int Line, string Message);
