using Segmentation.Rules.Catalog;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests.Checking;

/// <summary>Rules that refer to segments.</summary>
public class SegmentReferenceTests
{
    private static Func<string, SegmentReference?> Lookup(params (string Key, string Rule)[] segments) => key =>
        segments.FirstOrDefault(s => s.Key == key) is { Rule: { } rule } ? new SegmentReference(key, Parse(rule), "UTC", null) : null;

    private static string In(params string[] keys) => Group(Rule("segment", "in", $"[{string.Join(",", keys.Select(k => $"'{k}'"))}]"));

    private static readonly string Anna = Group(Rule("name", "=", "'anna'")), Old = Group(Rule("age", ">", "60"));

    [Fact]
    public void Compile_UnknownKeys_AreErrorsAtEach() =>
        RuleTester.AssertErrors(
            RuleTester.Compile(In("a", "x", "y"), Lookup(("a", Anna))),
            "/rules/0/value/1: no segment 'x'",
            "/rules/0/value/2: no segment 'y'");

    [Fact]
    public void Compile_SelfReference_IsACycleAtTheValue() =>
        RuleTester.AssertErrors(
            RuleTester.Compile(In("a", "me"), Lookup(("a", Anna), ("me", Anna)), "me"), "/rules/0/value: circle: me → me");

    [Fact]
    public void Compile_SelfReferenceOfANewSegment_IsACycle() =>
        RuleTester.AssertErrors(RuleTester.Compile(In("me"), Lookup(), "me"), "/rules/0/value: circle: me → me");

    [Fact]
    public void Compile_CycleThroughOthers_GivesThePath() => RuleTester.AssertErrors(
        RuleTester.Compile(
            Group(Rule("name", "null"), Rule("segment", "in", "['a']")), Lookup(("a", In("b")), ("b", In("me")), ("me", Anna)), "me"),
        "/rules/1/value: circle: me → a → b → me");

    [Fact]
    public void Compile_CycleAmongOthers_GivesItsPath() =>
        RuleTester.AssertErrors(
            RuleTester.Compile(In("a"), Lookup(("a", In("b")), ("b", In("c")), ("c", In("b")))), "/rules/0/value: circle: b → c → b");

    [Fact]
    public void Compile_MutedCycle_IsStillAnError() => RuleTester.AssertErrors(
        RuleTester.Compile(Group(Rule("name", "null"), Rule("segment", "in", "['me']", "'muted':true")), Lookup(), "me"),
        "/rules/1/value: circle");

    [Fact]
    public void Compile_InvalidSegment_IsAnErrorWhereItIsNamed() => RuleTester.AssertErrors(
        RuleTester.Compile(
            In("fine", "gone", "worse"), Lookup(("fine", Anna), ("gone", Group(Rule("nme", "null"))), ("worse", In("gone")))),
        "/rules/0/value/1: Segment 'gone' is invalid: 'nme' is not a field", "/rules/0/value/2: Segment 'worse' is invalid");

    [Fact]
    public void Compile_CommaList_IsTrimmed() =>
        Assert.True(RuleTester.Compile(Group(Rule("segment", "in", "'a, b'")), Lookup(("a", Anna), ("b", Old))).IsValid);

    [Fact]
    public void Compile_Diamond_IsFine() =>
        Assert.True(
            RuleTester.Compile(In("left", "right"), Lookup(("left", In("base")), ("right", In("base")), ("base", Anna)), "me").IsValid);

    [Fact]
    public void Compile_DeepChain_IsFineUpToTwentyAndBoundedAfter()
    {
        static Func<string, SegmentReference?> Chain(int length) =>
            Lookup([.. Enumerable.Range(1, length).Select(i => ($"s{i}", i == length ? Anna : In($"s{i + 1}")))]);
        Assert.True(RuleTester.Compile(In("s1"), Chain(20)).IsValid);
        Assert.Contains("20 deep", Assert.Single(RuleTester.Compile(In("s1"), Chain(21)).Errors).Message, StringComparison.Ordinal);
        Assert.Equal("/rules/0/value/0", RuleTester.Compile(In("s1"), Chain(10_000)).Errors.Single().Pointer);
    }

