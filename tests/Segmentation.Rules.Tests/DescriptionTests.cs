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
    [InlineData("{'field':'born','operator':'>','value':'2000-02-29'}", "Born is after 2000-02-29")]
    [InlineData("{'field':'seenAt','operator':'<=','value':'2024-05-15T12:00:00+02:00'}", "SeenAt is on or before 2024-05-15 10:00:00 UTC")]
    [InlineData(
        "{'field':'seenAt','operator':'>=','value':{'mode':'relative','anchor':'now','offset':-90,'unit':'day'}}",
        "SeenAt is on or after 90 days ago")]
    [InlineData(
        "{'field':'birthday','operator':'=','value':{'mode':'relative','anchor':'startOfDay','offset':1,'unit':'week'}}",
        "Birthday is in 1 week")]
    [InlineData(
        "{'field':'birthday','operator':'notBetween','value':'2024-12-20,2025-01-10'}",
        "Birthday is not between 20 December and 10 January")]
    [InlineData("{'field':'tags','operator':'contains','value':['a','b']}", "Tags include 'a' and 'b'")]
    [InlineData("{'field':'tags','operator':'contains','value':'Food, Wine'}", "Tags include 'Food, Wine'")]
    [InlineData("{'field':'tags','operator':'doesNotContain','value':'a'}", "Tags do not include 'a'")]
    [InlineData("{'field':'tags','operator':'notIn','value':'a,b'}", "Tags include none of 'a', 'b'")]
    [InlineData("{'field':'tags','operator':'null'}", "Tags are missing")]
    [InlineData("{'field':'tags','operator':'notNull'}", "Tags are known")]
    [InlineData("{'field':'name','operator':'doesNotBeginWith','value':' x '}", "Name does not begin with ' x '")]
    [InlineData("{'field':'name','operator':'endsWith','value':'x'}", "Name ends with 'x'")]
    [InlineData("{'field':'name','operator':'doesNotEndWith','value':'x'}", "Name does not end with 'x'")]
    [InlineData("{'field':'name','operator':'contains','value':'x'}", "Name contains 'x'")]
    [InlineData("{'field':'name','operator':'=','value':'  Anna '}", "Name is 'Anna'")]
    [InlineData("{'field':'age','operator':'>','value':18}", "Age is more than 18")]
    [InlineData("{'field':'age','operator':'<=','value':18}", "Age is at most 18")]
    [InlineData("{'field':'age','operator':'notBetween','value':'18,20'}", "Age is not between 18 and 20")]
    [InlineData("{'field':'age','operator':'notIn','value':[1,2]}", "Age is none of 1, 2")]
    [InlineData("{'field':'vip','operator':'null'}", "Vip is missing")]
    [InlineData("{'field':'born','operator':'=','value':'2000-02-29'}", "Born is 2000-02-29")]
    [InlineData("{'field':'born','operator':'<','value':{'mode':'relative','anchor':'now','offset':-18,'unit':'year'}}",
        "Born is before 18 years ago")]
    [InlineData("{'field':'seenAt','operator':'<','value':{'mode':'relative','anchor':'now','offset':3,'unit':'day'}}",
        "SeenAt is before 3 days from now")]
    [InlineData("{'field':'seenAt','operator':'between','value':[{'mode':'relative','anchor':'now','offset':-1,'unit':'month'},"
        + "{'mode':'relative','anchor':'startOfMonth','offset':-3,'unit':'day'}]}",
        "SeenAt is between 1 month ago and 3 days before the start of this month")]
    [InlineData("{'field':'seenAt','operator':'in','value':['2024-01-01','2024-01-02']}", "SeenAt is one of 2024-01-01, 2024-01-02")]
    [InlineData("{'field':'birthday','operator':'=','value':{'mode':'relative','anchor':'now','offset':0,'unit':'day'}}",
        "Birthday is today")]
    [InlineData("{'field':'birthday','operator':'!=','value':'2024-12-24'}", "Birthday is not 24 December")]
    [InlineData("{'field':'seenAt','operator':'>','value':'orderedAt','valueSource':'field'}", "SeenAt is after OrderedAt")]
    [InlineData("{'field':'tags','operator':'in','value':'a,b'}", "Tags include any of 'a', 'b'")]
    [InlineData(
        "{'field':'place','operator':'within','value':{'latitude':52.5,'longitude':'13.4','radiusKm':50}}",
        "Place is within 50 km of 52.5, 13.4")]
    [InlineData(
        "{'field':'place','operator':'notWithin','value':{'polygon':[[0,0],[1,0],[1,1]]}}",
        "Place is not within a polygon of 3 corners")]
    [InlineData("{'field':'children','operator':'<','value':'points','valueSource':'field'}", "Children is less than Points")]
    [InlineData("{'field':'segment','operator':'in','value':['a','b']}", "is in any of 'a', 'b'")]
    [InlineData("{'field':'segment','operator':'notIn','value':'a'}", "is not in 'a'")]
    public void Description_OfARule_IsEnglish(string rule, string expected) => AssertDescription(expected, Group(rule));

    [Theory]
    [InlineData("{'mode':'atLeast','threshold':3}", "did x at least 3 times", "did at least 3 events")]
    [InlineData("{'mode':'atLeast','threshold':1}", "did x at least once", "did at least 1 event")]
    [InlineData("{'mode':'atMost','threshold':1}", "did x at most once", "did at most 1 event")]
    [InlineData("{'mode':'exactly','threshold':1}", "did x exactly once", "did exactly 1 event")]
    [InlineData("{'mode':'exactly','threshold':0}", "did x exactly 0 times", "did exactly 0 events")]
    [InlineData("{'mode':'moreThan','threshold':1}", "did x more than once", "did more than 1 event")]
    [InlineData("{'mode':'lessThan','threshold':3}", "did x fewer than 3 times", "did fewer than 3 events")]
    [InlineData("{'mode':'lessThan','threshold':1}", "did x less than once", "did fewer than 1 event")]
    [InlineData("{'mode':'between','threshold':[1,3]}", "did x between 1 and 3 times", "did between 1 and 3 events")]
    [InlineData("{'mode':'some'}", "did x", "did an event")]
    [InlineData("{'mode':'none'}", "never did x", "did no event")]
    [InlineData("{'mode':'all'}", "did no events other than x", "did any events, or none")]
    [InlineData("{'mode':'lessThan','threshold':100,'aggregate':'sum','of':'amount'}",
        "the sum of amount is less than 100 over x events", "the sum of amount is less than 100 over events")]
    [InlineData("{'mode':'moreThan','threshold':0.5,'aggregate':'avg','of':'properties.n'}",
        "the average of properties.n is more than 0.5 over x events", "the average of properties.n is more than 0.5 over events")]
    [InlineData("{'mode':'between','threshold':[1,2.50],'aggregate':'min','of':'amount'}",
        "the least amount is between 1 and 2.5 over x events", "the least amount is between 1 and 2.5 over events")]
    [InlineData("{'mode':'exactly','threshold':5,'aggregate':'max','of':'amount'}",
        "the greatest amount is exactly 5 over x events", "the greatest amount is exactly 5 over events")]
    [InlineData("{'mode':'atLeast','threshold':2,'aggregate':'distinctDays'}",
        "did x on at least 2 different days", "did events on at least 2 different days")]
    [InlineData("{'mode':'exactly','threshold':1,'aggregate':'distinctDays'}",
        "did x on exactly 1 different day", "did events on exactly 1 different day")]
    [InlineData("{'mode':'atMost','threshold':2,'aggregate':'distinct','of':'channel'}",
        "the number of different values of channel is at most 2 over x events",
        "the number of different values of channel is at most 2 over events")]
    public void Description_OfAMatch_IsEnglish(string match, string named, string any)
    {
        AssertDescription(named, Group(Json.Events(match, Rule("type", "=", "'x'"))));
        AssertDescription(
            named + " where Amount is more than 5", Group(Json.Events(match, Rule("type", "=", "'x'"), Rule("amount", ">", "5"))));
        AssertDescription(any, Group(Json.Events(match)));
        if (!match.Contains("'all'", StringComparison.Ordinal))
        {
            AssertDescription(any + " where Channel is 'web'", Group(Json.Events(match, Rule("channel", "=", "'web'"))));
        }
    }

    [Theory]
    [InlineData("atLeast", "{'mode':'relative','anchor':'now','offset':-30,'unit':'day'}", "within the last 30 days")]
    [InlineData("atLeast", "{'mode':'relative','anchor':'now','offset':-1,'unit':'month'}", "within the last month")]
    [InlineData("atLeast", "{'mode':'relative','anchor':'startOfMonth','offset':0,'unit':'day'}", "on or after the start of this month")]
    [InlineData("atLeast", "{'mode':'relative','anchor':'now','offset':0,'unit':'day'}", "on or after now")]
    [InlineData("atLeast", "'2024-01-01'", "on or after 2024-01-01")]
    [InlineData("moreThan", "{'mode':'relative','anchor':'now','offset':-30,'unit':'day'}", "after 30 days ago")]
    [InlineData("atMost", "{'mode':'relative','anchor':'now','offset':-30,'unit':'day'}", "on or before 30 days ago")]
    [InlineData("lessThan", "{'mode':'relative','anchor':'now','offset':-30,'unit':'day'}", "before 30 days ago")]
    [InlineData("lessThan", "{'mode':'relative','anchor':'now','offset':2,'unit':'hour'}", "before 2 hours from now")]
    [InlineData("exactly", "'2024-01-01'", "on 2024-01-01")]
    [InlineData("exactly", "'2024-01-01T12:00:00Z'", "exactly at 2024-01-01 12:00:00 UTC")]
    [InlineData(
        "between",
        "['2024-01-01',{'mode':'relative','anchor':'now','offset':-1,'unit':'week'}]",
        "between 2024-01-01 and 1 week ago")]
    public void Description_OfTheFirstOrLastEvent_SaysWhen(string mode, string threshold, string when)
    {
        foreach (var (aggregate, word) in new[] { ("min", "first"), ("max", "last") })
        {
            var match = $"{{'mode':'{mode}','threshold':{threshold},'aggregate':'{aggregate}','of':'occurredAt'}}";
            AssertDescription($"{word} did order_completed {when}", Group(Json.Events(match, Rule("type", "=", "'order_completed'"))));
            AssertDescription($"{word} did an event {when}", Group(Json.Events(match)));
        }
    }

    [Theory]
    [InlineData("'order_completed'", "did order_completed")]
    [InlineData("' Order Completed '", "did 'Order Completed'")]
    [InlineData("'a','operator':'in'", "did a")]
    [InlineData("['a','b c'],'operator':'in'", "did a or 'b c'")]
    [InlineData("'a, b','operator':'in'", "did a or b")]
    [InlineData("'a','operator':'!='", "did an event where Type is not 'a'")]
    [InlineData("'channel','operator':'=','valueSource':'field'", "did an event where Type is Channel")]
    [InlineData("['1','2','3','4','5','6'],'operator':'in'", "did an event where Type is one of '1', '2', '3', '4', '5', '6'")]
    public void Description_OfEventsOfAType_NamesThem(string valueAndMore, string expected)
    {
        var more = valueAndMore.Contains("operator", StringComparison.Ordinal) ? "" : ",'operator':'='";
        AssertDescription(expected, Group(Json.Events("{'mode':'some'}", $"{{'field':'type','value':{valueAndMore}{more}}}")));
    }

    public static TheoryData<string, string> Trees => new()
    {
        { Group(), "anyone" },
        { Not(), "nobody" },
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
            "(did x where Amount is more than 5) and Vip is true" },
        { Group(Json.Events("{'mode':'some'}", Rule("type", "=", "'x'"), Rule("amount", ">", "5"), Rule("channel", "null")), Vip),
            "(did x where Amount is more than 5 and Channel is missing) and Vip is true" },
        { Group(Rule("behavioral.events", "=", Any(Rule("type", "=", "'x'"), Rule("amount", "null")), "'match':{'mode':'some'}")),
            "did an event where Type is 'x' or Amount is missing" },
        { Group(Rule("behavioral.events", "=", Not(Rule("type", "=", "'x'")), "'match':{'mode':'some'}")),
            "did an event where not (Type is 'x')" },
        { Group(Rule("behavioral.events", "=", Group(Rule("type", "=", "'x'"), Rule("amount", "null", null, "'muted':true")),
            "'match':{'mode':'some'}")), "did x" },
        { Group(Rule("behavioral.events", "!=", Group(), "'match':{'mode':'atLeast','threshold':2}")), "not (did at least 2 events)" },
        { Group(Rule("behavioral.sequence", "=", $"{{'steps':[{StepX},{StepYOrNoAmount}],'within':{{'amount':7,'unit':'day'}}}}")),
            "did x, then an event where Type is 'y' or Amount is missing, the last within 7 days of the first" },
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
