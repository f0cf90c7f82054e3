using System.Linq.Expressions;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Rules;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>THE table of an event's fields, as rules read them.</summary>
public static class EventFields
{
    private static readonly Field[] fields =
    [
        Field("type", FieldType.Text, "Type", "What happened: order_completed.", (e, x) => e.Type),
        Field("occurredAt", FieldType.Instant, "Time", "When it happened.", (e, x) => e.OccurredAt),
        Field("amount", FieldType.Decimal, "Amount", "Exact decimal, in account currency.", (e, x) => e.Amount),
        Field("channel", FieldType.Text, "Channel", "Where it happened: web, store, email.", (e, x) => e.Channel),
        Field("sentiment", FieldType.Decimal, "Sentiment",
            "Of feedback: -1 to 1, three decimals, by its score or else its text; missing where nobody can tell.", (e, x) => e.Sentiment),
        Field("sentimentSource", FieldType.Text, "Sentiment source", "What the sentiment is from: score, model or words.",
            (e, x) => e.SentimentSource) with
        {
            Values = SentimentSources.All,
            Check = text => SentimentSources.All.Contains(CaseNormalizer.Normalize(text))
                ? null
                : $"sentimentSource must be one of {string.Join(", ", SentimentSources.All)}, not {ErrorText.Quote(text)}.",
        },
        Field("hourOfDay", FieldType.Integer, "Hour of day", "0 to 23, in the customer's time zone, else the segment's.",
            (e, x) => LocalTime.Hour(e.OccurredAt, e.Customer.Geographic.TimeZone ?? x.ZoneId)) with { Range = (0, 23) },
        Field("dayOfWeek", FieldType.Integer, "Day of week", "1 Monday to 7 Sunday, in the customer's time zone, else the segment's.",
            (e, x) => LocalTime.DayOfWeek(e.OccurredAt, e.Customer.Geographic.TimeZone ?? x.ZoneId)) with { Range = (1, 7) },
        Field("month", FieldType.Integer, "Month", "1 to 12, in the customer's time zone, else the segment's.",
            (e, x) => LocalTime.Month(e.OccurredAt, e.Customer.Geographic.TimeZone ?? x.ZoneId)) with { Range = (1, 12) },
    ];

    public static readonly FieldCatalog<CustomerEvent> Catalog = With((e, path) => JsonValue.Text(e.Properties, path));

    /// <summary>The same for loaded events, of which many rules may read the same text.</summary>
    public static readonly FieldCatalog<CustomerEvent> Loaded = With((e, path) => e.PropertyText(path));

    private static FieldCatalog<CustomerEvent> With(Expression<Func<CustomerEvent, string[], string?>> text) => new(
        fields,
        name => OpenProperty.Create("properties.", name, "event", "What the event carries.", e => e.Properties, text));

    private static Field Field<TValue>(
        string name, FieldType type, string label, string description, Expression<Func<CustomerEvent, Evaluation, TValue>> value) =>
            new(name, "event", type, label, description, new ScalarAccess(value));
}
