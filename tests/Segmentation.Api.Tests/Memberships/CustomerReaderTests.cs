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

/// <summary>A customer of which only what a rule reads is loaded answers as the whole one does.</summary>
public sealed class CustomerReaderTests(RuleWorld world) : IClassFixture<RuleWorld>
{
    private const int Trees = 400;

    [Fact]
    public async Task Read_WhatRandomRulesAskFor_AnswersAsTheWholeCustomer()
    {
        await using var sets = new Sets(world);
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            var zone = RuleWorld.Zones[random.Next(RuleWorld.Zones.Length)];
            sets.Check($"seed {seed}", new RuleTrees(random, world.Definitions.Catalog(Backend.Memory, historical: false)).Tree(), zone);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(Trees));
        Assert.InRange(sets.Told, Trees * world.Customers.Count / 10, Trees * world.Customers.Count * 9 / 10);
    }

    // Where the types are named, nothing is read but what the rule names: also where it adds up, or counts the different ones.
    [Theory]
    [InlineData("""{"mode":"atLeast","threshold":0.5,"aggregate":"sum","of":"properties.p"}""")]
    [InlineData("""{"mode":"atLeast","threshold":1,"aggregate":"distinct","of":"channel"}""")]
    [InlineData("""{"mode":"atLeast","threshold":1,"aggregate":"distinct","of":"properties.p"}""")]
    public async Task Read_WhatARuleAddsUp_AnswersAsTheWholeCustomer(string match)
    {
        await using var sets = new Sets(world);
        sets.Check(match, JsonElement.Parse($$$"""{"combinator":"and","rules":[{"field":"behavioral.events","operator":"=","match":{{{match}}},"value":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"page_viewed"}]}}]}"""), "UTC");
        Assert.InRange(sets.Told, 1, world.Customers.Count - 1);
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

    private sealed class Sets(RuleWorld world) : IAsyncDisposable
    {
        private readonly NpgsqlDataSource source = NpgsqlDataSource.Create(world.ConnectionString);
        private readonly SegmentationDb db = world.NewDb();
        private readonly CustomerRowReaders readers = new();
        private readonly Dictionary<long, Customer> whole = world.Customers.ToDictionary(c => c.Key);
        private readonly Dictionary<long, (long, long)> ranks = world.Customers.ToDictionary(c => c.Key, c => (world.Customers.LongCount(o => o.LifetimeValue < c.LifetimeValue), (long)world.Customers.Count));

        public int Told { get; private set; }

        public void Check(string name, JsonElement rule, string zone)
        {
            var segment = new SegmentDefinition(1000, "asked", "Asked", SegmentKind.Rule, SegmentStatus.Active, rule, zone, 1);
            var plan = new MembershipPlan(new DefinitionSet(2, [.. world.Definitions.Segments.Values, segment], world.Attributes, world.Fields, new RuleLimits(), null), new RevenueOptions(), null);
            var asked = plan.ById[1000];
            var only = new SegmentSet(plan.Segments.Count);
            only.Set(asked.Place, true);
            var (now, later) = (new Evaluation(RuleWorld.Now, zone), new Evaluation(RuleWorld.Now.AddHours(1), zone));
            var flips = asked.ReadsClock ? asked.Flips(now, later) : _ => false;
            List<long> read = [];
            foreach (var (customer, _) in new CustomerReader(source, readers).ReadAsync(db, [.. whole.Keys], plan, only, new Dictionary<long, SegmentSet>(), default).ToBlockingEnumerable())
            {
                read.Add(customer.Key);
                (customer.Rank, whole[customer.Key].Rank) = (ranks[customer.Key], ranks[customer.Key]);
                (bool, bool) Answers(Customer c) => (asked.Contains(c, now), flips(c));
                Assert.True(Answers(whole[customer.Key]) == Answers(customer), $"{name}, zone {zone}, customer {customer.Key}\n{rule}");
                Told += asked.Contains(customer, now) ? 1 : 0;

                // What time does to a customer, it does to one of its events or to the rest: so after an event, only that one is asked about.
                CustomerEvent[] events = [.. customer.Events];
                bool FlipsWith(int odd)
                {
                    customer.Events.Clear();
                    customer.Events.AddRange(events.Where((_, i) => i % 2 == odd));
                    return flips(customer);
                }

                Assert.True((FlipsWith(0) | FlipsWith(1)) == flips(whole[customer.Key]), $"{name}, zone {zone}, customer {customer.Key}, by halves\n{rule}");
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
