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

/// <summary>Four customers, a to d, made by hand so that who matches is plain to see; d has nothing. In PostgreSQL and in memory.</summary>
public sealed class OperatorWorld : IAsyncLifetime
{
    /// <summary>A Saturday.</summary>
    public static readonly DateTimeOffset Now = new(2024, 6, 15, 12, 0, 0, TimeSpan.Zero);

    private static readonly FeedbackOptions feedback = new() { EventTypes = ["page_viewed"] };

    private readonly TestDatabase databases = new();
    private NpgsqlDataSource source = null!;
    private IReadOnlyList<Customer> customers = [];

    public DefinitionSet Definitions { get; private set; } = null!;

    public SegmentationDb NewDb(IInterceptor? interceptor = null)
    {
        var options = new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql(source)
            .ConfigureWarnings(w =>
                w.Ignore(CoreEventId.FirstWithoutOrderByAndFilterWarning, CoreEventId.ManyServiceProvidersCreatedWarning));
        return new SegmentationDb((interceptor is null ? options : options.AddInterceptors(interceptor)).Options);
    }

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        source = new NpgsqlDataSourceBuilder(await databases.CreateDatabaseAsync()).Build();
        await using var db = NewDb();
        await db.Database.MigrateAsync();
        var (a, b, c, d) = (A(), B(), C(), D());
        (a.Scores, b.Scores, c.Scores) = (Scores(0.25m), Scores(0.75m), Scores(null));
        db.Customers.AddRange(a, b, c, d);
        db.Attributes.AddRange(
            new[] { ("plan", "text"), ("score", "integer"), ("ratio", "decimal"), ("trial", "boolean"), ("renewal", "date"),
                ("seenAt", "instant"), ("tags", "set") }
                .Select(a => new CustomerAttribute { Name = a.Item1, Type = a.Item2, Kind = "value" }));
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
        db.Segments.Add(new Segment
        {
            Key = "big",
            Name = "Big",
            TimeZone = "Asia/Kathmandu",
            Status = SegmentStatus.Active,
            Version = 1,
            Rule = Json(RuleJson.All(RuleJson.Is("value.lifetimeValue", ">=", "80"))),
        });
        await db.SaveChangesAsync();
        foreach (var id in new[] { "Alpha", "alphabet" })
        {
            db.ManualMembers.Add(new ManualMember
            {
                SegmentId = manual.Id,
                CustomerKey = (await db.Customers.SingleAsync(c => c.Id == id)).Key,
                AddedAt = Now
            });
        }

        await db.SaveChangesAsync();
        await using var again = NewDb();
        customers = await again.Customers.Include(c => c.Events).Include(c => c.ManualMemberships).AsSplitQuery().OrderBy(c => c.Key)
            .ToListAsync();
        foreach (var customer in customers)
        {
            customer.Rank = (customers.Count(c => c.LifetimeValue < customer.LifetimeValue), customers.Count);
        }

