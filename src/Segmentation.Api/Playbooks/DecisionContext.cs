using System.Text.Json;
using Segmentation.Api.Events;
using Segmentation.Rules.Events;

namespace Segmentation.Api.Playbooks;

/// <summary>What is happening now, as rules read it: texts folded. What was not sent is null.</summary>
internal sealed class DecisionContext
{
    /// <summary>The zone of hours and days: that which was sent, else the customer's; null for the playbook's.</summary>
    public string? TimeZone { get; init; }
    public string? Country { get; init; }
    public string? Region { get; init; }
    public string? City { get; init; }
    public string? Language { get; init; }
    public double? Latitude { get; init; }
    public double? Longitude { get; init; }
    public string? Device { get; init; }
    public string? Os { get; init; }
    public string? Browser { get; init; }
    public string? Channel { get; init; }
    public string? Page { get; init; }
    public string? Referrer { get; init; }
    public string? Campaign { get; init; }
    public string? Source { get; init; }
    public string? Medium { get; init; }

    /// <summary>Whether the customer is stored.</summary>
    public bool Known { get; init; }
    public int? VisitNumber { get; init; }
    public int? PageViews { get; init; }
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>Whatever else the application knows: an object, folded.</summary>
    public JsonElement? Custom { get; init; }

    /// <summary>The events that were sent with the request.</summary>
    public KeyedList<CustomerEvent> Events { get; init; } = [];
}
