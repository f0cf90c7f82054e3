using System.Linq.Expressions;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;
using static Segmentation.Rules.Catalog.FieldType;

namespace Segmentation.Api.Segments;

/// <summary>
/// THE table of a customer's fields, as rules read them. Checking, compiling, <c>GET /fields</c>, Swagger and the README read it: the
/// README says what else a new field needs.
/// </summary>
public sealed partial class CustomerFields
{
    /// <summary>The six kinds of segmentation, which attributes belong to as well.</summary>
    public static readonly string[] Kinds = ["demographic", "geographic", "psychographic", "behavioral", "temporal", "value"];

    private readonly Dictionary<(Backend, bool), FieldCatalog<Customer>> catalogs;
    private readonly RevenueOptions revenue;
    private readonly FeedbackOptions feedback;

    public CustomerFields(RevenueOptions revenue, FeedbackOptions feedback, SensitiveOptions? sensitive = null)
    {
        (this.revenue, this.feedback) = (revenue, feedback);
        SensitiveNames = sensitive?.Fields ?? [];
        var keys = from backend in Enum.GetValues<Backend>()
                   from historical in new[] { false, true }
                   select (backend, historical);
        catalogs = keys.ToDictionary(
            k => k,
            k => new FieldCatalog<Customer>(
                Table(revenue.OrderTypes, revenue.RefundTypes, Totals(k.historical), k.backend, k.historical),
                name => Consent(name, NoExpiries)));
    }

    /// <summary>The fixed fields that are sensitive.</summary>
    internal IReadOnlyList<string> SensitiveNames { get; }

    /// <summary>
    /// The catalog for a backend and a time: what events add up to is stored as of now, and counted again for an instant in the past.
    /// </summary>
    /// <param name="propensities">The models of propensity; none when left out.</param>
    /// <param name="rfm">The thresholds that RFM scores are by; null where there are none yet.</param>
    /// <param name="expiries">After how many days a consent expires, by purpose; never when left out.</param>
    public FieldCatalog<Customer> Catalog(
        Backend backend, bool historical, IEnumerable<CustomerAttribute> attributes, RfmHistory? rfm = null,
        IEnumerable<PropensityName>? propensities = null, IReadOnlyDictionary<string, int>? expiries = null)
    {
        var catalog = catalogs[(backend, historical)];
        var totals = Totals(historical);
        return (rfm is null ? catalog : catalog.Replace(Rfm(totals, historical, rfm)))
            .With([.. attributes.Select(Attribute), .. (propensities ?? []).Select(p => Propensity(backend, p))])
            .WithOpen(name => Consent(name, expiries ?? NoExpiries));
    }

    private static IReadOnlyDictionary<string, int> NoExpiries { get; } = new Dictionary<string, int>();

