namespace Segmentation.Api.Customers;

/// <summary>How far an import in the background is.</summary>
public enum ImportState
{
    /// <summary>Others are ahead of it.</summary>
    Waiting,

    /// <summary>Its lines are being stored.</summary>
    Running,

    /// <summary>It has come to its end; lines may have been rejected.</summary>
    Completed,

    /// <summary>It could not go on; error says why. What was stored stays.</summary>
    Failed,

    /// <summary>It was told to stop. What was stored stays.</summary>
    Canceled,

    /// <summary>The process that ran it has ended. What was stored stays; send the file again.</summary>
    Interrupted,
}

/// <summary>An import in the background. Its file is with the process that took it; what is known of it is here, for any process.</summary>
public sealed class ImportJob
{
    public const int ErrorMaxLength = 1000;

    /// <summary>A UUIDv7, so that ids are in the order of time.</summary>
    public required string Id { get; set; }
    public ImportState State { get; set; }
    public ImportMode Mode { get; set; }
    public bool DryRun { get; set; }
    public bool Csv { get; set; }
    public long Received { get; set; }
    public long Created { get; set; }
    public long Updated { get; set; }
    public long Rejected { get; set; }

    /// <summary>Rejected lines that are kept.</summary>
    public int Kept { get; set; }

    /// <summary>Read-only columns or properties that were not taken.</summary>
    public string[] Ignored { get; set; } = [];

    /// <summary>A CSV's first line, as it was read.</summary>
    public string[] Header { get; set; } = [];

    /// <summary>What separates a CSV's fields.</summary>
    public string Separator { get; set; } = ",";

    /// <summary>Why it failed.</summary>
    public string? Error { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset? StartedAt { get; set; }
    public DateTimeOffset? FinishedAt { get; set; }

    /// <summary>When its process last said that it has it.</summary>
    public DateTimeOffset AliveAt { get; set; }
}

/// <summary>A line that an import in the background rejected: personal data, kept for some days and erased with its customer.</summary>
public sealed class ImportRejection
{
    public long Key { get; set; }
    public required string ImportId { get; set; }
    public int Line { get; set; }
    public required string Message { get; set; }

    /// <summary>The line, as bytes: it may be no text.</summary>
    public required byte[] Record { get; set; }

    /// <summary>Whether it could be cut into fields.</summary>
    public bool IsReadable { get; set; }

    /// <summary>Whose it is; null where that can't be told.</summary>
    public string? CustomerId { get; set; }

    /// <summary>Hashes of the texts in it: it goes with whoever is named by one.</summary>
    public long[] Mentions { get; set; } = [];
}
