using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Rules;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Segments;

/// <summary>THE table of what a rule may ask of one event.</summary>
public static class EventFields
{
    public const int PropertyNameMaxLength = 256;

    public static readonly FieldCatalog<CustomerEvent> Catalog = new(
        [
            Field("type", FieldType.Text, "Type", "What happened: order_completed.", (e, x) => e.Type),
            Field("occurredAt", FieldType.Instant, "Occurred at", "When it happened.", (e, x) => e.OccurredAt),
            Field("amount", FieldType.Decimal, "Amount", "Exact decimal, in account currency.", (e, x) => e.Amount),
            Field("channel", FieldType.Text, "Channel", "Where it happened: web, store, email.", (e, x) => e.Channel),
            Field("hourOfDay", FieldType.Integer, "Hour of day", "0 to 23, in the customer's time zone, else the segment's.", (e, x) => LocalTime.Hour(e.OccurredAt, e.Customer.Geographic.TimeZone ?? x.ZoneId)),
            Field("dayOfWeek", FieldType.Integer, "Day of week", "1 Monday to 7 Sunday, in the customer's time zone, else the segment's.", (e, x) => LocalTime.DayOfWeek(e.OccurredAt, e.Customer.Geographic.TimeZone ?? x.ZoneId)),
            Field("month", FieldType.Integer, "Month", "1 to 12, in the customer's time zone, else the segment's.", (e, x) => LocalTime.Month(e.OccurredAt, e.Customer.Geographic.TimeZone ?? x.ZoneId)),
        ],
        name => name.StartsWith("properties.", StringComparison.Ordinal) && name.Length <= PropertyNameMaxLength && !name.EndsWith('.') && !name.Contains("..", StringComparison.Ordinal)
            ? Property(name) : null);

    private static Field Field<TValue>(string name, FieldType type, string label, string description, Expression<Func<CustomerEvent, Evaluation, TValue>> value) =>
        new(name, "event", type, label, description, new ScalarAccess(value));

    // Dots descend into nested objects. The path is the rule's own, so it is a parameter like any value.
    private static Field Property(string name)
    {
        var path = Literal<string[]>.Of(name["properties.".Length..].Split('.'));
        return new Field(name, "event", FieldType.Property, name, "What the event carries.", new PropertyAccess(
            At((properties, p) => JsonValue.Text(properties, p)),
            At((properties, p) => JsonValue.Number(properties, p)),
            At((properties, p) => JsonValue.Boolean(properties, p)),
            At((properties, p) => JsonValue.Exists(properties, p)),
            At((properties, p) => JsonValue.Scalar(properties, p))));

        LambdaExpression At<TValue>(Expression<Func<JsonElement?, string[], TValue>> read)
        {
            var (e, x) = (Expression.Parameter(typeof(CustomerEvent), "e"), Expression.Parameter(typeof(Evaluation), "x"));
            return Expression.Lambda(Splice.Body(read, Expression.Property(e, nameof(CustomerEvent.Properties)), path), e, x);
        }
    }
}
