using System.Linq.Expressions;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;
using static Segmentation.Api.Customers.Normalization;
using static Segmentation.Api.Customers.ProfileFaults;

namespace Segmentation.Api.Customers;

/// <summary>
/// THE list of what a profile has. How a customer is shown, read from what was sent, normalized and checked follows from it: what is not in
/// it is neither taken nor shown. Attributes and consents, whose names callers choose, are documents of their own
/// (<see cref="CustomerResource"/>).
/// </summary>
internal static class ProfileProperties
{
    private static readonly ProfileProperty[] all =
    [
        Shown(c => c.Id, r => r.Id, id => IdFault(id)),
        Text(c => c.Email, r => r.Email, Customer.EmailMaxLength),
        Text(c => c.FirstName, r => r.FirstName),
        Text(c => c.LastName, r => r.LastName),

        Computed((c, now) => LocalTime.Years(c.Demographic.BirthDate, DateOnly.FromDateTime(now.UtcDateTime)), r => r.Demographic!.Age),
        Value(c => c.Demographic.BirthDate, r => r.Demographic!.BirthDate, date => BirthDateFault(date)),
        Text(c => c.Demographic.Gender, r => r.Demographic!.Gender),
        Text(c => c.Demographic.Education, r => r.Demographic!.Education),
        Text(c => c.Demographic.Occupation, r => r.Demographic!.Occupation),
        Text(c => c.Demographic.MaritalStatus, r => r.Demographic!.MaritalStatus),
        Text(c => c.Demographic.Language, r => r.Demographic!.Language),
        Value(c => c.Demographic.Income, r => r.Demographic!.Income),
        Value(c => c.Demographic.HouseholdSize, r => r.Demographic!.HouseholdSize, number => NegativeFault(number)),
        Value(c => c.Demographic.Children, r => r.Demographic!.Children, number => NegativeFault(number)),

        Code(
            c => c.Geographic.Country,
            r => r.Geographic!.Country,
            (code, zones) => NormalizeCountry(code),
            (code, zones) => CountryFault(code)),
        Text(c => c.Geographic.Region, r => r.Geographic!.Region),
        Text(c => c.Geographic.City, r => r.Geographic!.City),
        Text(c => c.Geographic.PostalCode, r => r.Geographic!.PostalCode),
        Code(
            c => c.Geographic.TimeZone,
            r => r.Geographic!.TimeZone,
            (name, zones) => NormalizeZone(name, zones),
            (name, zones) => ZoneFault(name, zones)),
        Code(
            c => c.Geographic.Climate,
            r => r.Geographic!.Climate,
            (name, zones) => CaseNormalizer.Normalize(NormalizeText(name)),
            (name, zones) => ClimateFault(name)),
        Location(c => LocationResource.From(c.Geographic), r => r.Geographic!.Location),
        Coordinate(c => c.Geographic.Latitude, r => r.Geographic!.Location!.Latitude, degrees => LatitudeFault(degrees)),
        Coordinate(c => c.Geographic.Longitude, r => r.Geographic!.Location!.Longitude, degrees => LongitudeFault(degrees)),

        Set(c => c.Psychographic.Interests, r => r.Psychographic!.Interests),
        Set(c => c.Psychographic.Values, r => r.Psychographic!.Values),
        Set(c => c.Psychographic.Attitudes, r => r.Psychographic!.Attitudes),
        Set(c => c.Psychographic.Motivations, r => r.Psychographic!.Motivations),
        Text(c => c.Psychographic.Lifestyle, r => r.Psychographic!.Lifestyle),
        Text(c => c.Psychographic.Personality, r => r.Psychographic!.Personality),

        Computed((c, now) => RecentSentiment.Find(c, now), r => r.Psychographic!.Sentiment),

        Value(c => c.SignedUpAt, r => r.SignedUpAt),
        Merged(c => c.FirstSeenAt, r => r.FirstSeenAt, (c, sent) => sent < c.FirstEventAt ? sent : c.FirstEventAt ?? sent),
        Merged(c => c.LastSeenAt, r => r.LastSeenAt, (c, sent) => sent > c.LastEventAt ? sent : c.LastEventAt ?? sent),

        Shown(c => c.LifetimeValue, r => r.Value!.LifetimeValue),
        Shown(c => Exact.Average(c.OrderAmount, c.OrderCount), r => r.Value!.AverageOrderValue),
        Shown(c => c.OrderCount, r => r.Value!.OrderCount),
        Shown(c => c.FirstOrderAt, r => r.Value!.FirstOrderAt),
        Shown(c => c.LastOrderAt, r => r.Value!.LastOrderAt),
        Computed((c, now) => LocalTime.DaysBetween(c.LastOrderAt, now), r => r.Value!.DaysSinceLastOrder),
        Shown(c => c.LastEventAt, r => r.Behavioral!.LastEventAt),
        Shown(c => c.EventCount, r => r.Behavioral!.EventCount),
        Shown(c => c.LastFeedbackAt, r => r.Behavioral!.LastFeedbackAt),
        Shown(c => c.CreatedAt, r => r.CreatedAt),
        Shown(c => c.UpdatedAt, r => r.UpdatedAt),
    ];

