using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;

namespace Segmentation.Api.Playbooks;

/// <summary>A request for decisions that was checked.</summary>
internal sealed record Question
{
    public string? CustomerId { get; init; }

    /// <summary>The customer's where none was sent.</summary>
    public required string VisitorId { get; init; }

    /// <summary>The placements' keys, each once; null for all active ones.</summary>
    public IReadOnlyList<string>? Placements { get; init; }

    /// <summary>The context as sent, its zone in its own spelling.</summary>
    public required ContextResource Context { get; init; }

    /// <summary>The application's own, folded.</summary>
    public JsonElement? Custom { get; init; }

    /// <summary>The events as sent, each id once.</summary>
    public IReadOnlyList<EventResource> Events { get; init; } = [];

    /// <summary>By purpose.</summary>
    public IReadOnlyDictionary<string, bool> Consents { get; init; } = new Dictionary<string, bool>();

    /// <summary>The instant to decide as of; null for now.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>Whether the exposures of the answer are recorded before it is given.</summary>
    public bool Record { get; init; }

    /// <summary>Whether each play is explained.</summary>
    public bool Explain { get; init; }

    /// <summary>Whether explanations show what the customer has.</summary>
    public bool ShowActual { get; init; }

    /// <summary>What explanations must not tell.</summary>
    public SensitiveFields Hidden { get; init; } = SensitiveFields.None;

    public string? VisitId => Context.Visit?.Id;
}