        var segments = await again.Segments.AsNoTracking()
            .Select(s => new SegmentDefinition(s.Id, s.Key, s.Name, s.Kind, s.Status, s.Rule, s.TimeZone, s.Version))
            .ToListAsync();
        var attributes = await again.Attributes.AsNoTracking().OrderBy(a => a.Name).ToListAsync();
        Definitions = new DefinitionSet(
            1, segments, attributes, new CustomerFields(new RevenueOptions(), feedback), new RuleLimits(), null, Rfm);
    }

    private static CustomerScores Scores(decimal? value) => new()
    {
        ScoredOn = DateOnly.FromDateTime(Now.DateTime),
        Silence = value,
        AliveProbability = value,
        ChurnRisk = value,
        Orders30 = value,
        Orders90 = value,
        Orders365 = value,
        AverageOrderValue = value,
        LifetimeValue = value,
        ValuePercentile = value,
    };

    // Of a recency 4, frequency 3 and monetary value 2; of b 2, 2 and 4.
    private static RfmHistory Rfm => new(
    [
        new RfmThresholds
        {
            Id = 1,
            ComputedAt = Now.AddDays(-1),
            LastOrderAt = [Now.AddDays(-50), Now.AddDays(-40), Now.AddDays(-10), null],
            OrderCount = [1, 2, null, null],
            LifetimeValue = [10, 50, 60, null],
        },
    ]);

    public async Task DisposeAsync()
    {
        await source.DisposeAsync();
        await databases.DisposeAsync();
    }

    /// <summary>The statement that a rule becomes.</summary>
    public IQueryable<string> Query(SegmentationDb db, JsonElement rule, bool historical = false, string zone = "UTC")
    {
        var compiled = Definitions.Compile(rule, Backend.Sql, historical);
        Assert.True(compiled.IsValid, $"{rule.GetRawText()}\n{string.Join('\n', compiled.Errors)}");
        var predicate = compiled.ToQuery(new Evaluation(Now, zone), type => type == typeof(CustomerTotal) ? db.CustomerTotals : db.Events);
        return db.Customers.Where(predicate).OrderBy(c => c.FirstName).Select(c => c.LastName!);
    }

    /// <summary>The letters of those that match: in PostgreSQL as of now, there as of an instant in the past, and both in memory.</summary>
    public async Task<string[]> AskAsync(SegmentationDb db, JsonElement rule)
    {
        List<string> answers = [];
        foreach (var historical in new[] { false, true })
        {
            answers.Add(string.Join(' ', (await Query(db, rule, historical).ToListAsync()).Order()));
            var memory = Definitions.Compile(rule, Backend.Memory, historical).ToFunc();
            var at = new Evaluation(Now, "UTC");
            answers.Add(string.Join(' ', customers.Where(c => memory(c, at)).Select(Letter)));
        }

        return [.. answers];
    }

    // The last name tells the letters apart; it is a text under test as well.
    private static string Letter(Customer c) => c.LastName!;

    private static JsonElement Json(string json) => JsonSerializer.Deserialize<JsonElement>(json);

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static Customer Texts(string id, string letter, string? text) => new()
    {
        Id = id,
        LastName = letter,
        Email = text,
        FirstName = text,
        Version = 1,
        CreatedAt = At("2024-02-01T00:00Z"),
        UpdatedAt = Now,
        Demographic = new Demographic
        {
            Gender = text,
            Education = text,
            Occupation = text,
            MaritalStatus = text,
            Language = text,
        },
        Geographic = new Geographic
        {
            Region = text,
            City = text,
            PostalCode = text,
        },
        Psychographic = new Psychographic
        {
            Lifestyle = text,
            Personality = text,
        },
    };

    private static void Numbers(Customer c, int whole, decimal exact, DateOnly birth, DateTimeOffset at, string[] set, bool trial)
    {
        (c.Demographic.HouseholdSize, c.Demographic.Children, c.Demographic.Income, c.Demographic.BirthDate) = (whole, whole, exact, birth);
        (c.SignedUpAt, c.FirstSeenAt, c.LastSeenAt, c.CreatedAt) = (at, at, at, at);
        (c.Psychographic.Interests, c.Psychographic.Values, c.Psychographic.Attitudes, c.Psychographic.Motivations) = (set, set, set, set);
        c.AttributesFolded = JsonSerializer.SerializeToElement(new Dictionary<string, object>
        {
            ["plan"] = CaseNormalizer.Normalize(c.FirstName)!,
            ["score"] = whole,
            ["ratio"] = exact,
            ["trial"] = trial,
            ["renewal"] = birth.DayNumber - new DateOnly(1970, 1, 1).DayNumber,
            ["seenAt"] = (at - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
            ["tags"] = set.Select(t => CaseNormalizer.Normalize(t)),
        });
    }

    private static void Add(Customer c, string at, string type, decimal? amount, string? channel, string? properties,
        decimal? sentiment = null, string? source = null)
    {
        var e = new CustomerEvent
        {
            Id = $"e{c.Events.Count}",
            OccurredAt = At(at),
            Type = type,
            Amount = amount,
            Channel = channel,
            Properties = properties is null ? null : Json(properties),
            Sentiment = sentiment,
            SentimentSource = source,
        };
        c.Events.Add(e);
        RecentSentiment.Set(c, c.Events, feedback);
        c.EventCount++;
        (c.FirstEventAt, c.LastEventAt) = (c.FirstEventAt ?? e.OccurredAt, e.OccurredAt);
        if (type == "order_completed")
        {
            (c.OrderCount, c.OrderAmount, c.LifetimeValue) =
                (c.OrderCount + 1, c.OrderAmount + (amount ?? 0), c.LifetimeValue + (amount ?? 0));
            (c.FirstOrderAt, c.LastOrderAt) = (c.FirstOrderAt ?? e.OccurredAt, e.OccurredAt);
        }
        else if (type == "order_refunded")
        {
            c.LifetimeValue -= Math.Abs(amount ?? 0);
        }
    }

    // Berlin: 14 o'clock on Saturday. 34 today. Orders 10 + 30; the last 5 days ago.
    private static Customer A()
    {
        var c = Texts("Alpha", "a", "Alpha");
        Numbers(c, 1, 1.5m, new DateOnly(1990, 6, 15), At("2024-01-01T00:00Z"), ["Red", "Blue"], true);
        (c.Geographic.Country, c.Geographic.TimeZone, c.Geographic.Climate, c.Geographic.Latitude, c.Geographic.Longitude) =
            ("DE", "Europe/Berlin", "temperate", 52.52, 13.405);
        c.ConsentsGranted = ["marketing"];
        Add(c, "2024-06-01T10:00Z", "order_completed", 10, "web", """{"p":"red","n":5,"f":true,"deep":{"er":"x"}}""", 1, "score");
        Add(c, "2024-06-05T00:00Z", "page_viewed", null, null, null, -0.5m, "words");
        Add(c, "2024-06-10T12:00Z", "order_completed", 30, "web", """{"p":null}""");
        return c;
    }

    // New York: 8 o'clock on Saturday. 33, 34 tomorrow. Order 100, refund 20; 45 days ago.
    private static Customer B()
    {
        var c = Texts("alphabet", "b", "alphabet");
        Numbers(c, 2, 2.5m, new DateOnly(1990, 6, 16), At("2024-01-01T23:59:59.999999Z"), ["red"], false);
        (c.Geographic.Country, c.Geographic.TimeZone, c.Geographic.Climate, c.Geographic.Latitude, c.Geographic.Longitude) =
            ("US", "America/New_York", "polar", 40.7128, -74.006);
        Add(c, "2024-05-01T08:00Z", "order_completed", 100, "store", """{"p":"redder","n":7.5,"f":false}""");
        Add(c, "2024-05-03T09:00Z", "order_refunded", 20, "store", """{"p":5,"n":"5"}""", -1, "score");
        return c;
    }

    // Auckland: midnight, and so Sunday. Born on 29 February. No order.
    private static Customer C()
    {
        var c = Texts("50%_Off", "c", "50%_Off");
        Numbers(c, 3, -3m, new DateOnly(2000, 2, 29), At("2024-01-02T00:00Z"), ["green"], true);
        (c.Geographic.Country, c.Geographic.TimeZone, c.Geographic.Climate, c.Geographic.Latitude, c.Geographic.Longitude) =
            ("NZ", "Pacific/Auckland", "arid", -36.8485, 174.7633);
        c.ConsentsGranted = ["marketing", "other"];
        Add(c, "2023-12-31T23:30Z", "page_viewed", null, "web", """{"n":9}""", 0.333m, "model");
        return c;
    }

    private static Customer D() => Texts("zed", "d", null);
}
