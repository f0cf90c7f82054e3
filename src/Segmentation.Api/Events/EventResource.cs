using System.ComponentModel;
using System.Text.Json;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;
using static Segmentation.Api.Customers.Normalization;

namespace Segmentation.Api.Events;

/// <summary>Something a customer did. Null is the same as leaving out.</summary>
public sealed class EventResource
{
    /// <summary>
    /// Your own id, unique for the customer: an event sent twice is stored once, and the first is kept. One is made when left out.
    /// </summary>
    [AlwaysAnswered]
    public string? Id { get; set; }

    /// <summary>The id of the customer that did it.</summary>
    [AlwaysAnswered]
    public string? CustomerId { get; set; }

    /// <summary>What happened, such as order_completed. Upper and lower case are the same.</summary>
    [AlwaysAnswered]
    [Needed]
    public string? Type { get; set; }

    /// <summary>
    /// When it happened; now when left out. Up to 5 minutes ahead of the service's clock is taken as now, more is an error.
    /// </summary>
    [AlwaysAnswered]
    public DateTimeOffset? OccurredAt { get; set; }

    /// <summary>An exact decimal, in the account's currency; rounded to 9 decimals.</summary>
    public decimal? Amount { get; set; }

    /// <summary>Three letters (ISO 4217). Kept, not converted.</summary>
    public string? Currency { get; set; }

    /// <summary>Where it happened, such as web, store or email.</summary>
    public string? Channel { get; set; }

    /// <summary>Whatever else there is to say: a JSON object, kept as sent.</summary>
    public JsonElement? Properties { get; set; }

    /// <summary>Of feedback: how it was felt, -1 to 1, three decimals; missing where nobody can tell.</summary>
    [ReadOnly(true)]
    public decimal? Sentiment { get; set; }

    /// <summary>What the sentiment is from: <c>score</c>, <c>model</c> (a text, by the model that rated texts have taught) or
    /// <c>words</c> (a text in English, by a list of words).</summary>
    [ReadOnly(true)]
    public string? SentimentSource { get; set; }

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
        Sentiment = e.Sentiment,
        SentimentSource = e.SentimentSource,
        Properties = e.PropertiesSent is { } sent ? EventProperties.Restore(sent) : e.Properties,
    };

    /// <summary>The event that this says. Only for what <see cref="EventValidator"/> found no fault in.</summary>
    internal CustomerEvent ToEvent(DateTimeOffset now)
    {
        var (type, channel) = (CaseNormalizer.Normalize(Type!), CaseNormalizer.Normalize(Channel));
        var original = Properties is { ValueKind: JsonValueKind.Object } ? Properties : null;
        var sent = default(JsonElement);
        var folded = original is { } properties ? EventProperties.Fold(properties, out sent) : null;
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
            PropertiesSent = folded is null ? null : sent,
        };
    }

    /// <summary>Brings what was sent into the form that is stored. The properties stay as they are.</summary>
    internal void Normalize() =>
        (Type, Channel, Currency) = (NormalizeText(Type), NormalizeText(Channel), NormalizeText(Currency)?.ToUpperInvariant());
}