    private static IEnumerable<Field> Table(
        string[] orders, string[] refunds, EventTotals totals, Backend backend, bool historical)
    {
        var events = EventAccess(backend, historical);
        return
        [
            Ordered("demographic.age", Integer, "Age", "Whole years at the evaluation's date, in the segment's time zone.",
                (c, x) => LocalTime.Years(c.Demographic.BirthDate, x.Today),
                (c, x) => c.Demographic.BirthDate == null || c.Demographic.BirthDate > x.Today,
                (c, x, n) => c.Demographic.BirthDate <= x.LatestBirthDate(n),
                (c, x, n) => c.Demographic.BirthDate > x.LatestBirthDate(n) && c.Demographic.BirthDate <= x.Today),
            Field("demographic.birthDate", Date, "Birth date", "Date of birth.", (c, x) => c.Demographic.BirthDate),
            Field("demographic.gender", Text, "Gender", "Free text.", (c, x) => c.Demographic.GenderFolded),
            Field("demographic.education", Text, "Education", "Free text.", (c, x) => c.Demographic.EducationFolded),
            Field("demographic.occupation", Text, "Occupation", "Free text.", (c, x) => c.Demographic.OccupationFolded),
            Field("demographic.maritalStatus", Text, "Marital status", "Free text.", (c, x) => c.Demographic.MaritalStatusFolded),
            Field("demographic.language", Text, "Language", "Free text; BCP 47 by custom.", (c, x) => c.Demographic.LanguageFolded),
            Field("demographic.income", FieldType.Decimal, "Income", "Income a year, in account currency.", (c, x) => c.Demographic.Income),
            Field(
                "demographic.householdSize", Integer, "Household size", "People in the household.", (c, x) => c.Demographic.HouseholdSize),
            Field("demographic.children", Integer, "Number of children", "Children in the household.", (c, x) => c.Demographic.Children),

            Field("geographic.country", Text, "Country", "ISO 3166-1 alpha-2.", (c, x) => c.Geographic.CountryFolded) with
            {
                Pattern = Geographic.CountryPattern,
                Check = text => Geographic.IsCountry(text)
                    ? null
                    : $"geographic.country must be a country's two letters (ISO 3166-1 alpha-2), as \"DE\", not {ErrorText.Quote(text)}.",
            },
            Field("geographic.region", Text, "Region", "State or province; free text.", (c, x) => c.Geographic.RegionFolded),
            Field("geographic.city", Text, "City", "Free text.", (c, x) => c.Geographic.CityFolded),
            Field("geographic.postalCode", Text, "Postal code", "Free text.", (c, x) => c.Geographic.PostalCodeFolded),
            Field("geographic.timeZone", Text, "Time zone", "IANA name.", (c, x) => c.Geographic.TimeZoneFolded),
            Field("geographic.climate", Text, "Climate", "One of a closed list.", (c, x) => c.Geographic.Climate) with
            {
                Values = Geographic.Climates,
                Check = text => Geographic.Climates.Contains(CaseNormalizer.Normalize(text))
                    ? null
                    : $"geographic.climate must be one of {string.Join(", ", Geographic.Climates)}, not {ErrorText.Quote(text)}.",
            },
            Location("geographic.location", "Location", "Degrees; within a circle (great-circle distance) or a polygon.",
                (c, x) => c.Geographic.Latitude, (c, x) => c.Geographic.Longitude),

            Set("psychographic.interests", "Interests", (c, x) => c.Psychographic.InterestsFolded),
            Set("psychographic.values", "Values", (c, x) => c.Psychographic.ValuesFolded),
            Set("psychographic.attitudes", "Attitudes", (c, x) => c.Psychographic.AttitudesFolded),
            Set("psychographic.motivations", "Motivations", (c, x) => c.Psychographic.MotivationsFolded),
            Field("psychographic.lifestyle", Text, "Lifestyle", "Free text.", (c, x) => c.Psychographic.LifestyleFolded),
            Field("psychographic.personality", Text, "Personality", "Free text.", (c, x) => c.Psychographic.PersonalityFolded),
            Sentiment(historical),

            new("behavioral.events", "behavioral", FieldType.Events, "Events",
                "How many events satisfy a group of rules over one event, or an aggregate of them.", events),
            new("behavioral.sequence", "behavioral", Sequence, "Sequence",
                "Events of two to five steps, each strictly later than the one before.", events),
            Field("behavioral.lastEventAt", Instant, "Last event", "When the last event happened.", totals.LastEventAt),
            Field("behavioral.eventCount", Integer, "Event count", "All events, of any type.", totals.EventCount),
            Field("behavioral.lastFeedbackAt", Instant, "Last feedback", "When feedback was last given.", totals.LastFeedbackAt),
            Silence(backend),

            Field("temporal.signedUpAt", Instant, "Signup time", "When the customer signed up.", (c, x) => c.SignedUpAt),
            Field(
                "temporal.firstSeenAt",
                Instant,
                "First seen",
                "The earlier of what was sent and the first event.",
                (c, x) => c.FirstSeenAt),
            Field("temporal.lastSeenAt", Instant, "Last seen", "The later of what was sent and the last event.", (c, x) => c.LastSeenAt),
            Day("temporal.birthday", "Birthday", "A day of the year, whatever the year.",
                (c, x) => c.Demographic.BirthMonthDay, (c, x) => c.Demographic.BirthDate),
            Day("temporal.signupAnniversary", "Signup anniversary", "The day of the year of the signup, in the segment's time zone.",
                (c, x) => c.SignedUpAt == null ? null : LocalTime.MonthDay(c.SignedUpAt.Value, x.ZoneId), (c, x) => c.SignedUpAt),
            Field("temporal.localHour", Integer, "Local hour", "0 to 23: now, in the customer's time zone, else the segment's.",
                (c, x) => LocalTime.Hour(x.AsOf, c.Geographic.TimeZone ?? x.ZoneId)) with { Range = (0, 23) },
            Field("temporal.localDayOfWeek", Integer, "Local day of week",
                "1 Monday to 7 Sunday: now, in the customer's time zone, else the segment's.",
                (c, x) => LocalTime.DayOfWeek(x.AsOf, c.Geographic.TimeZone ?? x.ZoneId)) with { Range = (1, 7) },

            Field(
                "value.lifetimeValue",
                FieldType.Decimal,
                "Lifetime value",
                "Orders less refunds, in account currency.",
                totals.LifetimeValue),
            Ordered("value.averageOrderValue", FieldType.Decimal, "Average order value", "Gross amount of orders / orders.",
                Combine(totals.OrderAmount, totals.OrderCount, (amount, orders) => Exact.Average(amount, orders)),
                Combine(totals.OrderAmount, totals.OrderCount, (amount, orders) => orders == 0),
                Combine(totals.OrderAmount, totals.OrderCount, (amount, orders, n) => orders != 0 && amount >= n * orders),
                Combine(totals.OrderAmount, totals.OrderCount, (amount, orders, n) => orders != 0 && amount < n * orders),
                Combine(totals.OrderAmount, totals.OrderCount, (amount, orders, n) => orders != 0 && amount > n * orders),
                Combine(totals.OrderAmount, totals.OrderCount, (amount, orders, n) => orders != 0 && amount <= n * orders)),
            Field("value.orderCount", Integer, "Order count", "How many orders.", totals.OrderCount),
            Field("value.firstOrderAt", Instant, "First order", "When the first order happened.", totals.FirstOrderAt),
            Field("value.lastOrderAt", Instant, "Last order", "When the last order happened.", totals.LastOrderAt),
            Ordered("value.daysSinceLastOrder", Integer, "Days since last order", "Whole 24-hour periods.",
                Combine(totals.LastOrderAt, (last, x) => LocalTime.DaysBetween(last, x.AsOf)),
                Combine(totals.LastOrderAt, (last, x) => last == null),
                Combine(totals.LastOrderAt, (last, x, n) => last <= x.DaysAgo(n)),
                Combine(totals.LastOrderAt, (last, x, n) => last > x.DaysAgo(n))),
            Percentile(backend, historical ? totals.LifetimeValue : null, orders, refunds) with { Range = (0, 100) },
            .. Rfm(totals, historical, RfmHistory.None),
            .. Predictions(backend),

            Field("customer.id", Text, "Customer id", "The caller's own id.", (c, x) => c.IdFolded),
            Field("customer.email", Text, "Email", "Email address.", (c, x) => c.EmailFolded),
            Field("customer.firstName", Text, "First name", "Given name.", (c, x) => c.FirstNameFolded),
            Field("customer.lastName", Text, "Last name", "Family name.", (c, x) => c.LastNameFolded),
            Field("customer.createdAt", Instant, "Creation time", "When the service first held the customer.", (c, x) => c.CreatedAt),
            Membership("segment", "Segment", "Membership of other segments, by rule or by hand.",
                (c, x, id) => c.ManualMemberships.Any(m => m.SegmentId == id),
                backend == Backend.Memory
                    ? (c, x, id) => c.MemberOf.Contains(id)
                    : (c, x, id) =>
                        Rows<MembershipPeriod>.All.Any(m => m.CustomerKey == c.Key && m.SegmentId == id && m.LeftRevision == null)),
        ];
    }

