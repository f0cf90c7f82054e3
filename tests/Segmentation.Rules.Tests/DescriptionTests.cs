using Segmentation.Rules.Catalog;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests;

public class DescriptionTests
{
    private const string Ok = "{'field':'name','operator':'=','value':'a'}", Vip = "{'field':'vip','operator':'=','value':true}",
        Known = "{'field':'name','operator':'notNull'}";

    private static readonly string StepX = Group(Rule("type", "=", "'x'"));
    private static readonly string StepYOrNoAmount = Any(Rule("type", "=", "'y'"), Rule("amount", "null"));

    [Theory]
    [InlineData("{'field':'name','operator':'=','value':'Anna'}", "Name is 'Anna'")]
    [InlineData("{'field':'name','operator':'!=','value':'Anna'}", "Name is not 'Anna'")]
    [InlineData("{'field':'name','operator':'in','value':'a, b'}", "Name is one of 'a', 'b'")]
    [InlineData("{'field':'name','operator':'notIn','value':['a,b']}", "Name is none of 'a,b'")]
    [InlineData(
        "{'field':'name','operator':'in','value':'1,2,3,4,5,6,7,8,9,10,11,12'}",
        "Name is one of '1', '2', '3', '4', '5', '6', '7', '8', '9', '10' and 2 more")]
    [InlineData("{'field':'name','operator':'doesNotContain','value':'x'}", "Name does not contain 'x'")]
    [InlineData("{'field':'name','operator':'beginsWith','value':'x'}", "Name begins with 'x'")]
    [InlineData("{'field':'name','operator':'null'}", "Name is missing")]
    [InlineData("{'field':'name','operator':'notNull','value':'x'}", "Name is known")]
    [InlineData("{'field':'age','operator':'>=','value':'18'}", "Age is at least 18")]
    [InlineData("{'field':'income','operator':'between','value':[1000.50,'2e3']}", "Income is between 1000.5 and 2000")]
    [InlineData("{'field':'income','operator':'<','value':-0.000000001}", "Income is less than -0.000000001")]
    [InlineData("{'field':'vip','operator':'=','value':'TRUE'}", "Vip is true")]
    [InlineData("{'field':'consent.ads','operator':'!=','value':true}", "Consent to ads is not true")]
    [InlineData("{'field':'born','operator':'>','value':'2000-02-29'}", "Born is more than 2000-02-29")]
    [InlineData("{'field':'seenAt','operator':'<=','value':'2024-05-15T12:00:00+02:00'}", "SeenAt is at most 2024-05-15 10:00:00 UTC")]
    [InlineData(
        "{'field':'seenAt','operator':'>=','value':{'mode':'relative','anchor':'now','offset':-90,'unit':'day'}}",
        "SeenAt is at least 90 days before now")]
    [InlineData(
        "{'field':'birthday','operator':'=','value':{'mode':'relative','anchor':'startOfDay','offset':1,'unit':'week'}}",
        "Birthday is on 1 week after the start of today")]
    [InlineData(
        "{'field':'birthday','operator':'notBetween','value':'2024-12-20,2025-01-10'}",
        "Birthday is not between 2024-12-20 and 2025-01-10")]
    [InlineData("{'field':'tags','operator':'contains','value':['a','b']}", "Tags has 'a', 'b'")]
    [InlineData("{'field':'tags','operator':'in','value':'a,b'}", "Tags has any of 'a', 'b'")]
    [InlineData(
        "{'field':'place','operator':'within','value':{'latitude':52.5,'longitude':'13.4','radiusKm':50}}",
        "Place is within 50 km of 52.5, 13.4")]
    [InlineData(
        "{'field':'place','operator':'notWithin','value':{'polygon':[[0,0],[1,0],[1,1]]}}",
        "Place is not within a polygon of 3 corners")]
    [InlineData("{'field':'children','operator':'<','value':'points','valueSource':'field'}", "Children is less than Points")]
    [InlineData("{'field':'segment','operator':'in','value':['a','b']}", "is in any of 'a', 'b'")]
    [InlineData("{'field':'segment','operator':'notIn','value':'a'}", "is in none of 'a'")]
    public void Description_OfARule_IsEnglish(string rule, string expected) => AssertDescription(expected, Group(rule));