    [Fact]
    public void Compile_DoublingDiamonds_AreBoundedQuickly()
    {
        var ladder = Lookup([.. Enumerable.Range(1, 18).Select(i => ($"s{i}", In($"s{i + 1}", $"s{i + 1}"))), ("s19", Anna)]);
        var lookups = 0;
        var error = Assert.Single(
            RuleTester.Compile(In("s1"), key => lookups++ < 10_000 ? ladder(key) : throw new TimeoutException()).Errors);
        Assert.Contains("2000 rules at most", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compile_WideReferencesToEmptySegments_AreBoundedQuickly()
    {
        var wide = In([.. Enumerable.Repeat("b", 1000)]);
        var (find, lookups) = (Lookup(("a", wide), ("b", Group())), 0);
        var error = Assert.Single(RuleTester.Compile(
            In([.. Enumerable.Repeat("a", 1000)]), key => lookups++ < 10_000 ? find(key) : throw new TimeoutException()).Errors);
        Assert.Contains("2000 segments at most", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compile_AThousandSegments_IsFine() =>
        Assert.True(RuleTester.Compile(In([.. Enumerable.Repeat("a", 1000)]), Lookup(("a", Anna))).IsValid);

    [Fact]
    public void Compile_RulesOfReferredSegments_DoNotCountTowardsTheTree()
    {
        var large = Group(Enumerable.Repeat(Rule("name", "null"), 150));
        Assert.True(RuleTester.Compile(In("a", "b"), Lookup(("a", large), ("b", large))).IsValid);
    }

    [Fact]
    public void Holds_SegmentInEvent_IsNoField() => RuleTester.AssertErrors(
        RuleTester.Compile(Group(Json.Events("{'mode':'some'}", Rule("segment", "in", "['a']"))), Lookup(("a", Anna))),
        "/rules/0/value/rules/0/field: is about the customer");

    [Theory]
    [InlineData("in", "['anna']", true, false)]
    [InlineData("in", "['anna','old']", true, true)]
    [InlineData("in", "'old'", false, true)]
    [InlineData("notIn", "['anna']", false, true)]
    [InlineData("notIn", "['anna','old']", false, false)]
    [InlineData("in", "['byHand']", false, true)]
    [InlineData("notIn", "['byHand','anna']", false, false)]
    public void Holds_MembershipOfSegments_FollowsTheirRules(string op, string value, bool anna, bool ben)
    {
        SegmentReference? Find(string key) =>
            key == "byHand" ? new SegmentReference(key, null, "UTC", 7) : Lookup(("anna", Anna), ("old", Old))(key);
        var compiled = RuleTester.Compile(Group(Rule("segment", op, value)), Find);
        Assert.True(compiled.IsValid, string.Join("\n", compiled.Errors));
        var (holds, at) = (compiled.ToFunc(), new Evaluation(Instants.Parse(RuleTester.Noon), "UTC"));
        Assert.Equal((anna, ben), (
            holds(new Person { Name = "anna", Born = new(2000, 1, 1) }, at),
            holds(new Person { Name = "ben", Born = new(1950, 1, 1), Manual = [7] }, at)));
    }

    [Fact]
    public void Holds_SegmentWithItsOwnZone_KeepsIt()
    {
        var today = Group(Rule("seenAt", ">=", Relative("startOfDay", 0, "day")));
        var compiled = RuleTester.Compile(In("today"), key => new SegmentReference(key, Parse(today), "Pacific/Auckland", null));
        var seen = new Person { SeenAt = Instants.Parse("2024-05-15T11:00Z") };
        Assert.False(compiled.ToFunc()(seen, new Evaluation(Instants.Parse("2024-05-15T12:30Z"), "UTC")));
        Assert.True(RuleTester.Holds(today, seen, "2024-05-15T12:30Z", "UTC"));
    }
}