    private EventTotals Totals(bool historical) =>
        historical ? EventTotals.Historical(revenue.OrderTypes, revenue.RefundTypes, feedback.EventTypes) : EventTotals.Stored;

    // 100 × smaller / (all − 1), a single customer being 0. In SQL a constant percentile is a threshold on lifetime value, read once by
    // index; to be compared with another field, all customers are ranked once, and each looks itself up.
    private static Field Percentile(
        Backend backend, Expression<Func<Customer, Evaluation, decimal>>? then, string[] orders, string[] refunds)
    {
        const string name = "value.percentile",
            description = "0 to 100: 100 × customers with a smaller lifetime value / (all customers − 1).";
        if (backend == Backend.Memory)
        {
            return Ordered(name, FieldType.Decimal, "Value percentile", description,
                (c, x) => (decimal?)(100m * c.Rank.Smaller / Math.Max(c.Rank.Total - 1, 1)),
                (c, x) => false,
                (c, x, n) => 100m * c.Rank.Smaller >= n * Math.Max(c.Rank.Total - 1, 1),
                (c, x, n) => 100m * c.Rank.Smaller < n * Math.Max(c.Rank.Total - 1, 1),
                (c, x, n) => 100m * c.Rank.Smaller > n * Math.Max(c.Rank.Total - 1, 1),
                (c, x, n) => 100m * c.Rank.Smaller <= n * Math.Max(c.Rank.Total - 1, 1));
        }

        if (then is null)
        {
            return Ordered(name, FieldType.Decimal, "Value percentile", description,
                (c, x) => SqlFunctions.Percentile(
                    c.Key,
                    Rows<CustomerTotal>.All.Select(t => SqlFunctions.CustomerKeys()).First(),
                    Rows<CustomerTotal>.All.Select(t => SqlFunctions.CustomerRanks()).First()),
                (c, x) => false,
                (c, x, n) => c.LifetimeValue > Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloor(n, false)).First(),
                (c, x, n) => c.LifetimeValue <= Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloor(n, false)).First(),
                (c, x, n) => c.LifetimeValue > Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloor(n, true)).First(),
                (c, x, n) => c.LifetimeValue <= Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloor(n, true)).First());
        }

        return Ordered(name, FieldType.Decimal, "Value percentile", description,
            (c, x) => SqlFunctions.Percentile(
                c.Key,
                Rows<CustomerTotal>.All.Select(t => SqlFunctions.CustomerKeys()).First(),
                Rows<CustomerTotal>.All.Select(t => SqlFunctions.CustomerRanksAt(x.AsOf, orders, refunds)).First()),
            (c, x) => false,
            Combine(then, (value, x, n) =>
                value > Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloorAt(n, false, x.AsOf, orders, refunds)).First()),
            Combine(then, (value, x, n) =>
                value <= Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloorAt(n, false, x.AsOf, orders, refunds)).First()),
            Combine(then, (value, x, n) =>
                value > Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloorAt(n, true, x.AsOf, orders, refunds)).First()),
            Combine(then, (value, x, n) =>
                value <= Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloorAt(n, true, x.AsOf, orders, refunds)).First()));
    }
}
