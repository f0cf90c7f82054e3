using System.Text.Json;

namespace Segmentation.Api.Playbooks;

/// <summary>A playbook: what a group of customers gets, and when.</summary>
public sealed class Playbook
{
    /// <summary>The database's own key; never leaves the service.</summary>
    public int Id { get; set; }

    /// <summary>The caller's slug.</summary>
    public required string Key { get; set; }

    /// <summary>As it is answered (<see cref="PlaybookResource"/>), without its key and what is read-only.</summary>
    public JsonElement Definition { get; set; }
    public PlaybookStatus Status { get; set; }
    public string[] Tags { get; set; } = [];
    public int PlayCount { get; set; }

    /// <summary>What its rules and plays name (<see cref="PlaybookReferences"/>).</summary>
    public string[] Refers { get; set; } = [];

    /// <summary>Counts the definitions it has had, from 1; the ETag.</summary>
    public int Version { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }

    /// <summary>Makes a definition its next version.</summary>
    /// <param name="definition">Complete.</param>
    internal void Take(PlaybookResource definition, DateTimeOffset now)
    {
        Definition = definition.Write();
        Status = definition.Status!.Value;
        Tags = definition.Tags!;
        PlayCount = definition.Plays!.Count;
        Refers = PlaybookReferences.Find(definition);
        Version++;
        UpdatedAt = now;
    }
}

/// <summary>Whether a playbook applies.</summary>
public enum PlaybookStatus { Draft, Active, Archived }

/// <summary>Whether what a visitor was shown in a visit stays for it.</summary>
public enum PlaybookKeep { None, Visit }

/// <summary>One definition that a playbook has had.</summary>
public sealed class PlaybookVersion
{
    public int PlaybookId { get; set; }
    public int Version { get; set; }
    public JsonElement Definition { get; set; }
    public DateTimeOffset ChangedAt { get; set; }
    public required string ChangedBy { get; set; }

    /// <summary>That which a playbook has now.</summary>
    internal static PlaybookVersion Create(Playbook playbook, string changedBy) => new()
    {
        PlaybookId = playbook.Id,
        Version = playbook.Version,
        Definition = playbook.Definition,
        ChangedAt = playbook.UpdatedAt,
        ChangedBy = changedBy,
    };
}
