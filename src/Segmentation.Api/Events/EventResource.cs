using System.Text.Json;
using Segmentation.Rules.Values;
using static Segmentation.Api.Customers.Normalization;

namespace Segmentation.Api.Events;

/// <summary>Something a customer did, as the API shows and takes it. Null is the same as leaving out.</summary>
public sealed class EventResource
{
    /// <summary>
    /// The caller's own, unique for the customer: an event sent twice is stored once, the first kept. Made when left out.
    /// </summary>
    public string? Id { get; set; }

    /// <summary>Who did it.</summary>
    public string? CustomerId { get; set; }

    /// <summary>What happened: order_completed. Compares without regard to case.</summary>
    public string? Type { get; set; }

    /// <summary>When; now when left out. At most 5 minutes ahead of the service's clock, and then taken as now.</summary>
    public DateTimeOffset? OccurredAt { get; set; }

    /// <summary>Exact decimal, in account currency.</summary>
    public decimal? Amount { get; set; }

    /// <summary>Three letters (ISO 4217). Kept, not converted.</summary>
    public string? Currency { get; set; }

    /// <summary>Where it happened: web, store, email.</summary>
    public string? Channel { get; set; }

    /// <summary>Whatever else there is to say: a JSON object, kept as sent.</summary>
    public JsonElement? Properties { get; set; }

    /// <summary>An event as it was sent.</summary>
    public static EventResource From(CustomerEvent e, string customerId) => new()
    {
        Id = e.Id,
        CustomerId = customerId,
        Type = e.TypeSent ?? e.Type,
        OccurredAt = e.OccurredAt,
        Amount = e.Amount,
        Currency = e.Currency,
        Channel = e.ChannelSent ?? e.Channel,
        Properties = e.PropertiesSent ?? e.Properties,
    };

    /// <summary>The event that this says. Only for what <see cref="EventValidator"/> found no fault in.</summary>
    internal CustomerEvent ToEvent(DateTimeOffset now)
    {
        var (type, channel) = (CaseNormalizer.Normalize(Type!), CaseNormalizer.Normalize(Channel));
        var original = Properties is { ValueKind: JsonValueKind.Object } ? Properties : null;
        var folded = original is { } properties ? EventProperties.FoldTexts(properties) : null;
        return new CustomerEvent
        {
            Id = Id ?? Guid.CreateVersion7().ToString(),
            OccurredAt = OccurredAt is { } at && at < now ? at : now,
            Type = type,
            TypeSent = type == Type ? null : Type,
            Amount = Amount,
            Channel = channel,
            ChannelSent = channel == Channel ? null : Channel,
            Currency = Currency,
            Properties = folded ?? original,
            PropertiesSent = folded is null ? null : original,
        };
    }

    /// <summary>Brings what was sent into the form that is stored. The properties stay as they are.</summary>
    internal void Normalize() =>
        (Type, Channel, Currency) = (NormalizeText(Type), NormalizeText(Channel), NormalizeText(Currency)?.ToUpperInvariant());
}
