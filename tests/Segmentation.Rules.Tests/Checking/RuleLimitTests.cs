using Segmentation.Rules.Checking;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests.Checking;

/// <summary>The limits, just met and just passed.</summary>
public class RuleLimitTests
{
    private const string Ok = "{'field':'name','operator':'null'}";

    private static string Nested(int depth) => Enumerable.Range(1, depth - 1).Aggregate(Group(Ok), (inner, _) => Group(inner));

    [Fact]
    public void Compile_DepthTen_IsFineAndElevenIsNot()
    {
        Assert.True(RuleTester.Compile(Nested(10)).IsValid);
        RuleTester.AssertErrors(RuleTester.Compile(Nested(11)), string.Concat(Enumerable.Repeat("/rules/0", 10)) + ": 10 deep at most");
    }

    [Fact]
    public void Compile_DepthInsideSubquery_CountsFromTheRoot()
    {
        static string Tree(int outer, int inner) => Enumerable.Range(1, outer - 1).Aggregate(
            Group(Rule(
                "behavioral.events",
                "=",
                Enumerable.Range(1, inner - 1).Aggregate(Group(), (i, _) => Group(i)),
                "'match':{'mode':'some'}")),
            (i, _) => Group(i));
        Assert.True(RuleTester.Compile(Tree(4, 6)).IsValid);
        Assert.Contains("10 deep", Assert.Single(RuleTester.Compile(Tree(4, 7)).Errors).Message, StringComparison.Ordinal);
        RuleTester.AssertErrors(
            RuleTester.Compile(
                Group(Rule("behavioral.sequence", "=", $"{{'steps':[{Group()},{Group(Group())}]}}")),
                limits: new RuleLimits { MaxDepth = 2 }),
            "/rules/0/value/steps/1/rules/0: 2 deep");
    }

    [Fact]
    public void Compile_TwoHundredRules_IsFineAndOneMoreIsNot()
    {
        Assert.True(RuleTester.Compile(Group(Enumerable.Repeat(Ok, 200))).IsValid);
        RuleTester.AssertErrors(RuleTester.Compile(Group(Enumerable.Repeat(Ok, 250))), "/rules/200: 200 rules at most");
    }

    [Fact]
    public void Compile_RulesInsideSubqueries_CountTowardsTheLimit()
    {
        static string Tree(int inner) =>
            Group([.. Enumerable.Repeat(Ok, 99), Json.Events("{'mode':'some'}", Enumerable.Repeat(Rule("type", "null"), inner))]);
        Assert.True(RuleTester.Compile(Tree(100)).IsValid);
        RuleTester.AssertErrors(RuleTester.Compile(Tree(101)), "/rules/99/value/rules/100: 200 rules at most");
    }

    [Fact]
    public void Compile_SequencePastTheLimit_IsOneError()
    {
        var step = Group(Rule("type", "null"));
        var sequence = Rule("behavioral.sequence", "=", $"{{'steps':[{step},{step}]}}");
        RuleTester.AssertErrors(RuleTester.Compile(Group([.. Enumerable.Repeat(Ok, 200), sequence])), "/rules/200: 200 rules at most");
    }

    [Fact]
    public void Compile_MutedRules_CountTowardsTheLimit() =>
        Assert.False(RuleTester.Compile(Group([Ok, .. Enumerable.Repeat("{'field':'name','operator':'null','muted':true}", 200)])).IsValid);

    [Fact]
    public void Compile_ListOfAThousand_IsFineAndOneMoreIsNot()
    {
        static string Items(int count, Func<int, string> item) => string.Join(",", Enumerable.Range(1, count).Select(item));
        Assert.True(RuleTester.Compile(Group(Rule("name", "in", $"[{Items(1000, i => $"'n{i}'")}]"))).IsValid);
        Assert.True(RuleTester.Compile(Group(Rule("income", "in", $"'{Items(1000, i => $"{i}")}'"))).IsValid);
        RuleTester.AssertErrors(
            RuleTester.Compile(Group(Rule("name", "in", $"[{Items(1001, i => $"'n{i}'")}]"))),
            "/rules/0/value: 1000 values at most; this has 1001");
        RuleTester.AssertErrors(
            RuleTester.Compile(Group(Rule("income", "in", $"'{Items(1001, i => $"{i}")}'"))), "/rules/0/value: 1000 values at most");
        RuleTester.AssertErrors(
            RuleTester.Compile(Group(Rule("segment", "in", $"[{Items(1001, i => $"'n{i}'")}]"))), "/rules/0/value: 1000 values at most");
    }

