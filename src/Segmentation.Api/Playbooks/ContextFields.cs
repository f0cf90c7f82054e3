using System.Linq.Expressions;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Events;
using Segmentation.Rules.Values;
using static Segmentation.Rules.Catalog.FieldType;

namespace Segmentation.Api.Playbooks;

/// <summary>THE table of the context's fields, as the rules of plays read them: a line a field.</summary>
internal static class ContextFields
{
    /// <summary>How the names of the application's own begin.</summary>
    public const string CustomPrefix = "context.custom.";

    /// <summary>The kinds of device.</summary>
    public static readonly string[] Devices = ["desktop", "mobile", "tablet", "tv", "other"];

    /// <summary>The fields, and <c>context.custom.NAME</c>.</summary>
    public static readonly FieldCatalog<DecisionContext> Catalog = new(
    [
        Field("context.hour", Integer, "Hour", "0 to 23: now, in the context's time zone, else the customer's, else the playbook's.",
            (c, x) => LocalTime.Hour(x.AsOf, c.TimeZone ?? x.ZoneId)) with { Range = (0, 23) },
        Field("context.dayOfWeek", Integer, "Day of week", "1 Monday to 7 Sunday, on the same clock.",
            (c, x) => LocalTime.DayOfWeek(x.AsOf, c.TimeZone ?? x.ZoneId)) with { Range = (1, 7) },
        Field("context.month", Integer, "Month", "1 to 12, on the same clock.",
            (c, x) => LocalTime.Month(x.AsOf, c.TimeZone ?? x.ZoneId)) with { Range = (1, 12) },
        Field("context.date", Date, "Date", "Today, on the same clock.", (c, x) => LocalTime.Date(x.AsOf, c.TimeZone ?? x.ZoneId)),
        Field("context.country", Text, "Country", "ISO 3166-1 alpha-2.", (c, x) => c.Country) with
        {
            Pattern = Geographic.CountryPattern,
            Check = text => Geographic.IsCountry(text)
                ? null
                : $"context.country must be a country's two letters (ISO 3166-1 alpha-2), as \"DE\", not {ErrorText.Quote(text)}.",
        },
        Field("context.region", Text, "Region", "State or province; free text.", (c, x) => c.Region),
        Field("context.city", Text, "City", "Free text.", (c, x) => c.City),
        Field("context.language", Text, "Language", "Free text; BCP 47 by custom.", (c, x) => c.Language),
        new("context.location", "context", Point, "Location", "Degrees; within a circle (great-circle distance) or a polygon.",
            new PointAccess(Value(c => c.Latitude), Value(c => c.Longitude))),
        Field("context.device", Text, "Device", "desktop, mobile, tablet, tv or other.", (c, x) => c.Device) with
        {
            Values = Devices,
            Check = text => Devices.Contains(CaseNormalizer.Normalize(text))
                ? null
                : $"context.device must be one of {string.Join(", ", Devices)}, not {ErrorText.Quote(text)}.",
        },
        Field("context.os", Text, "Operating system", "Free text.", (c, x) => c.Os),
        Field("context.browser", Text, "Browser", "Free text.", (c, x) => c.Browser),
        Field("context.channel", Text, "Channel", "Free text: web, app, email.", (c, x) => c.Channel),
        Field("context.page", Text, "Page", "As sent.", (c, x) => c.Page),
        Field("context.referrer", Text, "Referrer", "As sent.", (c, x) => c.Referrer),
        Field("context.campaign", Text, "Campaign", "Free text.", (c, x) => c.Campaign),
        Field("context.source", Text, "Source", "Free text: where the visit came from.", (c, x) => c.Source),
        Field("context.medium", Text, "Medium", "Free text: how it came.", (c, x) => c.Medium),
        Field("context.known", FieldType.Boolean, "Known", "Whether the customer is stored.", (c, x) => c.Known),
        Field("context.visit.number", Integer, "Number of the visit", "Which visit this is, from 1.", (c, x) => c.VisitNumber),
        Field("context.visit.pageViews", Integer, "Page views", "Pages seen in this visit.", (c, x) => c.PageViews),
        Field("context.visit.startedAt", Instant, "Start of the visit", "When this visit began.", (c, x) => c.StartedAt),
        new("context.events", "context", FieldType.Events, "Events of the visit",
            "How many of the events sent with the request satisfy a group of rules over one event, or an aggregate of them.",
            new EventAccess<DecisionContext, CustomerEvent>(
                EventFields.Loaded, c => c.Events, e => 0, c => 0, e => e.OccurredAt, Backend.Memory, Historical: true)),
    ],
    name => OpenProperty.Create<DecisionContext>(
        CustomPrefix, name, "context", "What else the application knows.", c => c.Custom, (c, path) => JsonValue.Text(c.Custom, path)));

    /// <summary>Whether a rule can ask for a member of <c>context.custom</c> by this name: dots descend into what is nested.</summary>
    public static bool CanBeCustom(string name) =>
        name.Length > 0 && name.Length + CustomPrefix.Length <= OpenProperty.NameMaxLength && !name.Any(c => c == '.' || char.IsControl(c));

    private static Field Field<TValue>(
        string name, FieldType type, string label, string description, Expression<Func<DecisionContext, Evaluation, TValue>> value) =>
            new(name, "context", type, label, description, new ScalarAccess(value));

    private static LambdaExpression Value(Expression<Func<DecisionContext, double?>> value) =>
        Expression.Lambda(value.Body, value.Parameters[0], Expression.Parameter(typeof(Evaluation), "x"));
}
