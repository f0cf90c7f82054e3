using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Segmentation.Api.Customers;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Local;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Tests.Local;

public sealed class SampleGeneratorTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly Lazy<List<Customer>> Sample = new(() => Load(500, 20_000));

    public static TheoryData<string> Keys => [.. ExampleSegments.All.Select(s => s.Key)];

    [Fact]
    public void Generate_CustomersOfTheTour_AreTheSameOnAnyDay()
    {
        // README's tour has the first join "lapsed-regulars" by three orders of 2025, and either leave it by an order of now.
        foreach (var now in Enumerable.Range(0, 60).Select(n => Now.AddDays(37 * n).AddHours(n)))
        {
            var generator = new SampleGenerator(SampleData.Seed, SampleData.Customers, SampleData.Events, now);
            var (joins, leaves) = (generator.Customer(32), generator.Customer(35));
            Assert.Equal(("DE", 0), (joins.Geographic.Country, joins.OrderCount));
            Assert.Equal(("DE", true), (leaves.Geographic.Country, leaves.OrderCount >= 3));
            Assert.True(now - leaves.LastOrderAt > TimeSpan.FromDays(92), $"{now:O}: {leaves.LastOrderAt:O}");
        }
    }

    [Fact]
    public void Generate_AnyMachine_GivesTheseBytes()
    {
        // Whoever changes the sample on purpose writes the new value here.
        Assert.Equal("5C5FCF5AAE5B6F21", Hash(new SampleGenerator(SampleData.Seed, 5_000, 200_000, Now)));
    }

    [Fact]
    public void Generate_AnotherCultureAndOrder_GivesTheSame()
    {
        var expected = Hash(new SampleGenerator(7, 300, 9_000, Now));
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("ar-SA");
            var generator = new SampleGenerator(7, 300, 9_000, Now);
            _ = generator.Events(299).Count();
            _ = generator.Customer(150);
            Assert.Equal(expected, Hash(generator));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Fact]
    public void Generate_AnotherSeed_GivesOthers() =>
        Assert.NotEqual(Hash(new SampleGenerator(7, 300, 9_000, Now)), Hash(new SampleGenerator(8, 300, 9_000, Now)));

    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 10)]
    [InlineData(7, 3)]
    [InlineData(500, 20_000)]
    [InlineData(5_000, 200_000)]
    [InlineData(10_007, 100_000)]
    public void Events_AllCustomers_AreAsManyAsAsked(int customers, long events)
    {
        var generator = new SampleGenerator(ulong.MaxValue, customers, events, Now);
        Assert.Equal(events, Enumerable.Range(0, customers).Sum(i => generator.Events(i).LongCount()));
        Assert.Equal(customers, generator.Customers().Select(c => c.Id).Distinct().Count());
    }

    [Fact]
    public void Events_Always_AreWithinTheirTimeAndUniqueByCustomer()
    {
        foreach (var customer in Sample.Value)
        {
            Assert.All(customer.Events, e => Assert.InRange(e.OccurredAt, Now.AddDays(-SampleGenerator.Days - 2), Now));
            Assert.Equal(customer.Events.Count, customer.Events.Select(e => e.Id).Distinct().Count());
        }
    }

    [Fact]
    public void Customers_Kept_AddUpTheirEvents()
    {
        Assert.Contains(Sample.Value, c => c.Events.Any(e => e.Type == "order_refunded" && e.Amount < 0));
        Assert.Contains(Sample.Value, c => c.Events.Any(e => e.Type == "order_refunded" && e.Amount > 0));
        foreach (var customer in Sample.Value)
        {
            var orders = customer.Events.Where(e => e.Type == "order_completed").ToList();
            var refunds = customer.Events.Where(e => e.Type == "order_refunded").Sum(e => Math.Abs(e.Amount!.Value));
            Assert.Equal(
                (customer.Events.Count, Least(customer.Events), Most(customer.Events), orders.Count, orders.Sum(e => e.Amount!.Value),
                    orders.Sum(e => e.Amount!.Value) - refunds, Least(orders), Most(orders)),
                (customer.EventCount, customer.FirstEventAt, customer.LastEventAt, customer.OrderCount, customer.OrderAmount,
                    customer.LifetimeValue, customer.FirstOrderAt, customer.LastOrderAt));
            Assert.True(customer.Events.Count == 0
                || (customer.FirstSeenAt <= customer.FirstEventAt && customer.LastSeenAt == customer.LastEventAt));
        }

        static DateTimeOffset? Least(IEnumerable<CustomerEvent> events) => events.Min(e => (DateTimeOffset?)e.OccurredAt);
        static DateTimeOffset? Most(IEnumerable<CustomerEvent> events) => events.Max(e => (DateTimeOffset?)e.OccurredAt);
    }

    [Fact]
    public void Events_ByCustomer_HaveAHeavyTail()
    {
        var counts = new SampleGenerator(SampleData.Seed, 5_000, 200_000, Now).Customers().Select(c => c.EventCount).OrderDescending()
            .ToList();
        Assert.InRange(counts.Take(1_000).Sum(), 110_000, 150_000);
        Assert.InRange(counts[0], 1_000, 4_000);
        Assert.InRange(counts[2_500], 5, 30);
        Assert.InRange(counts.Count(n => n == 0), 100, 1_000);
    }

    [Fact]
    public void Events_ByTime_HaveSeasonsAndHours()
    {
        var events = Sample.Value.SelectMany(c => c.Events).ToList();
        Assert.True(events.Count(e => e.OccurredAt.Month == 11) > 1.3 * events.Count(e => e.OccurredAt.Month == 7));

        var hours = events.Where(e => e.Customer.Geographic.TimeZone is not null)
            .CountBy(e => LocalTime.Hour(e.OccurredAt, e.Customer.Geographic.TimeZone!))
            .ToDictionary();
        Assert.True(hours[20] > 3 * hours[4]);
        Assert.True(events.Select(e => e.Type).Distinct().Count() >= 10);
        Assert.True(events.Select(e => e.Channel).Distinct().Count() >= 4);
    }

    [Fact]
    public void Customers_Traits_AreVariedCorrelatedAndOftenMissing()
    {
        var customers = Sample.Value;
        Assert.True(customers.Select(c => c.Geographic.TimeZone).Distinct().Count() >= 10);
        Assert.All(
            customers.Select(c => c.Geographic.TimeZone).OfType<string>().Distinct(), zone => Assert.True(LocalTime.TryFind(zone, out _)));
        Assert.All(
            customers.Select(c => c.Geographic.Climate).OfType<string>().Distinct(),
            climate => Assert.Contains(climate, Geographic.Climates));
        Assert.All(customers, c => Assert.Equal(c.Geographic.Latitude is null, c.Geographic.Longitude is null));
        Assert.All(
            customers.Select(c => c.Geographic).Where(g => g is { City: "Tokyo", TimeZone: not null }),
            g => Assert.Equal("Asia/Tokyo", g.TimeZone));

        Assert.InRange(customers.Count(c => c.Demographic.Income is null), 60, 160);
        Assert.InRange(customers.Count(c => c.Psychographic.Interests.Length == 0), 80, 200);
        Assert.InRange(customers.Count(c => c.Attributes is null), 1, 60);
        Assert.Contains(customers, c => c.Email is null && c.Demographic.BirthDate is null && c.Consents is null && c.SignedUpAt is null);

        decimal Income(params string[] education) =>
            customers.Where(c => education.Contains(c.Demographic.Education)).Average(c => c.Demographic.Income ?? 0);
        Assert.True(Income("Master", "Doctorate") > 1.3m * Income("Secondary"));
        Assert.All(
            customers.Where(c => c.Demographic is { Occupation: "Retired", BirthDate: not null }),
            c => Assert.True(c.Demographic.BirthDate < new DateOnly(1961, 1, 1)));
    }

    [Fact]
    public void Customers_Folded_AreWhatRulesRead()
    {
        var attributes = SampleAttributes.Define(Now);
        foreach (var customer in Sample.Value.Where(c => c.Attributes is not null))
        {
            var (original, normalized) = (customer.Attributes!.Value, customer.AttributesFolded!.Value);
            Assert.Equal(original.EnumerateObject().Select(p => p.Name), normalized.EnumerateObject().Select(p => p.Name));
            foreach (var property in original.EnumerateObject())
            {
                var expected = attributes.Single(a => a.Name == property.Name).Type switch
                {
                    "date" => (DateOnly.Parse(property.Value.GetString()!, CultureInfo.InvariantCulture).DayNumber
                        - new DateOnly(1970, 1, 1).DayNumber).ToString(CultureInfo.InvariantCulture),
                    "instant" => (property.Value.GetDateTimeOffset().ToUnixTimeSeconds() * 1_000_000).ToString(
                        CultureInfo.InvariantCulture),
                    _ => CaseNormalizer.Normalize(property.Value.GetRawText()),
                };
                Assert.Equal(expected, normalized.GetProperty(property.Name).GetRawText());
            }
        }

        Assert.All(Sample.Value.Where(c => c.Consents is not null), c => Assert.Equal(
            c.Consents!.Value.EnumerateObject().Where(p => p.Value.GetProperty("granted").GetBoolean()).Select(p => p.Name),
            c.ConsentsGranted));

        // The original stands beside the normalized form exactly where it differs.
        var events = Sample.Value.SelectMany(c => c.Events).ToList();
        Assert.All(events, e => Assert.Equal(
            (e.TypeSent ?? e.Type, e.ChannelSent ?? e.Channel, (e.PropertiesSent ?? e.Properties)?.GetRawText())
                is var (type, channel, properties)
                ? (CaseNormalizer.Normalize(type), CaseNormalizer.Normalize(channel), CaseNormalizer.Normalize(properties))
                : default,
            (e.Type, e.Channel, e.Properties?.GetRawText())));
        Assert.Contains(events, e => e.PropertiesSent is not null);
        Assert.Contains(events, e => e.ChannelSent is not null);
    }

    [Fact]
    public void Segments_All_AreTwoOfEachKind()
    {
        Assert.Equal(
            CustomerFields.Kinds.SelectMany(k => new[] { k, k }).Append("psychographic"), ExampleSegments.All.Select(s => s.Kind));
        Assert.Equal(13, ExampleSegments.All.Select(s => s.Key).Distinct().Count());
        Assert.All(ExampleSegments.All, s => Assert.Matches(new Regex(Segment.KeyPattern), s.Key));
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void Segments_Each_CompilesAndHoldsSomeOfTheSample(string key)
    {
        var references = ExampleSegments.All.ToDictionary(s => s.Key, s => new SegmentReference(s.Key, s.RuleTree, s.TimeZone, null));
        var catalog = new CustomerFields(new RevenueOptions(), new FeedbackOptions()).Catalog(
            Backend.Memory, false, SampleAttributes.Define(Now));
        var segment = ExampleSegments.All.Single(s => s.Key == key);

        var rule = new RuleCompiler<Customer>(catalog, new RuleLimits(), references.GetValueOrDefault).Compile(segment.RuleTree, key);

        Assert.Empty(rule.Errors);
        var (matches, evaluation) = (rule.ToFunc(), new Evaluation(Now, segment.TimeZone));
        Assert.InRange(Sample.Value.Count(c => matches(c, evaluation)) / (double)Sample.Value.Count, 0.005, 0.8);
    }

    private static List<Customer> Load(int count, long events)
    {
        var generator = new SampleGenerator(SampleData.Seed, count, events, Now);
        var customers = generator.Customers().ToList();
        for (var i = 0; i < count; i++)
        {
            customers[i].Key = i + 1;
            foreach (var e in generator.Events(i))
            {
                (e.Customer, e.CustomerKey) = (customers[i], i + 1);
                customers[i].Events.Add(e);
            }
        }

        foreach (var customer in customers)
        {
            customer.Rank = (customers.Count(c => c.LifetimeValue < customer.LifetimeValue), count);
        }

        return customers;
    }

    private static string Hash(SampleGenerator generator)
    {
        // Member by member: a new column alone doesn't change the sample.
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(params FormattableString[] parts) => hash.AppendData(
            Encoding.UTF8.GetBytes(string.Join('|', parts.Select(p => p.ToString(CultureInfo.InvariantCulture))) + "\n"));
        for (var i = 0; i < generator.CustomerCount; i++)
        {
            var c = generator.Customer(i);
            var (d, g, p) = (c.Demographic, c.Geographic, c.Psychographic);
            Add(
                $"{c.Id}|{c.Email}|{c.FirstName}|{c.LastName}|{c.SignedUpAt:O}|{c.FirstSeenAt:O}|{c.LastSeenAt:O}|{c.CreatedAt:O}",
                $"{c.Attributes}|{c.AttributesFolded}|{c.Consents}|{string.Join(',', c.ConsentsGranted)}");
            Add(
                $"{d.BirthDate:O}|{d.Gender}|{d.Education}|{d.Occupation}|{d.MaritalStatus}|{d.Language}",
                $"{d.Income}|{d.HouseholdSize}|{d.Children}");
            Add($"{g.Country}|{g.Region}|{g.City}|{g.PostalCode}|{g.TimeZone}|{g.Climate}|{g.Latitude:R}|{g.Longitude:R}");
            Add(
                $"{string.Join(',', p.Interests)}|{string.Join(',', p.Values)}|{string.Join(',', p.Attitudes)}",
                $"{string.Join(',', p.Motivations)}|{p.Lifestyle}|{p.Personality}");
            Add(
                $"{c.EventCount}|{c.FirstEventAt:O}|{c.LastEventAt:O}|{c.OrderCount}|{c.OrderAmount}|{c.LifetimeValue}",
                $"{c.FirstOrderAt:O}|{c.LastOrderAt:O}");
            foreach (var e in generator.Events(i))
            {
                Add(
                    $"{e.Id}|{e.OccurredAt:O}|{e.Type}|{e.TypeSent}|{e.Amount}|{e.Currency}|{e.Channel}|{e.ChannelSent}",
                    $"{e.Properties}|{e.PropertiesSent}");
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset())[..16];
    }
}