    [Fact]
    public void Compile_ListOfAThousandDates_WorksWithoutDeepStacks()
    {
        var days = string.Join(",", Enumerable.Range(0, 1000).Select(i => $"'{new DateOnly(2020, 1, 1).AddDays(i):yyyy-MM-dd}'"));
        Assert.True(RuleTester.Holds(Group(Rule("born", "in", $"[{days}]")), new Person { Born = new DateOnly(2020, 1, 1).AddDays(999) }));
        Assert.False(RuleTester.Holds(Group(Rule("seenAt", "in", $"[{days}]")), new Person { SeenAt = Instants.Parse("2030-01-01") }));
    }

    [Fact]
    public void Compile_TextOf512_IsFineAndOneMoreIsNot()
    {
        Assert.True(RuleTester.Compile(Group(Rule("name", "=", $"'{new string('x', 512)}'"))).IsValid);
        RuleTester.AssertErrors(
            RuleTester.Compile(Group(Rule("name", "=", $"'{new string('x', 513)}'"))),
            "/rules/0/value: 512 characters at most; this has 513");
        RuleTester.AssertErrors(
            RuleTester.Compile(Group(Rule("name", "in", $"['a','{new string('x', 513)}']"))), "/rules/0/value/1: 512 characters at most");
    }

    [Fact]
    public void Compile_TreeOf64KiB_IsFineAndOneByteMoreIsNot()
    {
        static string Tree(int bytes) =>
            Group(Ok) is var tree ? tree.Insert(1, $"'id':'{new string('x', bytes - tree.Length - "'id':'',".Length)}',") : "";
        Assert.True(RuleTester.Compile(Tree(64 * 1024)).IsValid);
        RuleTester.AssertErrors(RuleTester.Compile(Tree((64 * 1024) + 1)), ": 64 KiB at most");

        // As PostgreSQL writes it, with blanks and without exponents.
        Assert.True(RuleTester.Compile(Tree(64 * 1024).Replace("':", "' :  ", StringComparison.Ordinal)).IsValid);
        var numbers = string.Join(',', Enumerable.Repeat("1e999", 70));
        RuleTester.AssertErrors(
            RuleTester.Compile(Group(Json.Events("{'mode':'some'}", Rule("properties.n", "in", $"[{numbers}]")))), ": 64 KiB at most");
    }

    [Fact]
    public void Compile_OtherLimits_AreNamedInTheError()
    {
        var small = new RuleLimits { MaxDepth = 1, MaxRules = 1, MaxListLength = 1, MaxTextLength = 1 };
        RuleTester.AssertErrors(
            RuleTester.Compile(Group(Rule("name", "in", "['aa','b']"), Group()), limits: small),
            "/rules/0/value: 1 values at most",
            "/rules/1: 1 deep");
        RuleTester.AssertErrors(
            RuleTester.Compile(Group(Rule("name", "=", "'aa'"), Ok), limits: small),
            "/rules/0/value: 1 characters",
            "/rules/1: 1 rules at most");
    }

    [Fact]
    public void Compile_PolygonOfAThousandPoints_IsFineAndOneMoreIsNot()
    {
        static string Polygon(int count) =>
            $"{{'polygon':[{string.Join(",", Enumerable.Range(0, count).Select(i => $"[{i / 1000m},{i % 7}]"))}]}}";
        Assert.True(RuleTester.Compile(Group(Rule("place", "within", Polygon(1000)))).IsValid);
        RuleTester.AssertErrors(
            RuleTester.Compile(Group(Rule("place", "within", Polygon(1001)))), "/rules/0/value/polygon: 3 to 1000 points, but has 1001");
    }
}
