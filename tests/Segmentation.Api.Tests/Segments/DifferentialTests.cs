using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Segmentation.Rules.Backends;
using Xunit.Abstractions;

namespace Segmentation.Api.Tests.Segments;

/// <summary>SQL and memory must agree on every rule, and both must keep the laws of logic.</summary>
public sealed class DifferentialTests(RuleWorld world, ITestOutputHelper output) : IClassFixture<RuleWorld>
{
    private const int Trees = 2000;

    [Fact]
    public void RandomTrees_SqlAndMemoryAgree_AndComplementsAddUp()
    {
        using var db = world.NewDb();
        var (matched, partial) = (0, 0);
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            DateTimeOffset? asOf = random.Next(4) == 0 ? RuleWorld.Then : null;
            var zone = RuleWorld.Zones[random.Next(RuleWorld.Zones.Length)];
            var rule = new RuleTrees(random, world.Definitions.Catalog(Backend.Sql, asOf is not null)).Tree();
            var text = rule.GetRawText();

            var inSql = world.InSqlAsync(rule, zone, asOf, db).GetAwaiter().GetResult();
            var inMemory = world.InMemory(rule, zone, asOf);
            var difference = inSql.Except(inMemory).Concat(inMemory.Except(inSql)).ToList();
            Assert.True(difference.Count == 0, $"seed {seed}, zone {zone}, asOf {asOf}: SQL {inSql.Count}, memory {inMemory.Count}, differ on {string.Join(",", difference.Take(5))}\n{text}");

            var not = Parse($$"""{"combinator":"and","not":true,"rules":[{{text}}]}""");
            var complement = world.InMemory(not, zone, asOf);
            Assert.True(!complement.Overlaps(inSql) && complement.Count + inSql.Count == world.Customers.Count, $"seed {seed}: complement\n{text}");
            matched += inSql.Count;
            partial += inSql.Count > 0 && inSql.Count < world.Customers.Count ? 1 : 0;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(Trees));
        output.WriteLine($"{Trees} trees; {partial} matched some but not all; {matched / Trees} of {world.Customers.Count} on average");
        Assert.True(partial > Trees / 4, "Too few of the trees tell customers apart.");
    }

    [Fact]
    public void RandomTrees_InSql_KeepTheLaws()
    {
        using var db = world.NewDb();
        var everyone = world.Customers.Count;
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var trees = new RuleTrees(new Random(seed), world.Definitions.Catalog(Backend.Sql, false));
            var (a, b) = (trees.Tree(2).GetRawText(), trees.Tree(2).GetRawText());
            SortedSet<long> Ask(string rule) => world.InSqlAsync(Parse(rule), "Europe/Berlin", null, db).GetAwaiter().GetResult();
            static string Not(string rule) => $$"""{"combinator":"and","not":true,"rules":[{{rule}}]}""";
            static string Join(string how, string x, string y) => $$"""{"combinator":"{{how}}","rules":[{{x}},{{y}}]}""";

            var inA = Ask(a);
            Assert.Equal(everyone, inA.Count + Ask(Not(a)).Count);
            Assert.Equal(Ask(Not(Join("and", a, b))), Ask(Join("or", Not(a), Not(b))));
            Assert.Equal(inA, Ask(Join("and", a, a)));
            Assert.Equal(inA, Ask(Join("or", a, Join("and", a, b))));
            Assert.Equal(inA, Ask(Not(Not(a))));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(150));
    }

    private static JsonElement Parse(string json) => JsonSerializer.Deserialize<JsonElement>(json);
}
