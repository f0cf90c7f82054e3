using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Api.Tests.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>A customer of which only what a rule reads is loaded is evaluated as the whole one is.</summary>
public sealed class CustomerReaderTests(RuleWorld world) : IClassFixture<RuleWorld>
{
    private const int Trees = 400;

    [Fact]
    public async Task Read_RandomRules_EvaluateAsTheWholeCustomer()
    {
        await using var comparison = new Comparison(world);
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            var zone = RuleWorld.Zones[random.Next(RuleWorld.Zones.Length)];
            comparison.Check(
                $"seed {seed}", new RuleTrees(random, world.Definitions.Catalog(Backend.Memory, historical: false)).Tree(), zone);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(Trees));
        Assert.InRange(comparison.Members, Trees * world.Customers.Count / 10, Trees * world.Customers.Count * 9 / 10);
    }

    // Where the types are named, nothing is read but what the rule names: also where it sums, or counts distinct values.
    [Theory]
    [InlineData("""{"mode":"atLeast","threshold":0.5,"aggregate":"sum","of":"properties.p"}""")]
    [InlineData("""{"mode":"atLeast","threshold":1,"aggregate":"distinct","of":"channel"}""")]
    [InlineData("""{"mode":"atLeast","threshold":1,"aggregate":"distinct","of":"properties.p"}""")]
    public async Task Read_AggregatingRule_EvaluatesAsTheWholeCustomer(string match)
    {
        await using var comparison = new Comparison(world);
        var viewed = """{"combinator":"and","rules":[{"field":"type","operator":"=","value":"page_viewed"}]}""";
        var events = $$"""{"field":"behavioral.events","operator":"=","match":{{match}},"value":{{viewed}}}""";
        comparison.Check(match, JsonElement.Parse($$"""{"combinator":"and","rules":[{{events}}]}"""), "UTC");
        Assert.InRange(comparison.Members, 1, world.Customers.Count - 1);
    }

    [Theory]
    [InlineData("'{}'", "")]
    [InlineData("ARRAY[NULL, 'a', '', 'längst', NULL]", "null,a,,längst,null")]
    public async Task PostgresArray_ReadsEachElementOnce(string array, string elements)
    {
        await using var source = NpgsqlDataSource.Create(world.ConnectionString);
        await using var command = source.CreateCommand($"SELECT array_send({array}::text[])");
        var read = new PostgresArray((byte[])(await command.ExecuteScalarAsync())!);
        List<string> texts = [];
        Assert.Equal(elements.Length == 0 ? 0 : 5, read.Count);
        while (read.MoveNext())
        {
            texts.Add(read.IsNull ? "null" : Encoding.UTF8.GetString(read.Current));
        }

        Assert.Equal((elements, 0), (string.Join(',', texts), read.Count));
    }

    private sealed class Comparison(RuleWorld world) : IAsyncDisposable
    {
        private readonly NpgsqlDataSource source = NpgsqlDataSource.Create(world.ConnectionString);
        private readonly SegmentationDb db = world.NewDb();
        private readonly CustomerRowReaders readers = new();
        private readonly Dictionary<long, Customer> whole = world.Customers.ToDictionary(c => c.Key);
        private readonly Dictionary<long, (long, long)> ranks = world.Customers.ToDictionary(
            c => c.Key, c => (world.Customers.LongCount(o => o.LifetimeValue < c.LifetimeValue), (long)world.Customers.Count));

        public int Members { get; private set; }

        public void Check(string name, JsonElement rule, string zone)
        {
            var segment = new SegmentDefinition(1000, "evaluated", "Evaluated", SegmentKind.Rule, SegmentStatus.Active, rule, zone, 1);
            var plan = new MembershipPlan(
                new DefinitionSet(
                    2, [.. world.Definitions.Segments.Values, segment], world.Attributes, world.Fields, new RuleLimits(), null),
                new RevenueOptions(),
                new FeedbackOptions(),
                null);
            var evaluated = plan.ById[1000];
            var scope = new SegmentSet(plan.Segments.Count);
            scope.Set(evaluated.Ordinal, true);
            var (now, later) = (new Evaluation(RuleWorld.Now, zone), new Evaluation(RuleWorld.Now.AddHours(1), zone));
            var mayTransition = evaluated.ReadsClock ? evaluated.MayTransition(now, later) : _ => false;
            List<long> read = [];
            foreach (var (customer, _) in new CustomerReader(source, readers)
                .ReadAsync(db, [.. whole.Keys], plan, scope, new Dictionary<long, SegmentSet>(), default)
                .ToBlockingEnumerable())
            {
                read.Add(customer.Key);
                (customer.Rank, whole[customer.Key].Rank) = (ranks[customer.Key], ranks[customer.Key]);
                (bool, bool) Evaluate(Customer c) => (evaluated.Contains(c, now), mayTransition(c));
                Assert.True(Evaluate(whole[customer.Key]) == Evaluate(customer), $"{name}, zone {zone}, customer {customer.Key}\n{rule}");
                Members += evaluated.Contains(customer, now) ? 1 : 0;

                // Time moves a customer by one of its events or by the rest: so after an event, only that one needs evaluation.
                CustomerEvent[] events = [.. customer.Events];
                bool TransitionsWith(int odd)
                {
                    customer.Events.Clear();
                    customer.Events.AddRange(events.Where((_, i) => i % 2 == odd));
                    return mayTransition(customer);
                }

                Assert.True(
                    (TransitionsWith(0) | TransitionsWith(1)) == mayTransition(whole[customer.Key]),
                    $"{name}, zone {zone}, customer {customer.Key}, by halves\n{rule}");
            }

            Assert.Equal(whole.Keys.Order(), read.Order());
        }

        public async ValueTask DisposeAsync()
        {
            await db.DisposeAsync();
            await source.DisposeAsync();
        }
    }
}
