using System.Text.Json;

namespace Segmentation.Api.Analyses;

/// <summary>Work that reads everybody: what was asked, how far it is, what came of it.</summary>
public sealed class Analysis
{
    /// <summary>How many may wait.</summary>
    public const int MaxWaiting = 100;

    /// <summary>How often one is begun: once more after a restart cut it short.</summary>
    public const int MaxAttempts = 2;

    public const int TypeMaxLength = 32;

    /// <summary>A UUIDv7: their order is that of their making.</summary>
    public required string Id { get; set; }

    public required string Type { get; set; }

    /// <summary>As its type understands it, with what holds where it was left out.</summary>
    public JsonElement Request { get; set; }

    /// <summary>SHA-256 of the request: of those that wait or run each is there once.</summary>
    public required byte[] Fingerprint { get; set; }

    public AnalysisStatus Status { get; set; }

    /// <summary>0 to 1.</summary>
    public double Progress { get; set; }

    /// <summary>How often it was begun; what an attempt writes holds only while it is the last.</summary>
    public int Attempts { get; set; }

    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset? StartedAt { get; set; }
    public DateTimeOffset? FinishedAt { get; set; }

    public JsonElement? Result { get; set; }

    /// <summary>The result with what it leaves out, where it leaves out anything.</summary>
    public JsonElement? WholeResult { get; set; }

    public JsonElement? Problem { get; set; }
    public JsonElement? Warnings { get; set; }
}

/// <summary>
/// How far an analysis is. <c>queued</c>: others run before it. <c>cancelled</c>: it was deleted while somebody waited for it.
/// </summary>
public enum AnalysisStatus { Queued, Running, Succeeded, Failed, Cancelled }