    // Those that are sent, a bit each.
    private static readonly (ProfileProperty Property, ulong Bit)[] sent =
        [.. all.Where(p => p.Merge is not null).Select((p, i) => (p, 1UL << i))];

    /// <summary>Sets all of a resource's properties to what a customer has; its parts are there.</summary>
    public static readonly Action<Customer, CustomerResource, DateTimeOffset> Show =
        Join<Action<Customer, CustomerResource, DateTimeOffset>>(
            p => p.Show, ProfileProperty.Customer, ProfileProperty.Resource, ProfileProperty.Now);

    /// <summary>Sets all of a customer's properties that are sent to what a normalized resource has.</summary>
    public static readonly Action<CustomerResource, Customer> Apply = Join<Action<CustomerResource, Customer>>(
        p => p.Apply, ProfileProperty.Resource, ProfileProperty.Customer);

    /// <summary>
    /// A bit of each property that is sent, by its dotted name. A place is one value: its bits are those of both its coordinates, by its
    /// own name and by theirs.
    /// </summary>
    public static readonly IReadOnlyDictionary<string, ulong> Bits = FindBits();

    /// <summary>The bits of some, by their dotted names; of others there are none.</summary>
    public static ulong FindBits(IEnumerable<string> names) => names.Aggregate(0UL, (bits, name) => bits | Bits.GetValueOrDefault(name));

    /// <summary>The members of a customer that hold the properties that are sent, each with its bit.</summary>
    public static readonly IReadOnlyList<(ulong Bit, string Path, Type Type)> Members =
        [.. sent.Select(p => (p.Bit, PathOf(p.Property.Column!), p.Property.Column!.Type))];

    /// <summary>The bits of those that are texts, or sets of them.</summary>
    public static readonly ulong Texts = Members.Where(m => m.Type == typeof(string) || m.Type == typeof(string[]))
        .Aggregate(0UL, (bits, m) => bits | m.Bit);

    /// <summary>Sets those of a customer's properties that are named, by their bits, to what another customer has.</summary>
    public static readonly Action<Customer, Customer, ulong> Merge = Expression.Lambda<Action<Customer, Customer, ulong>>(
        Expression.Block(sent.Select(p => Expression.IfThen(
            Expression.NotEqual(Expression.And(ProfileProperty.Named, Expression.Constant(p.Bit)), Expression.Constant(0UL)),
            p.Property.Merge!))),
        ProfileProperty.Customer, ProfileProperty.From, ProfileProperty.Named).Compile();

