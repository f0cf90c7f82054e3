using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;

namespace Segmentation.Api.Playbooks;

/// <summary>Who asks, and what is happening.</summary>
public sealed record DecisionRequest
{
    /// <summary>The customer's id, where it is known who it is.</summary>
    public string? CustomerId { get; init; }

    /// <summary>With the scope <c>decisions:public</c>, which needs it for a customer: hex HMAC-SHA256 of <c>customerId</c>, whose key is
    /// the API key's <c>secret</c>, whole. Ignored elsewhere.</summary>
    public string? CustomerProof { get; init; }

    /// <summary>An id of the browser or device, of the same form; <c>customerId</c> when left out. One of both is needed.</summary>
    public string? VisitorId { get; init; }

    /// <summary>The keys of 1 to 50 placements; all active ones when left out.</summary>
    public string?[]? Placements { get; init; }

    /// <summary>What is happening: what is not sent is missing to rules.</summary>
    public ContextResource? Context { get; init; }

    /// <summary>What was done in this visit: at most 100 events, each with an <c>id</c>. They count as if they had been stored an instant
    /// ago, and are not stored.</summary>
    public IReadOnlyList<EventResource>? Events { get; init; }

    /// <summary>Consents by purpose. From a stored customer these can only take away.</summary>
    public IReadOnlyDictionary<string, bool?>? Consents { get; init; }

    /// <summary>Records all exposures of the answer before it is given, for pages that are rendered on the server: they need not be sent to
    /// <c>POST /exposures</c>. False when left out.</summary>
    public bool? Record { get; init; }

    /// <summary>Says of every play why it won or not. Needs <c>segments:read</c>. False when left out.</summary>
    public bool? Explain { get; init; }

    /// <summary>The instant to decide as of; now when left out. Not with <c>record</c>.</summary>
    public DateTimeOffset? At { get; init; }
}

/// <summary>What is happening now: each property is the field <c>context.NAME</c> of rules, but for <c>timeZone</c> and <c>visit.id</c>. 16
/// KiB at most.</summary>
public sealed record ContextResource
{
    /// <summary>Bytes of it, as JSON.</summary>
    internal const int MaxBytes = 16 * 1024;

    /// <summary>The IANA name of the zone of hours and days: the customer's when left out, else the playbook's.</summary>
    public string? TimeZone { get; init; }

    /// <summary>Two letters (ISO 3166-1 alpha-2), such as DE.</summary>
    public string? Country { get; init; }

    /// <summary>Free text: a state or province.</summary>
    public string? Region { get; init; }

    /// <summary>Free text.</summary>
    public string? City { get; init; }

    /// <summary>Free text; BCP 47 by custom.</summary>
    public string? Language { get; init; }
    public LocationResource? Location { get; init; }

    /// <summary><c>desktop</c>, <c>mobile</c>, <c>tablet</c>, <c>tv</c> or <c>other</c>.</summary>
    public string? Device { get; init; }

    /// <summary>The operating system; free text.</summary>
    public string? Os { get; init; }

    /// <summary>Free text.</summary>
    public string? Browser { get; init; }

    /// <summary>Free text, such as web or app.</summary>
    public string? Channel { get; init; }

    /// <summary>The page, as it is to be compared.</summary>
    public string? Page { get; init; }

    /// <summary>Where the visitor came from, as it is to be compared.</summary>
    public string? Referrer { get; init; }

    /// <summary>Free text.</summary>
    public string? Campaign { get; init; }

    /// <summary>Free text: where the visit came from.</summary>
    public string? Source { get; init; }

    /// <summary>Free text: how it came.</summary>
    public string? Medium { get; init; }
    public VisitResource? Visit { get; init; }

    /// <summary>Whatever else the application knows: a JSON object of at most 50 names; <c>context.custom.NAME</c> of rules.</summary>
    public JsonElement? Custom { get; init; }
}

/// <summary>The visit.</summary>
public sealed record VisitResource
{
    /// <summary>1 to 128 characters: whose impressions count as this visit's.</summary>
    public string? Id { get; init; }

    /// <summary>Which visit this is, from 1.</summary>
    public int? Number { get; init; }

    /// <summary>Pages seen in it.</summary>
    public int? PageViews { get; init; }

    /// <summary>When it began.</summary>
    public DateTimeOffset? StartedAt { get; init; }
}
