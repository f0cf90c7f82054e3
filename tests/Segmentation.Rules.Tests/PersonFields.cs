using System.Globalization;
using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Tests;

public static class PersonFields
{
    public static readonly FieldCatalog<Happening> Events = new(
        [
            Field<Happening, string>("type", FieldType.Text, (e, x) => e.Type),
            Field<Happening, DateTimeOffset>("occurredAt", FieldType.Instant, (e, x) => e.OccurredAt),
            Field<Happening, decimal?>("amount", FieldType.Decimal, (e, x) => e.Amount),
            Field<Happening, string?>("channel", FieldType.Text, (e, x) => e.Channel),
            Field<Happening, int>("hourOfDay", FieldType.Integer, (e, x) => LocalTime.Hour(e.OccurredAt, e.Person.TimeZone ?? x.ZoneId)),
            Field<Happening, int>(
                "dayOfWeek", FieldType.Integer, (e, x) => LocalTime.DayOfWeek(e.OccurredAt, e.Person.TimeZone ?? x.ZoneId)),
            Field<Happening, int>("month", FieldType.Integer, (e, x) => LocalTime.Month(e.OccurredAt, e.Person.TimeZone ?? x.ZoneId)),
        ],
        name => name.StartsWith("properties.", StringComparison.Ordinal) && !name.EndsWith('.') ? Property(name) : null);

    public static readonly FieldCatalog<Person> Catalog = Table(Backend.Memory);

    /// <summary>The same, in the shape that SQL is made of.</summary>
    public static readonly FieldCatalog<Person> SqlCatalog = Table(Backend.Sql);

    private static EventAccess<Person, Happening> Happenings(Backend backend) =>
        new(Events, p => p.Events, e => e.PersonKey, p => p.Key, e => e.OccurredAt, backend, Historical: true);

    private static FieldCatalog<Person> Table(Backend backend) => new(
        [
            Field<Person, string?>("name", FieldType.Text, (p, x) => p.Name),
            Field<Person, string?>("city", FieldType.Text, (p, x) => p.City),
            Field<Person, string?>(
                "country",
                FieldType.Text,
                (p, x) => p.Country) with { Check = text => text.Length == 2 ? null : "country must be two letters." },
            new("age", "test", FieldType.Integer, "Age", "", new OrderedAccess(
                Read<Person, int?>((p, x) => LocalTime.Years(p.Born, x.Today)),
                Read<Person, bool>((p, x) => p.Born == null || p.Born > x.Today),
                Over((p, x, n) => p.Born <= x.LatestBirthDate(n)),
                Over((p, x, n) => p.Born > x.LatestBirthDate(n) && p.Born <= x.Today),
                Over((p, x, n) => p.Born <= x.LatestBirthDate(n + 1)),
                Over((p, x, n) => p.Born > x.LatestBirthDate(n + 1) && p.Born <= x.Today))),
            Field<Person, int?>("children", FieldType.Integer, (p, x) => p.Children),
            Field<Person, decimal?>("points", FieldType.Integer, (p, x) => p.Points),
            Field<Person, decimal?>("income", FieldType.Decimal, (p, x) => p.Income),
            new("average", "test", FieldType.Decimal, "Average", "", new OrderedAccess(
                Read<Person, decimal?>((p, x) => p.Orders.Count == 0 ? null : p.Orders.Total / p.Orders.Count),
                Read<Person, bool>((p, x) => p.Orders.Count == 0),
                Over((p, x, n) => p.Orders.Count != 0 && p.Orders.Total >= n * p.Orders.Count),
                Over((p, x, n) => p.Orders.Count != 0 && p.Orders.Total < n * p.Orders.Count),
                Over((p, x, n) => p.Orders.Count != 0 && p.Orders.Total > n * p.Orders.Count),
                Over((p, x, n) => p.Orders.Count != 0 && p.Orders.Total <= n * p.Orders.Count))),
            new("daysSinceOrder", "test", FieldType.Integer, "Days since order", "", new OrderedAccess(
                Read<Person, int?>((p, x) => LocalTime.DaysBetween(p.OrderedAt, x.AsOf)),
                Read<Person, bool>((p, x) => p.OrderedAt == null),
                Over((p, x, n) => p.OrderedAt <= x.DaysAgo(n)),
                Over((p, x, n) => p.OrderedAt > x.DaysAgo(n)),
                Over((p, x, n) => p.OrderedAt <= x.DaysAgo(n + 1)),
                Over((p, x, n) => p.OrderedAt > x.DaysAgo(n + 1)))),
            Field<Person, bool?>("vip", FieldType.Boolean, (p, x) => p.Vip),
            Field<Person, DateOnly?>("born", FieldType.Date, (p, x) => p.Born),
            Field<Person, DateTimeOffset?>("seenAt", FieldType.Instant, (p, x) => p.SeenAt),
            Field<Person, DateTimeOffset?>("orderedAt", FieldType.Instant, (p, x) => p.OrderedAt),
            Field<Person, DateTimeOffset>("createdAt", FieldType.Instant, (p, x) => p.CreatedAt),
            Field<Person, int>("localHour", FieldType.Integer, (p, x) => LocalTime.Hour(x.AsOf, p.TimeZone ?? x.ZoneId)),
            new("birthday", "test", FieldType.Yearly, "Birthday", "", new YearlyAccess(
                Read<Person, int?>((p, x) => p.Born == null ? null : (p.Born.Value.Month * 100) + p.Born.Value.Day),
                Read<Person, DateOnly?>((p, x) => p.Born))),
            new("anniversary", "test", FieldType.Yearly, "Anniversary", "", new YearlyAccess(
                Read<Person, int?>((p, x) => p.SeenAt == null ? null : LocalTime.MonthDay(p.SeenAt.Value, x.ZoneId)),
                Read<Person, DateTimeOffset?>((p, x) => p.SeenAt))),
            new("tags", "test", FieldType.Set, "Tags", "", new SetAccess(
                Set((p, x, values) => values.All(v => p.Tags.Contains(v))), Set((p, x, values) => values.Any(v => p.Tags.Contains(v))),
                Read<Person, bool>((p, x) => p.Tags.Length == 0), Read<Person, string[]>((p, x) => p.Tags))),
            new("place", "test", FieldType.Point, "Place", "", new PointAccess(
                Read<Person, double?>((p, x) => p.Place == null ? null : p.Place.Value.Latitude),
                Read<Person, double?>((p, x) => p.Place == null ? null : p.Place.Value.Longitude))),
            new("behavioral.events", "test", FieldType.Events, "Events", "", Happenings(backend)),
            new("behavioral.sequence", "test", FieldType.Sequence, "Sequence", "", Happenings(backend)),
            new("segment", "test", FieldType.Segment, "Segment", "", new SegmentAccess(
                (Expression<Func<Person, Evaluation, int, bool>>)((p, x, id) => p.Manual.Contains(id)),
                (Expression<Func<Person, Evaluation, int, bool>>)((p, x, id) => p.Manual.Contains(id)))),
        ],
        name => name.StartsWith("consent.", StringComparison.Ordinal) ? Consent(name["consent.".Length..]) : null);