    [Theory]
    [InlineData("{'mode':'atLeast','threshold':3}", "did at least 3 events where Type is 'x'")]
    [InlineData("{'mode':'exactly','threshold':1}", "did exactly 1 event where Type is 'x'")]
    [InlineData("{'mode':'between','threshold':[1,3]}", "did between 1 and 3 events where Type is 'x'")]
    [InlineData("{'mode':'some'}", "did an event where Type is 'x'")]
    [InlineData("{'mode':'none'}", "did no event where Type is 'x'")]
    [InlineData("{'mode':'all'}", "did only events where Type is 'x'")]
    [InlineData(
        "{'mode':'lessThan','threshold':100,'aggregate':'sum','of':'amount'}",
        "did events whose sum of amount is less than 100, where Type is 'x'")]
    [InlineData(
        "{'mode':'moreThan','threshold':0.5,'aggregate':'avg','of':'properties.n'}",
        "did events whose avg of properties.n is more than 0.5, where Type is 'x'")]
    [InlineData(
        "{'mode':'atLeast','threshold':'2024-01-01','aggregate':'min','of':'occurredAt'}",
        "did events whose min of occurredAt is at least 2024-01-01, where Type is 'x'")]
    [InlineData("{'mode':'atLeast','threshold':2,'aggregate':'distinctDays'}", "did events on at least 2 different days where Type is 'x'")]
    [InlineData(
        "{'mode':'atMost','threshold':2,'aggregate':'distinct','of':'channel'}",
        "did events with at most 2 different channel where Type is 'x'")]
    public void Description_OfAMatch_IsEnglish(string match, string expected) =>
        AssertDescription(expected, Group(Json.Events(match, Rule("type", "=", "'x'"))));

    [Theory]
    [InlineData("{'mode':'atLeast','threshold':3}", "did at least 3 events")]
    [InlineData("{'mode':'lessThan','threshold':100,'aggregate':'sum','of':'amount'}", "did events whose sum of amount is less than 100")]
    public void Description_OfAMatchOfAnyEvent_LeavesTheConditionOut(string match, string expected) =>
        AssertDescription(expected, Group(Json.Events(match)));

    public static TheoryData<string, string> Trees => new()
    {
        { Group(), "anyone" },
        { Not(), "not (anyone)" },
        { Group(Ok, Vip), "Name is 'a' and Vip is true" },
        { Any(Ok, Vip), "Name is 'a' or Vip is true" },
        { Not(Ok), "not (Name is 'a')" },
        { Not(Ok, Vip), "not (Name is 'a' and Vip is true)" },
        { Group(Any(Ok, Vip), Known), "(Name is 'a' or Vip is true) and Name is known" },
        { Group(Any(Ok), Known), "Name is 'a' and Name is known" },
        { Group(Group(Any(Ok, Vip)), Known), "(Name is 'a' or Vip is true) and Name is known" },
        { Any(Group(Not(Ok), Vip), Known), "(not (Name is 'a') and Vip is true) or Name is known" },
        { Any(Not(Ok, Vip), Known), "not (Name is 'a' and Vip is true) or Name is known" },
        { Group(Any(Ok, Vip)), "Name is 'a' or Vip is true" },
        { Group(Any(Vip, Rule("name", "null", null, "'muted':true")), Known), "Vip is true and Name is known" },
        { Group(Json.Events("{'mode':'some'}", Rule("type", "=", "'x'"), Rule("amount", ">", "5")), Vip),
            "did an event where (Type is 'x' and Amount is more than 5) and Vip is true" },
        { Group(Rule("behavioral.events", "!=", Group(), "'match':{'mode':'atLeast','threshold':2}")), "not (did at least 2 events)" },
        { Group(Rule("behavioral.sequence", "=", $"{{'steps':[{StepX},{StepYOrNoAmount}],'within':{{'amount':7,'unit':'day'}}}}")),
            "did an event where Type is 'x', then an event where (Type is 'y' or Amount is missing), the last within 7 days of the first" },
        { Group(Rule("behavioral.sequence", "!=", $"{{'steps':[{Group()},{Group()}],'within':{{'amount':1,'unit':'hour'}}}}")),
            "not (did an event, then an event, the last within 1 hour of the first)" },
    };

    [Theory]
    [MemberData(nameof(Trees))]
    public void Description_OfATree_ReadsInOneWayOnly(string tree, string expected) => AssertDescription(expected, tree);

    private static void AssertDescription(string expected, string tree)
    {
        var compiled = RuleTester.Compile(tree, key => new SegmentReference(key, null, "UTC", 1));
        Assert.True(compiled.IsValid, string.Join("\n", compiled.Errors));
        Assert.Equal(expected, compiled.Root.Description.Replace('"', '\''));
    }
}
