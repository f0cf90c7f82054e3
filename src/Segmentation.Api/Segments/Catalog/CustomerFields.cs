using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;
using static Segmentation.Rules.Catalog.FieldType;

namespace Segmentation.Api.Segments;

/// <summary>
/// THE table of what a rule may ask of a customer. Checking, compiling, <c>GET /fields</c>, Swagger and the README read it: the README
/// says what else a new field needs.
/// </summary>
public sealed class CustomerFields
{
    public static readonly string[] Kinds = ["demographic", "geographic", "psychographic", "behavioral", "temporal", "value"];

    private readonly Dictionary<(Backend, bool), FieldCatalog<Customer>> catalogs;

    public CustomerFields(RevenueOptions revenue) => catalogs = (
        from backend in Enum.GetValues<Backend>()
        from historical in new[] { false, true }
        select (Key: (backend, historical), Catalog: new FieldCatalog<Customer>(Table(revenue.OrderTypes, revenue.RefundTypes, backend, historical), Consent)))
        .ToDictionary(c => c.Key, c => c.Catalog);

    /// <summary>
    /// The catalog for a place to run and a time to look at: what events add up to is kept for now, and counted again for an instant in the past.
    /// </summary>
    public FieldCatalog<Customer> Catalog(Backend backend, bool historical, IEnumerable<CustomerAttribute> attributes) =>
        catalogs[(backend, historical)].With(attributes.Select(Attribute));