    /// <summary>Brings all of a resource's properties into the form that is stored; its parts are there.</summary>
    public static readonly Action<CustomerResource, TimeZones> Normalize = Join<Action<CustomerResource, TimeZones>>(
        p => p.Normalize, ProfileProperty.Resource, ProfileProperty.Zones);

    /// <summary>
    /// What can be wrong with a normalized resource: each fault's JSON Pointer, and the text that follows the property's name.
    /// </summary>
    public static readonly IReadOnlyList<(string Pointer, Func<CustomerResource, TimeZones, string?> Fault)> Checks =
    [
        .. from property in all
           where property.Fault is not null
           select (property.Pointer, Expression.Lambda<Func<CustomerResource, TimeZones, string?>>(
               property.Fault!, ProfileProperty.Resource, ProfileProperty.Zones).Compile()),
    ];

    /// <summary>Whether nothing is wrong with a normalized resource.</summary>
    public static readonly Func<CustomerResource, TimeZones, bool> IsFaultless = Expression.Lambda<Func<CustomerResource, TimeZones, bool>>(
        Splice.And(
            [.. from property in all where property.Fault is not null select Expression.Equal(property.Fault!, Expression.Constant(null))]),
        ProfileProperty.Resource, ProfileProperty.Zones).Compile();

    private static string PathOf(MemberExpression member) =>
        member.Expression is MemberExpression part ? $"{part.Member.Name}.{member.Member.Name}" : member.Member.Name;

    private static Dictionary<string, ulong> FindBits()
    {
        const string place = "geographic.location";
        var bits = sent.ToDictionary(p => p.Property.Pointer[1..].Replace('/', '.'), p => p.Bit, StringComparer.Ordinal);
        var coordinates = bits.Keys.Where(name => name.StartsWith(place, StringComparison.Ordinal)).ToList();
        var both = coordinates.Aggregate(0UL, (sum, name) => sum | bits[name]);
        coordinates.Append(place).ToList().ForEach(name => bits[name] = both);
        return bits;
    }

    private static T Join<T>(Func<ProfileProperty, Expression?> step, params ParameterExpression[] parameters) =>
        Expression.Lambda<T>(Expression.Block(all.Select(step).OfType<Expression>()), parameters).Compile();

    // Free text, trimmed.
    private static ProfileProperty Text(
        Expression<Func<Customer, string?>> stored,
        Expression<Func<CustomerResource, string?>> sent,
        int maxLength = Customer.TextMaxLength) =>
        Code(stored, sent, (text, zones) => NormalizeText(text), (text, zones) => TextFault(text, maxLength));

    // A text of a form of its own.
    private static ProfileProperty Code(
        Expression<Func<Customer, string?>> stored,
        Expression<Func<CustomerResource, string?>> sent,
        Expression<Func<string?, TimeZones, string?>> normalize,
        Expression<Func<string?, TimeZones, string?>> fault) => Sent(stored, sent, normalize, fault);

    private static ProfileProperty Set(Expression<Func<Customer, string[]>> stored, Expression<Func<CustomerResource, string?[]?>> sent)
    {
        Expression<Func<string?[]?, TimeZones, string?[]>> normalize = (items, zones) => NormalizeSet(items);
        Expression<Func<string?[]?, TimeZones, string?>> fault = (items, zones) => SetFault(items);
        return Sent(stored, sent, normalize, fault);
    }

    // A number, a date or an instant, which is stored as it comes.
    private static ProfileProperty Value<T>(
        Expression<Func<Customer, T>> stored, Expression<Func<CustomerResource, T>> sent, Expression<Func<T, string?>>? fault = null) =>
        Sent(stored, sent, null, fault);

