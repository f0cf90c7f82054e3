using Segmentation.Rules.Catalog;
using Segmentation.Rules.Values;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests;

/// <summary>
/// The sentence of each date operator beside two people, at noon of 2024-05-15: whoever reads it must be able to say which of them is in.
/// </summary>
public class DateWordsTests
{
    private const string SixMonthsAgo = "{'mode':'relative','anchor':'now','offset':-6,'unit':'month'}";
    private const string ThisMonth = "{'mode':'relative','anchor':'startOfMonth','offset':0,'unit':'day'}";

    public static readonly TheoryData<string, string, string, string, string, string> Sentences = new()
    {
        // field, operator, value; the sentence; when it was for who is in, and for who is out
        { "seenAt", ">", SixMonthsAgo, "SeenAt is after 6 months ago", "2024-05-14T12:00Z", "2023-11-15T12:00Z" },
        { "seenAt", ">=", SixMonthsAgo, "SeenAt is on or after 6 months ago", "2023-11-15T12:00Z", "2023-11-15T11:59Z" },
        { "seenAt", "<", SixMonthsAgo, "SeenAt is before 6 months ago", "2020-01-01T00:00Z", "2023-11-15T12:00Z" },
        { "seenAt", "<=", SixMonthsAgo, "SeenAt is on or before 6 months ago", "2023-11-15T12:00Z", "2024-05-14T12:00Z" },
        { "seenAt", "=", SixMonthsAgo, "SeenAt is 6 months ago", "2023-11-15T12:00Z", "2023-11-15T12:01Z" },
        { "seenAt", "!=", SixMonthsAgo, "SeenAt is not 6 months ago", "2023-11-15T12:01Z", "2023-11-15T12:00Z" },
        { "seenAt", ">", "'2024-01-31'", "SeenAt is after 2024-01-31", "2024-02-01T00:00Z", "2024-01-31T23:59Z" },
        { "seenAt", ">=", "'2024-01-31'", "SeenAt is on or after 2024-01-31", "2024-01-31T00:00Z", "2024-01-30T23:59Z" },
        { "seenAt", "<", "'2024-01-31'", "SeenAt is before 2024-01-31", "2024-01-30T23:59Z", "2024-01-31T00:00Z" },
        { "seenAt", "<=", "'2024-01-31'", "SeenAt is on or before 2024-01-31", "2024-01-31T23:59Z", "2024-02-01T00:00Z" },
        { "seenAt", "between", $"[{SixMonthsAgo},{ThisMonth}]", "SeenAt is between 6 months ago and the start of this month",
            "2024-05-01T00:00Z", "2024-05-01T00:01Z" },
        { "seenAt", "notBetween", $"[{SixMonthsAgo},{ThisMonth}]", "SeenAt is not between 6 months ago and the start of this month",
            "2024-05-01T00:01Z", "2024-05-01T00:00Z" },
        { "seenAt", "in", "['2024-01-31','2024-02-02']", "SeenAt is one of 2024-01-31, 2024-02-02",
            "2024-02-02T23:00Z", "2024-02-01T12:00Z" },
        { "seenAt", "notIn", "['2024-01-31']", "SeenAt is none of 2024-01-31", "2024-02-01T00:00Z", "2024-01-31T12:00Z" },
        { "born", ">", SixMonthsAgo, "Born is after 6 months ago", "2023-11-16", "2023-11-15" },
        { "born", ">=", "{'mode':'relative','anchor':'now','offset':0,'unit':'day'}", "Born is on or after today",
            "2024-05-15", "2024-05-14" },
        { "born", "<", "{'mode':'relative','anchor':'now','offset':-18,'unit':'year'}", "Born is before 18 years ago",
            "2006-05-14", "2006-05-15" },
        { "born", "<=", "{'mode':'relative','anchor':'now','offset':3,'unit':'day'}", "Born is on or before 3 days from now",
            "2024-05-18", "2024-05-19" },
        { "born", "=", "{'mode':'relative','anchor':'now','offset':3,'unit':'day'}", "Born is in 3 days", "2024-05-18", "2024-05-17" },
        { "born", "!=", "'2024-05-18'", "Born is not 2024-05-18", "2024-05-17", "2024-05-18" },
        { "born", "between", "['2024-01-01',{'mode':'relative','anchor':'endOfWeek','offset':-1,'unit':'week'}]",
            "Born is between 2024-01-01 and 1 week before the end of this week", "2024-05-12", "2024-05-13" },
        { "born", "notBetween", "'2024-01-01,2024-01-02'", "Born is not between 2024-01-01 and 2024-01-02", "2024-01-03", "2024-01-02" },
        { "born", "in", "['2024-01-01',{'mode':'relative','anchor':'now','offset':-1,'unit':'day'}]",
            "Born is one of 2024-01-01, 1 day ago", "2024-05-14", "2024-05-15" },
        { "born", "notIn", "'2024-01-01'", "Born is none of 2024-01-01", "2024-01-02", "2024-01-01" },
        { "birthday", "=", "{'mode':'relative','anchor':'now','offset':7,'unit':'day'}", "Birthday is in 7 days",
            "1990-05-22", "1990-05-23" },
        { "birthday", "!=", "'2020-12-24'", "Birthday is not 24 December", "1990-12-25", "1990-12-24" },
        { "birthday", "between", "['2020-12-20',{'mode':'relative','anchor':'startOfYear','offset':0,'unit':'day'}]",
            "Birthday is between 20 December and the start of this year", "1990-01-01", "1990-12-19" },
        { "birthday", "notBetween", "'2020-12-20,2021-01-10'", "Birthday is not between 20 December and 10 January",
            "1990-01-11", "1990-01-10" },
    };