    private static IEnumerable<Field> Table(string[] orders, string[] refunds, Backend backend, bool historical)
    {
        // What events add up to, as of an instant in the past.
        Expression<Func<Customer, Evaluation, decimal>> lifetimeValueThen = (c, x) =>
            c.Events.Where(e => orders.Contains(e.Type) && e.OccurredAt <= x.AsOf).Sum(e => e.Amount ?? 0)
            - c.Events.Where(e => refunds.Contains(e.Type) && e.OccurredAt <= x.AsOf).Sum(e => Math.Abs(e.Amount ?? 0));
        Expression<Func<Customer, Evaluation, decimal>> orderAmount = historical
            ? (c, x) => c.Events.Where(e => orders.Contains(e.Type) && e.OccurredAt <= x.AsOf).Sum(e => e.Amount ?? 0) : (c, x) => c.OrderAmount;
        Expression<Func<Customer, Evaluation, int>> orderCount = historical
            ? (c, x) => c.Events.Count(e => orders.Contains(e.Type) && e.OccurredAt <= x.AsOf) : (c, x) => c.OrderCount;
        Expression<Func<Customer, Evaluation, DateTimeOffset?>> lastOrderAt = historical
            ? (c, x) => c.Events.Where(e => orders.Contains(e.Type) && e.OccurredAt <= x.AsOf).Max(e => (DateTimeOffset?)e.OccurredAt) : (c, x) => c.LastOrderAt;

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
            Field("demographic.householdSize", Integer, "Household size", "People in the household.", (c, x) => c.Demographic.HouseholdSize),
            Field("demographic.children", Integer, "Children", "Children in the household.", (c, x) => c.Demographic.Children),

            Field("geographic.country", Text, "Country", "ISO 3166-1 alpha-2.", (c, x) => c.Geographic.CountryFolded) with
            {
                Check = text => Geographic.IsCountry(text) ? null : $"geographic.country takes a country's two letters (ISO 3166-1 alpha-2): \"DE\"; got {ErrorText.Quote(text)}.",
            },
            Field("geographic.region", Text, "Region", "State or province; free text.", (c, x) => c.Geographic.RegionFolded),
            Field("geographic.city", Text, "City", "Free text.", (c, x) => c.Geographic.CityFolded),
            Field("geographic.postalCode", Text, "Postal code", "Free text.", (c, x) => c.Geographic.PostalCodeFolded),
            Field("geographic.timeZone", Text, "Time zone", "IANA name.", (c, x) => c.Geographic.TimeZoneFolded),
            Field("geographic.climate", Text, "Climate", "One of a closed list.", (c, x) => c.Geographic.Climate) with
            {
                Values = Geographic.Climates,
                Check = text => Geographic.Climates.Contains(CaseNormalizer.Normalize(text)) ? null : $"geographic.climate takes one of {string.Join(", ", Geographic.Climates)}; got {ErrorText.Quote(text)}.",
            },
            new("geographic.location", "geographic", Point, "Location", "Degrees; within a circle (great-circle distance) or a polygon.", new PointAccess(
                Lambda((c, x) => c.Geographic.Latitude), Lambda((c, x) => c.Geographic.Longitude))),

            Set("psychographic.interests", "Interests", (c, x) => c.Psychographic.InterestsFolded),
            Set("psychographic.values", "Values", (c, x) => c.Psychographic.ValuesFolded),
            Set("psychographic.attitudes", "Attitudes", (c, x) => c.Psychographic.AttitudesFolded),
            Set("psychographic.motivations", "Motivations", (c, x) => c.Psychographic.MotivationsFolded),
            Field("psychographic.lifestyle", Text, "Lifestyle", "Free text.", (c, x) => c.Psychographic.LifestyleFolded),
            Field("psychographic.personality", Text, "Personality", "Free text.", (c, x) => c.Psychographic.PersonalityFolded),

            new("behavioral.events", "behavioral", FieldType.Events, "Events", "How many events satisfy a group of rules over one event, or an aggregate of them.", EventAccess(backend, historical)),
            new("behavioral.sequence", "behavioral", Sequence, "Sequence", "Events of two to five steps, each strictly later than the one before.", EventAccess(backend, historical)),
            Field<DateTimeOffset?>("behavioral.lastEventAt", Instant, "Last event", "When the last event happened.", historical
                ? (c, x) => c.Events.Where(e => e.OccurredAt <= x.AsOf).Max(e => (DateTimeOffset?)e.OccurredAt) : (c, x) => c.LastEventAt),
            Field<int>("behavioral.eventCount", Integer, "Event count", "All events, of any type.", historical
                ? (c, x) => c.Events.Count(e => e.OccurredAt <= x.AsOf) : (c, x) => c.EventCount),

            Field("temporal.signedUpAt", Instant, "Signed up", "When the customer signed up.", (c, x) => c.SignedUpAt),
            Field("temporal.firstSeenAt", Instant, "First seen", "The earlier of what was sent and the first event.", (c, x) => c.FirstSeenAt),
            Field("temporal.lastSeenAt", Instant, "Last seen", "The later of what was sent and the last event.", (c, x) => c.LastSeenAt),
            new("temporal.birthday", "temporal", Yearly, "Birthday", "A day of the year, whatever the year.", new YearlyAccess(
                Lambda((c, x) => c.Demographic.BirthMonthDay), Lambda((c, x) => c.Demographic.BirthDate))),
            new("temporal.signupAnniversary", "temporal", Yearly, "Signup anniversary", "The day of the year of the signup, in the segment's time zone.", new YearlyAccess(
                Lambda((c, x) => c.SignedUpAt == null ? (int?)null : LocalTime.MonthDay(c.SignedUpAt.Value, x.ZoneId)), Lambda((c, x) => c.SignedUpAt))),
            Field("temporal.localHour", Integer, "Local hour", "0 to 23: now, in the customer's time zone, else the segment's.", (c, x) => LocalTime.Hour(x.AsOf, c.Geographic.TimeZone ?? x.ZoneId)),
            Field("temporal.localDayOfWeek", Integer, "Local day of week", "1 Monday to 7 Sunday: now, in the customer's time zone, else the segment's.", (c, x) => LocalTime.DayOfWeek(x.AsOf, c.Geographic.TimeZone ?? x.ZoneId)),

            Field("value.lifetimeValue", FieldType.Decimal, "Lifetime value", "Orders less refunds, in account currency.", historical ? lifetimeValueThen : (c, x) => c.LifetimeValue),
            Ordered("value.averageOrderValue", FieldType.Decimal, "Average order value", "Gross amount of orders / orders.",
                Combine(orderAmount, orderCount, (amount, orders) => Exact.Average(amount, orders)),
                Combine(orderAmount, orderCount, (amount, orders) => orders == 0),
                Combine(orderAmount, orderCount, (amount, orders, n) => orders != 0 && amount >= n * orders),
                Combine(orderAmount, orderCount, (amount, orders, n) => orders != 0 && amount < n * orders),
                Combine(orderAmount, orderCount, (amount, orders, n) => orders != 0 && amount > n * orders),
                Combine(orderAmount, orderCount, (amount, orders, n) => orders != 0 && amount <= n * orders)),
            Field("value.orderCount", Integer, "Orders", "How many orders.", orderCount),
            Field<DateTimeOffset?>("value.firstOrderAt", Instant, "First order", "When the first order happened.", historical
                ? (c, x) => c.Events.Where(e => orders.Contains(e.Type) && e.OccurredAt <= x.AsOf).Min(e => (DateTimeOffset?)e.OccurredAt) : (c, x) => c.FirstOrderAt),
            Field("value.lastOrderAt", Instant, "Last order", "When the last order happened.", lastOrderAt),
            Ordered("value.daysSinceLastOrder", Integer, "Days since last order", "Whole 24-hour periods.",
                Combine(lastOrderAt, (last, x) => LocalTime.DaysBetween(last, x.AsOf)),
                Combine(lastOrderAt, (last, x) => last == null),
                Combine(lastOrderAt, (last, x, n) => last <= x.DaysAgo(n)),
                Combine(lastOrderAt, (last, x, n) => last > x.DaysAgo(n))),
            Percentile(backend, historical ? lifetimeValueThen : null, orders, refunds),

            Field("customer.id", Text, "Customer id", "The caller's own id.", (c, x) => c.IdFolded),
            Field("customer.email", Text, "Email", "Email address.", (c, x) => c.EmailFolded),
            Field("customer.firstName", Text, "First name", "Given name.", (c, x) => c.FirstNameFolded),
            Field("customer.lastName", Text, "Last name", "Family name.", (c, x) => c.LastNameFolded),
            Field("customer.createdAt", Instant, "Created", "When the service first held the customer.", (c, x) => c.CreatedAt),
            new("segment", "segment", FieldType.Segment, "Segment", "Membership of other segments, by rule or by hand.", new SegmentAccess(
                (Expression<Func<Customer, Evaluation, int, bool>>)((c, x, id) => c.ManualMemberships.Any(m => m.SegmentId == id)),
                (Expression<Func<Customer, Evaluation, int, bool>>)(backend == Backend.Memory
                    ? (c, x, id) => c.MemberOf.Contains(id)
                    : (c, x, id) => Rows<MembershipPeriod>.All.Any(m => m.CustomerKey == c.Key && m.SegmentId == id && m.LeftBatch == null)))),
        ];
    }

    // 100 × smaller / (all − 1), a single customer being 0. In SQL a percentile is a threshold on lifetime value, read once by index.
    private static Field Percentile(Backend backend, Expression<Func<Customer, Evaluation, decimal>>? then, string[] orders, string[] refunds)
    {
        Expression<Func<Customer, Evaluation, decimal?>> value = (c, x) => 100m * c.Rank.Smaller / Math.Max(c.Rank.Total - 1, 1);
        const string name = "value.percentile", description = "0 to 100: 100 × customers with a smaller lifetime value / (all customers − 1).";
        if (backend == Backend.Memory)
        {
            return Ordered(name, FieldType.Decimal, "Value percentile", description, value, (c, x) => false,
                (c, x, n) => 100m * c.Rank.Smaller >= n * Math.Max(c.Rank.Total - 1, 1),
                (c, x, n) => 100m * c.Rank.Smaller < n * Math.Max(c.Rank.Total - 1, 1),
                (c, x, n) => 100m * c.Rank.Smaller > n * Math.Max(c.Rank.Total - 1, 1),
                (c, x, n) => 100m * c.Rank.Smaller <= n * Math.Max(c.Rank.Total - 1, 1));
        }

        if (then is null)
        {
            return Ordered(name, FieldType.Decimal, "Value percentile", description, value, (c, x) => false,
                (c, x, n) => c.LifetimeValue > Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloor(n, false)).First(),
                (c, x, n) => c.LifetimeValue <= Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloor(n, false)).First(),
                (c, x, n) => c.LifetimeValue > Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloor(n, true)).First(),
                (c, x, n) => c.LifetimeValue <= Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloor(n, true)).First());
        }

        return Ordered(name, FieldType.Decimal, "Value percentile", description, value, (c, x) => false,
            Combine(then, (value, x, n) => value > Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloorAt(n, false, x.AsOf, orders, refunds)).First()),
            Combine(then, (value, x, n) => value <= Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloorAt(n, false, x.AsOf, orders, refunds)).First()),
            Combine(then, (value, x, n) => value > Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloorAt(n, true, x.AsOf, orders, refunds)).First()),
            Combine(then, (value, x, n) => value <= Rows<CustomerTotal>.All.Select(t => SqlFunctions.PercentileFloorAt(n, true, x.AsOf, orders, refunds)).First()));
    }

    // consent.PURPOSE exists for every purpose; no record is no consent.
    private static Field? Consent(string name) => name.StartsWith("consent.", StringComparison.Ordinal) && CustomerNames.IsValid(name["consent.".Length..])
        ? new Field(name, "consent", FieldType.Boolean, $"Consent to {name["consent.".Length..]}", "The standing consent; no record is no consent.", new ScalarAccess(
            With(name["consent.".Length..], (Customer c, string purpose) => c.ConsentsGranted.Contains(purpose))))
        : null;

    /// <summary>A registered attribute behaves as a built-in field of its type. Its name is a constant in SQL, so that an expression index can serve it.</summary>
    private static Field Attribute(CustomerAttribute attribute)
    {
        var type = Enum.Parse<FieldType>(attribute.Type, ignoreCase: true);
        var name = Expression.Constant(attribute.Name);
        FieldAccess access = type switch
        {
            Text => new ScalarAccess(Read((d, n) => JsonValue.Text(d, n))),
            FieldType.Boolean => new ScalarAccess(Read((d, n) => JsonValue.Boolean(d, n))),
            Date => new ScalarAccess(Read((d, n) => JsonValue.Date(d, n))),
            Instant => new ScalarAccess(Read((d, n) => JsonValue.Instant(d, n))),
            FieldType.Set => new SetAccess(
                ReadSet((d, n, v) => JsonValue.HasAll(d, n, v)), ReadSet((d, n, v) => JsonValue.HasAny(d, n, v)), Read((d, n) => JsonValue.IsEmpty(d, n)), Read((d, n) => JsonValue.Set(d, n))),
            _ => new ScalarAccess(Read((d, n) => JsonValue.Number(d, n))),
        };
        return new Field($"attributes.{attribute.Name}", attribute.Kind, type, attribute.Label ?? attribute.Name, attribute.Description ?? "Registered attribute.", access) { Values = attribute.Values };

        LambdaExpression Read<TValue>(Expression<Func<JsonElement?, string, TValue>> read)
        {
            var (c, x) = (Expression.Parameter(typeof(Customer), "c"), Expression.Parameter(typeof(Evaluation), "x"));
            return Expression.Lambda(Splice.Body(read, Expression.Property(c, nameof(Customer.AttributesFolded)), name), c, x);
        }

        LambdaExpression ReadSet(Expression<Func<JsonElement?, string, string[], bool>> read)
        {
            var (c, x, v) = (Expression.Parameter(typeof(Customer), "c"), Expression.Parameter(typeof(Evaluation), "x"), Expression.Parameter(typeof(string[]), "v"));
            return Expression.Lambda(Splice.Body(read, Expression.Property(c, nameof(Customer.AttributesFolded)), name, v), c, x, v);
        }
    }

    private static Field Field<TValue>(string name, FieldType type, string label, string description, Expression<Func<Customer, Evaluation, TValue>> value) =>
        new(name, name.Split('.')[0], type, label, description, new ScalarAccess(value));

    // For integers, "more than n" is "at least n + 1".
    private static Field Ordered<TValue>(
        string name, FieldType type, string label, string description, Expression<Func<Customer, Evaluation, TValue>> value, Expression<Func<Customer, Evaluation, bool>> missing,
        Expression<Func<Customer, Evaluation, decimal, bool>> atLeast, Expression<Func<Customer, Evaluation, decimal, bool>> below,
        Expression<Func<Customer, Evaluation, decimal, bool>>? above = null, Expression<Func<Customer, Evaluation, decimal, bool>>? atMost = null) =>
        new(name, name.Split('.')[0], type, label, description, new OrderedAccess(value, missing, atLeast, below, above ?? Next(atLeast), atMost ?? Next(below)));

    private static Expression<Func<Customer, Evaluation, decimal, bool>> Next(Expression<Func<Customer, Evaluation, decimal, bool>> test)
    {
        var (c, x, n) = (test.Parameters[0], test.Parameters[1], test.Parameters[2]);
        return Expression.Lambda<Func<Customer, Evaluation, decimal, bool>>(Splice.Body(test, c, x, Expression.Add(n, Expression.Constant(1m))), c, x, n);
    }

    private static Field Set(string name, string label, Expression<Func<Customer, Evaluation, string[]>> set)
    {
        var (c, x, v) = (set.Parameters[0], set.Parameters[1], Expression.Parameter(typeof(string[]), "v"));
        LambdaExpression Test(Expression<Func<string[], string[], bool>> test) => Expression.Lambda(Splice.Body(test, set.Body, v), c, x, v);
        Expression<Func<string[], bool>> empty = s => s.Length == 0;
        return new Field(name, name.Split('.')[0], FieldType.Set, label, "A set of texts.", new SetAccess(
            Test((s, values) => values.All(value => s.Contains(value))),
            Test((s, values) => values.Any(value => s.Contains(value))),
            Expression.Lambda(Splice.Body(empty, set.Body), c, x),
            set));
    }

    private static EventAccess<Customer, CustomerEvent> EventAccess(Backend backend, bool historical) =>
        new(backend == Backend.Memory ? EventFields.Loaded : EventFields.Catalog, c => c.Events, e => e.CustomerKey, c => c.Key, e => e.OccurredAt, backend, historical);

    private static Expression<Func<Customer, Evaluation, TValue>> Lambda<TValue>(Expression<Func<Customer, Evaluation, TValue>> lambda) => lambda;

    private static LambdaExpression With<TValue>(string literal, Expression<Func<Customer, string, TValue>> read)
    {
        var x = Expression.Parameter(typeof(Evaluation), "x");
        return Expression.Lambda(Splice.Body(read, read.Parameters[0], Literal<string>.Create(literal)), read.Parameters[0], x);
    }

    private static Expression<Func<Customer, Evaluation, TValue>> Combine<TA, TB, TValue>(
        Expression<Func<Customer, Evaluation, TA>> a, Expression<Func<Customer, Evaluation, TB>> b, Expression<Func<TA, TB, TValue>> join) =>
        Expression.Lambda<Func<Customer, Evaluation, TValue>>(Splice.Body(join, a.Body, Splice.Body(b, a.Parameters[0], a.Parameters[1])), a.Parameters);

    private static Expression<Func<Customer, Evaluation, decimal, bool>> Combine(
        Expression<Func<Customer, Evaluation, decimal>> a, Expression<Func<Customer, Evaluation, int>> b, Expression<Func<decimal, int, decimal, bool>> join) =>
        Expression.Lambda<Func<Customer, Evaluation, decimal, bool>>(Splice.Body(join, a.Body, Splice.Body(b, a.Parameters[0], a.Parameters[1]), join.Parameters[2]), [.. a.Parameters, join.Parameters[2]]);

    private static Expression<Func<Customer, Evaluation, TValue>> Combine<TA, TValue>(Expression<Func<Customer, Evaluation, TA>> a, Expression<Func<TA, Evaluation, TValue>> join) =>
        Expression.Lambda<Func<Customer, Evaluation, TValue>>(Splice.Body(join, a.Body, a.Parameters[1]), a.Parameters);

    private static Expression<Func<Customer, Evaluation, decimal, bool>> Combine<TA>(Expression<Func<Customer, Evaluation, TA>> a, Expression<Func<TA, Evaluation, decimal, bool>> join) =>
        Expression.Lambda<Func<Customer, Evaluation, decimal, bool>>(Splice.Body(join, a.Body, a.Parameters[1], join.Parameters[2]), [.. a.Parameters, join.Parameters[2]]);
}
