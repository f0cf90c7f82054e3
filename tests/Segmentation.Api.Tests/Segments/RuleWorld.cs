using System.Globalization;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Tests.Segments;

/// <summary>
/// Customers and events chosen to be awkward (nulls, empty sets, wildcards, quotes, accents, leap days, zone boundaries, refunds), in
/// PostgreSQL and in memory, so that both can evaluate one rule.
/// </summary>
public sealed class RuleWorld : IAsyncLifetime
{
    public static readonly DateTimeOffset Now = new(2024, 3, 31, 1, 30, 0, TimeSpan.Zero); // The Berlin night that skips an hour.
    public static readonly DateTimeOffset Then = new(2024, 2, 29, 23, 15, 0, TimeSpan.Zero);
    public static readonly string[] Zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
        "America/Havana", "Pacific/Apia"];
    public static readonly string[] Texts = ["a", "A%b", "a_b", "it's \"so\"", "back\\slash", "Straße", "ÄÖÜ é", "日本 語", "İI ıi", "x",
        "Σας", "a,b", "null", "𝒜😀", "ab"];
    public static readonly string[] EventTypes = ["order_completed", "Order_Refunded", "order_refunded", "page_viewed", "Page_Viewed",
        "50%_off", "feedback", "Feedback"];

    public static readonly string[] OddNumbers = ["0.30000000000000004", "-0", "1E2", "5", "5.0", "1e-12", "2.9999999999", "100.0"];
    public static readonly string[] LargeNumbers = ["1e400", "12345678901234567890", "12345678901234567891", "-1E19"];

    private readonly TestDatabase databases = new();
    private NpgsqlDataSource source = null!;

    public string ConnectionString { get; private set; } = null!;
    public CustomerFields Fields { get; } = new(new RevenueOptions(), new FeedbackOptions());
    public IReadOnlyList<Customer> Customers { get; private set; } = [];
    public DefinitionSet Definitions { get; private set; } = null!;
    public IReadOnlyList<CustomerAttribute> Attributes { get; } =
    [
        .. new[] { ("plan", "text"), ("score", "integer"), ("ratio", "decimal"), ("trial", "boolean"), ("renewal", "date"),
            ("seenAt", "instant"), ("tags", "set") }
            .Select(a => new CustomerAttribute { Name = a.Item1, Type = a.Item2, Kind = "value" }),
    ];

    public SegmentationDb NewDb(Action<DbContextOptionsBuilder<SegmentationDb>>? configure = null)
    {
        var options = new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql(source)
            .ConfigureWarnings(w =>
                w.Ignore(CoreEventId.FirstWithoutOrderByAndFilterWarning, CoreEventId.ManyServiceProvidersCreatedWarning));
        configure?.Invoke(options);
        return new SegmentationDb(options.Options);
    }

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        ConnectionString = await databases.CreateDatabaseAsync();
        source = new NpgsqlDataSourceBuilder(ConnectionString).Build();
        await using var db = NewDb();
        await db.Database.MigrateAsync();
        await DatabaseRoles.GrantAsync(db, default);

        var random = new Random(20240331);
        var customers = Enumerable.Range(0, 160).Select(i => MakeCustomer(random, i)).ToList();
        db.Customers.AddRange(customers);
        db.Attributes.AddRange(Attributes);
        var manual = new Segment
        {
            Key = "by-hand",
            Name = "By hand",
            Kind = SegmentKind.Manual,
            TimeZone = "UTC",
            Status = SegmentStatus.Active,
            Version = 1
        };
        db.Segments.Add(manual);
        db.Segments.Add(MakeSegment("in-berlin", "Europe/Berlin", """
            {"combinator":"or","rules":[
              {"field":"temporal.localHour","operator":"<","value":12},
              {"field":"temporal.signedUpAt","operator":"<","value":"2024-03-31"}]}
            """));
        db.Segments.Add(MakeSegment(
            "nested",
            "Asia/Kathmandu",
            """{"combinator":"and","rules":[{"field":"segment","operator":"notIn","value":["in-berlin","by-hand"]}]}"""));
        await db.SaveChangesAsync();
        db.ManualMembers.AddRange(customers.Where((_, i) => i % 3 == 0)
            .Select(c => new ManualMember { SegmentId = manual.Id, CustomerKey = c.Key, AddedAt = Now }));
        await db.SaveChangesAsync();

        // Loaded afresh, as the service loads them: what PostgreSQL stores is what both sides see.
        await using var again = NewDb();
        Customers = await again.Customers.Include(c => c.Events).Include(c => c.ManualMemberships).AsSplitQuery().OrderBy(c => c.Key)
            .ToListAsync();
        var segments = await again.Segments.AsNoTracking()
            .Select(s => new SegmentDefinition(s.Id, s.Key, s.Name, s.Kind, s.Status, s.Rule, s.TimeZone, s.Version))
            .ToListAsync();
        Definitions = new DefinitionSet(1, segments, Attributes, Fields, new RuleLimits(), null);
    }

    public async Task DisposeAsync()
    {
        await source.DisposeAsync();
        await databases.DisposeAsync();
    }

    /// <summary>Keys of the customers that match, as PostgreSQL finds them.</summary>
    public async Task<SortedSet<long>> InSqlAsync(JsonElement rule, string zone, DateTimeOffset? asOf, SegmentationDb db)
    {
        var compiled = Definitions.Compile(rule, Backend.Sql, asOf is not null);
        Assert.Empty(compiled.Errors);
        var predicate = compiled.ToQuery(
            new Evaluation(asOf ?? Now, zone), type => type == typeof(CustomerTotal) ? db.CustomerTotals : db.Events);
        return [.. await db.Customers.Where(predicate).Select(c => c.Key).ToListAsync()];
    }

    /// <summary>Keys of the customers that match, as the same tree finds them in memory.</summary>
    public SortedSet<long> InMemory(JsonElement rule, string zone, DateTimeOffset? asOf)
    {
        var compiled = Definitions.Compile(rule, Backend.Memory, asOf is not null);
        Assert.Empty(compiled.Errors);
        var values = Customers.ToDictionary(c => c.Key, c => asOf is null ? c.LifetimeValue : LifetimeValue(c, asOf.Value));
        foreach (var customer in Customers)
        {
            customer.Rank = (values.Values.Count(v => v < values[customer.Key]), Customers.Count);
        }

        var matches = compiled.ToFunc();
        var at = new Evaluation(asOf ?? Now, zone);
        return [.. Customers.Where(c => matches(c, at)).Select(c => c.Key)];
    }

    private static decimal LifetimeValue(Customer c, DateTimeOffset asOf) => c.Events.Where(e => e.OccurredAt <= asOf)
        .Sum(e => e.Type == "order_completed" ? e.Amount ?? 0 : e.Type == "order_refunded" ? -Math.Abs(e.Amount ?? 0) : 0);

    private static JsonElement Fold(JsonElement properties) => EventProperties.Fold(properties, out _) ?? properties;

    private static Segment MakeSegment(string key, string zone, string rule) =>
        new()
        {
            Key = key,
            Name = key,
            TimeZone = zone,
            Status = SegmentStatus.Active,
            Version = 1,
            Rule = JsonSerializer.Deserialize<JsonElement>(rule)
        };

    private static Customer MakeCustomer(Random random, int i)
    {
        T? Maybe<T>(Func<T> value, double chance = 0.75) => random.NextDouble() < chance ? value() : default;
        string Text() => Texts[random.Next(Texts.Length)];
        string[] Set() => [.. Enumerable.Range(0, random.Next(4)).Select(_ => Text()).Distinct(StringComparer.OrdinalIgnoreCase)];
        DateTimeOffset At() => random.Next(4) switch
        {
            0 => Now.AddHours(-random.Next(-1, 72)),
            1 => new DateTimeOffset(2024, 2, 29, 0, 0, 0, TimeSpan.Zero).AddMinutes(random.Next(-1500, 1500)),
            2 => Then.AddMicroseconds(random.Next(-1, 2)),
            _ => Now.AddDays(-random.Next(0, 900)).AddSeconds(random.Next(86400)),
        };
        DateOnly Day() => random.Next(3) switch
        {
            0 => new DateOnly(2000, 2, 28).AddDays(random.Next(3)),
            1 => DateOnly.FromDateTime(Now.Date).AddYears(-random.Next(-1, 60)).AddDays(random.Next(-1, 2)),
            _ => new DateOnly(1950, 1, 1).AddDays(random.Next(27_000))
        };

        var place = Maybe(() =>
            (Latitude: Math.Round((random.NextDouble() * 180) - 90, 3), Longitude: Math.Round((random.NextDouble() * 360) - 180, 3)));
        var located = random.Next(4) > 0;
        var customer = new Customer
        {
            Id = $"{Text()}-{i}",
            Email = Maybe(() => $"User{i}@Example.com"),
            FirstName = Maybe(Text),
            LastName = Maybe(Text),
            SignedUpAt = MaybeAt(),
            FirstSeenAt = MaybeAt(),
            LastSeenAt = MaybeAt(),
            CreatedAt = At(),
            UpdatedAt = Now,
            Version = 1,
            ConsentsGranted = random.Next(2) == 0 ? ["marketing"] : [],
            Demographic = new Demographic
            {
                BirthDate = random.Next(5) > 0 ? Day() : null,
                Gender = Maybe(Text),
                Education = Maybe(Text),
                Occupation = Maybe(Text),
                MaritalStatus = Maybe(Text),
                Language = Maybe(Text),
                Income = random.Next(4) > 0 ? random.Next(-3, 4) + 0.1m : null,
                HouseholdSize = random.Next(4) > 0 ? random.Next(4) : null,
                Children = random.Next(4) > 0 ? random.Next(4) : null,
            },
            Geographic = new Geographic
            {
                Country = Maybe(() => new[] { "DE", "AT", "US" }[random.Next(3)]),
                Region = Maybe(Text),
                City = Maybe(Text),
                PostalCode = Maybe(Text),
                TimeZone = Maybe(() => Zones[random.Next(Zones.Length)]),
                Climate = Maybe(() => Geographic.Climates[random.Next(5)]),
                Latitude = located ? place.Latitude : null,
                Longitude = located ? place.Longitude : null,
            },
            Psychographic = new Psychographic
            {
                Interests = Set(),
                Values = Set(),
                Attitudes = Set(),
                Motivations = Set(),
                Lifestyle = Maybe(Text),
                Personality = Maybe(Text)
            },
        };

        var attributes = new Dictionary<string, object>();
        void Attribute(string name, Func<object> value)
        {
            if (random.Next(3) > 0)
            {
                attributes[name] = value();
            }
        }

        Attribute("plan", () => CaseNormalizer.Normalize(Text()));
        Attribute("score", () => random.Next(-2, 5));
        Attribute("ratio", () => random.Next(-2, 5) / 4m);
        Attribute("trial", () => random.Next(2) == 0);
        Attribute("renewal", () => Day().DayNumber - new DateOnly(1970, 1, 1).DayNumber);
        Attribute("seenAt", () => (At() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        Attribute("tags", () => Set().Select(t => CaseNormalizer.Normalize(t)));
        customer.AttributesFolded = attributes.Count == 0 ? null : JsonSerializer.SerializeToElement(attributes);

        var events = Enumerable.Range(0, random.Next(4) == 0 ? 0 : random.Next(12))
            .Select(n => MakeEvent(n))
            .Where(e => e.OccurredAt <= Now)
            .ToList();
        customer.Events.AddRange(events);
        var (orders, refunds) = (events.Where(e => e.Type == "order_completed").ToList(), events.Where(e => e.Type == "order_refunded"));
        customer.EventCount = events.Count;
        customer.FirstEventAt = events.Min(e => (DateTimeOffset?)e.OccurredAt);
        customer.LastEventAt = events.Max(e => (DateTimeOffset?)e.OccurredAt);
        customer.OrderCount = orders.Count;
        customer.OrderAmount = orders.Sum(e => e.Amount ?? 0);
        customer.LifetimeValue = customer.OrderAmount - refunds.Sum(e => Math.Abs(e.Amount ?? 0));
        customer.FirstOrderAt = orders.Min(e => (DateTimeOffset?)e.OccurredAt);
        customer.LastOrderAt = orders.Max(e => (DateTimeOffset?)e.OccurredAt);
        RecentSentiment.Set(customer, events, new FeedbackOptions());
        return customer;

        DateTimeOffset? MaybeAt() => random.Next(4) > 0 ? At() : null;

        CustomerEvent MakeEvent(int n)
        {
            var type = EventTypes[random.Next(EventTypes.Length)];
            var channel = Maybe(Text);
            object?[] values = [CaseNormalizer.Normalize(Text()), random.Next(-1, 4), random.Next(0, 3) + 0.5m, true, false, null,
                new[] { 1 },
                new Dictionary<string, object> { ["deep"] = CaseNormalizer.Normalize(Text()) }, "5", 5, 5.0m,
                .. OddNumbers.Concat(LargeNumbers).Append("1e300000")
                    .Select(n => (object)JsonSerializer.Deserialize<JsonElement>(n))];
            decimal? sentiment = CaseNormalizer.Normalize(type) == "feedback" && random.Next(5) > 0 ? random.Next(-6, 7) / 6m : null;
            return new CustomerEvent
            {
                Sentiment = Exact.RoundSentiment(sentiment),
                SentimentSource = sentiment is null ? null : SentimentSources.All[random.Next(SentimentSources.All.Count)],
                Id = n.ToString(CultureInfo.InvariantCulture),
                OccurredAt = At(),
                Type = CaseNormalizer.Normalize(type),
                TypeSent = type == CaseNormalizer.Normalize(type) ? null : type,
                Channel = CaseNormalizer.Normalize(channel),
                Amount = random.Next(4) > 0 ? random.Next(-20, 60) / 10m : null,
                Properties = random.Next(4) == 0
                    ? null
                    : Fold(JsonSerializer.SerializeToElement(new Dictionary<string, object?>
                    {
                        ["p"] = values[random.Next(values.Length)],
                        ["q"] = values[random.Next(values.Length)]
                    })),
            };
        }
    }
}