    // What is sent, and events have a part in.
    private static ProfileProperty Merged<T>(
        Expression<Func<Customer, T>> stored, Expression<Func<CustomerResource, T>> sent, Expression<Func<Customer, T, T>> merge)
    {
        var (column, property) = (Splice.Body(stored, ProfileProperty.Customer), Splice.Body(sent, ProfileProperty.Resource));
        return new ProfileProperty(property)
        {
            Show = Expression.Assign(property, column),
            Apply = Expression.Assign(column, Splice.Body(merge, ProfileProperty.Customer, property)),
            Column = (MemberExpression)column,
            Merge = Expression.Assign(column, Splice.Body(merge, ProfileProperty.Customer, Splice.Body(stored, ProfileProperty.From))),
        };
    }

    // What is shown, and never taken from what was sent.
    private static ProfileProperty Shown<T, TShown>(
        Expression<Func<Customer, T>> shown,
        Expression<Func<CustomerResource, TShown>> sent,
        Expression<Func<TShown, string?>>? fault = null)
    {
        var property = Splice.Body(sent, ProfileProperty.Resource);
        return new ProfileProperty(property)
        {
            Show = Expression.Assign(property, Expression.Convert(Splice.Body(shown, ProfileProperty.Customer), property.Type)),
            Fault = fault is null ? null : Splice.Body(fault, property),
        };
    }

    // What is shown as of now.
    private static ProfileProperty Computed<T>(
        Expression<Func<Customer, DateTimeOffset, T>> shown, Expression<Func<CustomerResource, T>> sent)
    {
        var property = Splice.Body(sent, ProfileProperty.Resource);
        return new ProfileProperty(property)
        {
            Show = Expression.Assign(property, Splice.Body(shown, ProfileProperty.Customer, ProfileProperty.Now))
        };
    }

    // The two coordinates are properties of their own; this is the object that they are in.
    private static ProfileProperty Location(
        Expression<Func<Customer, LocationResource?>> shown, Expression<Func<CustomerResource, LocationResource?>> sent)
    {
        Expression<Func<LocationResource?, LocationResource?>> normalize = location => NormalizeLocation(location);
        var property = Splice.Body(sent, ProfileProperty.Resource);
        return new ProfileProperty(property)
        {
            Show = Expression.Assign(property, Splice.Body(shown, ProfileProperty.Customer)),
            Normalize = Expression.Assign(property, Splice.Body(normalize, property)),
        };
    }

    private static ProfileProperty Coordinate(
        Expression<Func<Customer, double?>> stored,
        Expression<Func<CustomerResource, double?>> sent,
        Expression<Func<double?, string?>> fault)
    {
        var property = (MemberExpression)Splice.Body(sent, ProfileProperty.Resource);
        var missing = Expression.Equal(property.Expression!, Expression.Constant(null));
        return new ProfileProperty(property)
        {
            Apply = Expression.Assign(
                Splice.Body(stored, ProfileProperty.Customer), Expression.Condition(missing, Expression.Default(property.Type), property)),
            Column = (MemberExpression)Splice.Body(stored, ProfileProperty.Customer),
            Merge = Expression.Assign(
                Splice.Body(stored, ProfileProperty.Customer), Splice.Body(stored, ProfileProperty.From)),
            Fault = Expression.Condition(missing, Expression.Default(typeof(string)), Splice.Body(fault, property)),
        };
    }

    private static ProfileProperty Sent(
        LambdaExpression stored, LambdaExpression sent, LambdaExpression? normalize, LambdaExpression? fault)
    {
        var (column, property) = (Splice.Body(stored, ProfileProperty.Customer), Splice.Body(sent, ProfileProperty.Resource));
        return new ProfileProperty(property)
        {
            Show = Expression.Assign(property, column),
            Apply = Expression.Assign(column, property),
            Column = (MemberExpression)column,
            Merge = Expression.Assign(column, Splice.Body(stored, ProfileProperty.From)),
            Normalize = normalize is null ? null : Expression.Assign(property, Splice.Body(normalize, property, ProfileProperty.Zones)),
            Fault = fault is null ? null
                : fault.Parameters.Count == 1 ? Splice.Body(fault, property)
                : Splice.Body(fault, property, ProfileProperty.Zones),
        };
    }
}