    private static Field Field<T, TValue>(string name, FieldType type, Expression<Func<T, Evaluation, TValue>> value) =>
        new(name, "test", type, char.ToUpperInvariant(name[0]) + name[1..], "", new ScalarAccess(value));

    private static LambdaExpression Read<T, TValue>(Expression<Func<T, Evaluation, TValue>> lambda) => lambda;

    private static LambdaExpression Over(Expression<Func<Person, Evaluation, decimal, bool>> lambda) => lambda;

    private static LambdaExpression Set(Expression<Func<Person, Evaluation, string[], bool>> lambda) => lambda;

    private static Field Consent(string purpose)
    {
        Expression<Func<Person, string, bool>> granted = (p, name) => p.Consents.Contains(name);
        var x = Expression.Parameter(typeof(Evaluation), "x");
        return new Field($"consent.{purpose}", "consent", FieldType.Boolean, $"Consent to {purpose}", "", new ScalarAccess(
            Expression.Lambda(Splice.Body(granted, granted.Parameters[0], Literal<string>.Create(purpose)), granted.Parameters[0], x)));
    }

    private static Field Property(string name)
    {
        var path = Literal<string[]>.Create(name["properties.".Length..].Split('.'));
        return new Field(name, "event", FieldType.Property, name, "", new PropertyAccess(
            At((e, p) => PropertyText(e, p)), At((e, p) => PropertyNumber(e, p)), At((e, p) => PropertyFlag(e, p)),
            At((e, p) => PropertyExists(e, p)), At((e, p) => PropertyScalar(e, p)), At((e, p) => PropertyLargeNumber(e, p))));

        LambdaExpression At<TValue>(Expression<Func<Happening, string[], TValue>> read) =>
            Expression.Lambda(
                Splice.Body(read, read.Parameters[0], path), read.Parameters[0], Expression.Parameter(typeof(Evaluation), "x"));
    }

    private static string? PropertyText(Happening e, string[] path) =>
        e.At(path) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static decimal? PropertyNumber(Happening e, string[] path) =>
        e.At(path) is { ValueKind: JsonValueKind.Number } number ? RuleNumber.Parse(number) : null;

    private static bool? PropertyFlag(Happening e, string[] path) =>
        e.At(path) is { ValueKind: JsonValueKind.True or JsonValueKind.False } flag ? flag.GetBoolean() : null;

    private static string? PropertyLargeNumber(Happening e, string[] path) =>
        e.At(path) is { ValueKind: JsonValueKind.Number } number ? RuleNumber.ReadDigits(number.GetRawText()) : null;

    private static bool PropertyExists(Happening e, string[] path) => e.At(path) is { ValueKind: not JsonValueKind.Null };

    private static string? PropertyScalar(Happening e, string[] path) => e.At(path) is { ValueKind: not JsonValueKind.Null } value
        ? value.ValueKind == JsonValueKind.Number
            ? RuleNumber.Parse(value)?.ToString("0.#########", CultureInfo.InvariantCulture)
            : value.GetRawText()
        : null;
}