    public static readonly TheoryData<string, string, string, string, string, string> Events = new()
    {
        // aggregate, mode, threshold; the sentence; when the events were for who is in, and for who is out
        { "min", "atLeast", SixMonthsAgo, "first did order_completed within the last 6 months",
            "2024-05-01T00:00Z 2024-05-14T00:00Z", "2023-01-01T00:00Z 2024-05-14T00:00Z" },
        { "max", "atLeast", SixMonthsAgo, "last did order_completed within the last 6 months",
            "2023-01-01T00:00Z 2024-05-14T00:00Z", "2023-01-01T00:00Z" },
        { "min", "moreThan", "'2024-01-31'", "first did order_completed after 2024-01-31", "2024-02-01T00:00Z", "2024-01-31T23:00Z" },
        { "max", "lessThan", SixMonthsAgo, "last did order_completed before 6 months ago", "2023-11-15T11:00Z", "2023-11-15T12:00Z" },
        { "max", "atMost", SixMonthsAgo, "last did order_completed on or before 6 months ago", "2023-11-15T12:00Z", "2023-11-15T13:00Z" },
        { "min", "exactly", "'2024-01-31'", "first did order_completed on 2024-01-31", "2024-01-31T23:00Z", "2024-02-01T00:00Z" },
        { "max", "between", $"['2023-01-01',{SixMonthsAgo}]", "last did order_completed between 2023-01-01 and 6 months ago",
            "2023-11-15T12:00Z", "2023-11-15T13:00Z" },
    };

    [Theory]
    [MemberData(nameof(Sentences))]
    public void Sentence_OfADateOperator_SaysWhoIsIn(string field, string op, string value, string sentence, string inside, string outside)
    {
        var tree = Group(Rule(field, op, value));
        Assert.Equal(sentence, RuleTester.Compile(tree).Root.Description);
        Assert.True(RuleTester.Holds(tree, Create(inside)), $"{inside} must be in.");
        Assert.False(RuleTester.Holds(tree, Create(outside)), $"{outside} must be out.");
    }

    [Theory]
    [MemberData(nameof(Events))]
    public void Sentence_OfTheFirstOrLastEvent_SaysWhoIsIn(
        string aggregate, string mode, string threshold, string sentence, string inside, string outside)
    {
        var match = $"{{'mode':'{mode}','threshold':{threshold},'aggregate':'{aggregate}','of':'occurredAt'}}";
        var tree = Group(Json.Events(match, Rule("type", "=", "'order_completed'")));
        Assert.Equal(sentence, RuleTester.Compile(tree).Root.Description);
        Assert.True(RuleTester.Holds(tree, WithOrders(inside)), $"{inside} must be in.");
        Assert.False(RuleTester.Holds(tree, WithOrders(outside)), $"{outside} must be out.");
    }

    [Fact]
    public void Sentences_CoverEveryOperatorOfDatesWithItsLabel()
    {
        foreach (var field in new[] { "seenAt", "born", "birthday" }.Select(f => PersonFields.Catalog.Find(f)!))
        {
            foreach (var (name, label, _) in Operators.ListFor(field).Where(o => o.Arity != Arity.None))
            {
                Assert.Contains(Sentences, s => (string)s[0] == field.Name && (string)s[1] == name
                    && ((string)s[3]).StartsWith($"{field.Label} {label} ", StringComparison.Ordinal));
            }
        }
    }

    private static Person Create(string when) => when.Length == 10
        ? new Person { Born = ((DateValue.Day)DateValue.Parse(when)!).Date }
        : new Person { SeenAt = Instants.Parse(when) };

    private static Person WithOrders(string times) =>
        new Person().With([.. times.Split(' ').Select(at => new Happening("order_completed", at))]);
}
