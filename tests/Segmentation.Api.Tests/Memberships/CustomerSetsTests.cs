using FsCheck;
using FsCheck.Fluent;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Api.Tests.Segments;
using Segmentation.Rules;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>A customer of which only what a rule reads is loaded answers as the whole one does.</summary>
public sealed class CustomerSetsTests(RuleWorld world) : IClassFixture<RuleWorld>
{
    private const int Trees = 400;

    [Fact]
    public async Task Read_WhatARuleAsksFor_AnswersAsTheWholeCustomer()
    {
        await using var source = NpgsqlDataSource.Create(world.ConnectionString);
        await using var db = world.NewDb();
        var sets = new CustomerSets(source, new CustomerRowReaders());
        var whole = world.Customers.ToDictionary(c => c.Key);
        var ranks = whole.Values.ToDictionary(c => c.Key, c => (whole.Values.LongCount(o => o.LifetimeValue < c.LifetimeValue), (long)whole.Count));
        var told = 0;
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            var zone = RuleWorld.Zones[random.Next(RuleWorld.Zones.Length)];
            var rule = new RuleTrees(random, world.Definitions.Catalog(Backend.Memory, historical: false)).Tree();
            var segment = new SegmentDefinition(1000, "asked", "Asked", SegmentKind.Rule, SegmentStatus.Active, rule, zone, 1);
            var plan = new MembershipPlan(new Definitions(2, [.. world.Definitions.Segments.Values, segment], world.Attributes, world.Fields, new RuleLimits(), null), new RevenueOptions(), null);
            var asked = plan.ById[1000];
            var only = new SegmentSet(plan.Segments.Count);
            only.Add(asked.Place);
            var (now, later) = (new Evaluation(RuleWorld.Now, zone), new Evaluation(RuleWorld.Now.AddHours(1), zone));
            List<long> read = [];
            foreach (var customer in sets.ReadAsync(db, [.. whole.Keys], plan.MembersRead(only), plan.EventsRead(only), default).ToBlockingEnumerable())
            {
                read.Add(customer.Key);
                (customer.Rank, whole[customer.Key].Rank) = (ranks[customer.Key], ranks[customer.Key]);
                (bool, bool) Answers(Customer c) => (asked.Contains(c, now), asked.ReadsClock && asked.Flips(c, now, later));
                Assert.True(Answers(whole[customer.Key]) == Answers(customer), $"seed {seed}, zone {zone}, customer {customer.Key}\n{rule}");
                told += asked.Contains(customer, now) ? 1 : 0;
            }

            Assert.Equal(whole.Keys.Order(), read.Order());
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(Trees));
        Assert.InRange(told, Trees * whole.Count / 10, Trees * whole.Count * 9 / 10);
    }
}
