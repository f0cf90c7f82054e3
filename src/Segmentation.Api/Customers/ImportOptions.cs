namespace Segmentation.Api.Customers;

/// <summary>What a line of an import does to a customer that is there already.</summary>
public enum ImportMode
{
    /// <summary>It changes what it names and keeps the rest; an empty cell or a null removes.</summary>
    Merge,

    /// <summary>It is the whole customer: what it does not name is removed.</summary>
    Replace,
}

/// <summary>How a file of customers is read, and what is done with it.</summary>
/// <param name="Csv">Whether it is CSV; else NDJSON.</param>
/// <param name="Mode">What a line does to a customer that is there already.</param>
/// <param name="DryRun">Whether all is checked and counted, and nothing written.</param>
/// <param name="Hides">Whether the sender lacks the scope <c>privacy</c>: what is sensitive is neither named nor removed.</param>
/// <param name="Recreate">Whether customers that were erased are made anew; else their lines are rejected.</param>
public sealed record ImportOptions(
    bool Csv, ImportMode Mode = ImportMode.Merge, bool DryRun = false, bool Hides = false, bool Recreate = false);

/// <summary>How far an import is.</summary>
/// <param name="Received">Lines that were not blank; a CSV's header apart.</param>
public readonly record struct ImportCounts(long Received, long Created, long Updated, long Rejected);

/// <summary>A line that was rejected.</summary>
/// <param name="Line">The first line is 1.</param>
/// <param name="Message">Why.</param>
/// <param name="Record">The line itself, in UTF-8 unless that is what is wrong with it.</param>
/// <param name="IsReadable">Whether it could be cut into fields.</param>
/// <param name="CustomerId">Whose it is; null where that can't be told.</param>
internal sealed record RejectedLine(int Line, string Message, byte[] Record, bool IsReadable, string? CustomerId);
