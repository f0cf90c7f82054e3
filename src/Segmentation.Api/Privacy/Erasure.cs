using System.Text.Json;

namespace Segmentation.Api.Privacy;

/// <summary>
/// That somebody was erased: a receipt, which says what went and what is left to do, and not who it was.
/// </summary>
public sealed class Erasure
{
    /// <summary>What stands in the place of a text that named somebody who was erased.</summary>
    internal const string Blank = "[erased]";

    /// <summary>In the order in which they were asked for.</summary>
    public long Id { get; set; }

    /// <summary><c>er_</c> and 22 random characters.</summary>
    public required string Receipt { get; set; }
    public ErasureKind Kind { get; set; }
    public DateTimeOffset RequestedAt { get; set; }

    /// <summary>When nothing was left to do; null before.</summary>
    public DateTimeOffset? CompletedAt { get; set; }

    /// <summary>Who asked for it, as the audit log names them.</summary>
    public required string By { get; set; }

    /// <summary>How many rows went, by what they were.</summary>
    public JsonElement Removed { get; set; }

    /// <summary>The present definitions that compare with its id or email, such as <c>segments/vip</c>: for somebody to change.</summary>
    public string[] Definitions { get; set; } = [];

    /// <summary>Marks of what these compare with, by which is found that they no longer do; null where there are none.</summary>
    public byte[][]? Marks { get; set; }

    /// <summary>Whether the statistics of the tables were made anew since.</summary>
    public bool IsAnalyzed { get; set; }
}

/// <summary>What was done with somebody.</summary>
public enum ErasureKind
{
    /// <summary>It was deleted, with all that was held of it.</summary>
    Erase,

    /// <summary>What tells who it is was taken out of it; the rest stays, under an id that leads nowhere.</summary>
    Anonymize,
}

/// <summary>An erasure that has something left to do. It goes when that is done.</summary>
public sealed class QueuedErasure
{
    public long ErasureId { get; set; }

    /// <summary>The key that the customer had; no other ever has it. An anonymous one keeps it, so that it is here only
    /// while events of it are left, else <see cref="OrderKey"/>.</summary>
    public long CustomerKey { get; set; }

    /// <summary>By which the outbox orders messages about it: a hash of the id that it had.</summary>
    public long OrderKey { get; set; }

    /// <summary>Whether events of it may be left to delete, or to make anonymous.</summary>
    public bool HasEvents { get; set; }

    /// <summary>The visitors of whom impressions are left, and, as the last, its own id; null for none. They stand here no longer than in
    /// the impressions.</summary>
    public string[]? Visitors { get; set; }

    /// <summary>The last impression that there was: those after it are of whoever comes anew.</summary>
    public long? LastImpression { get; set; }
}

/// <summary>A customer's id that was erased, as a mark: what occurred before, and files from before, don't bring it back.</summary>
public sealed class ErasedId
{
    /// <summary>See <see cref="Audit.CustomerMarks"/>.</summary>
    public required byte[] IdHmac { get; set; }
    public DateTimeOffset At { get; set; }

    /// <summary>Its last erasure, whose receipt a repeated request gets again.</summary>
    public long? ErasureId { get; set; }
}
