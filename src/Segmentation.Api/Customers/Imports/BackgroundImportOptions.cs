namespace Segmentation.Api.Customers;

/// <summary>Setting <c>Imports</c>: imports in the background.</summary>
public sealed class BackgroundImportOptions
{
    /// <summary>Where a file is held until it has been stored; the system's own folder for such when left out.</summary>
    public string? Directory { get; set; }

    /// <summary>Bytes of one file at most, unpacked.</summary>
    public int MaxFileBytes { get; set; } = 2_000_000_000;

    /// <summary>Files that wait or are being stored in one process, at most.</summary>
    public int MaxFiles { get; set; } = 10;
}
