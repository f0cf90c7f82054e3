using System.Globalization;
using FsCheck.Fluent;
using Segmentation.Rules.Checking;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests.Events;

/// <summary>How many events, which aggregate of them, and in which order.</summary>
public class EventTests
{
    private static readonly Person Nobody = new() { Key = 6 };

    // Four orders (one without amount) and a view; two of them on one day in UTC, none on one day in Auckland.
    private static Person Buyer() => new Person { Key = 5 }.With(
        new("order", "2024-05-01T09:00Z", 10, "web", "{'category':'shoes','n':1,'v':5}"),
        new("order", "2024-05-01T15:00Z", 20.5m, "WEB", "{'category':'shoes','n':3,'v':5.0}"),
        new("order", "2024-05-03T09:00Z", 30, "store", "{'category':'bags','n':'7','v':'5'}"),
        new("order", "2024-05-04T09:00Z", null, null, "{'n':null,'v':true}"),
        new("view", "2024-05-05T09:00Z", 99));

    [Theory]
    [InlineData("{'mode':'atLeast','threshold':4}", true, false)]
    [InlineData("{'mode':'atLeast','threshold':5}", false, false)]
    [InlineData("{'mode':'atLeast','threshold':1}", true, false)]
    [InlineData("{'mode':'atLeast','threshold':0}", true, true)]
    [InlineData("{'mode':'atLeast','threshold':'4'}", true, false)]
    [InlineData("{'mode':'atMost','threshold':4}", true, true)]
    [InlineData("{'mode':'atMost','threshold':3}", false, true)]
    [InlineData("{'mode':'atMost','threshold':0}", false, true)]
    [InlineData("{'mode':'exactly','threshold':4}", true, false)]
    [InlineData("{'mode':'exactly','threshold':0}", false, true)]
    [InlineData("{'mode':'moreThan','threshold':3}", true, false)]
    [InlineData("{'mode':'moreThan','threshold':0}", true, false)]
    [InlineData("{'mode':'lessThan','threshold':4}", false, true)]
    [InlineData("{'mode':'lessThan','threshold':5}", true, true)]
    [InlineData("{'mode':'lessThan','threshold':0}", false, false)]
    [InlineData("{'mode':'between','threshold':[3,4]}", true, false)]
    [InlineData("{'mode':'between','threshold':[0,4]}", true, true)]
    [InlineData("{'mode':'between','threshold':['5','6']}", false, false)]
    [InlineData("{'mode':'some'}", true, false)]
    [InlineData("{'mode':'some','threshold':7}", true, false)]
    [InlineData("{'mode':'none'}", false, true)]
    [InlineData("{'mode':'all'}", false, true)]
    // sum
    [InlineData("{'mode':'exactly','threshold':60.5,'aggregate':'sum','of':'amount'}", true, false)]
    [InlineData("{'mode':'atLeast','threshold':60.500000001,'aggregate':'sum','of':'amount'}", false, false)]
    [InlineData("{'mode':'exactly','threshold':0,'aggregate':'sum','of':'amount'}", false, true)]
    [InlineData("{'mode':'atLeast','threshold':-1,'aggregate':'sum','of':'amount'}", true, true)]
    [InlineData("{'mode':'between','threshold':[0,100],'aggregate':'sum','of':'amount'}", true, true)]
    [InlineData("{'mode':'exactly','threshold':4,'aggregate':'sum','of':'properties.n'}", true, false)]
    [InlineData("{'mode':'exactly','threshold':0,'aggregate':'sum','of':'properties.nothing'}", true, true)]
    // avg: of three amounts, 60.5 / 3
    [InlineData("{'mode':'moreThan','threshold':20.166666666,'aggregate':'avg','of':'amount'}", true, false)]
    [InlineData("{'mode':'lessThan','threshold':20.166666667,'aggregate':'avg','of':'amount'}", true, false)]
    [InlineData("{'mode':'exactly','threshold':20.166666667,'aggregate':'avg','of':'amount'}", false, false)]
    [InlineData("{'mode':'exactly','threshold':2,'aggregate':'avg','of':'properties.n'}", true, false)]
    [InlineData("{'mode':'atLeast','threshold':-9,'aggregate':'avg','of':'properties.nothing'}", false, false)]
    [InlineData("{'mode':'between','threshold':['20','21'],'aggregate':'avg','of':'amount'}", true, false)]
    // min and max
    [InlineData("{'mode':'exactly','threshold':10,'aggregate':'min','of':'amount'}", true, false)]
    [InlineData("{'mode':'exactly','threshold':30,'aggregate':'max','of':'amount'}", true, false)]
    [InlineData("{'mode':'atMost','threshold':9,'aggregate':'min','of':'amount'}", false, false)]
    [InlineData("{'mode':'atMost','threshold':3,'aggregate':'max','of':'properties.n'}", true, false)]
    [InlineData("{'mode':'lessThan','threshold':0,'aggregate':'max','of':'properties.nothing'}", false, false)]
    // first and last
    [InlineData("{'mode':'exactly','threshold':'2024-05-01T09:00Z','aggregate':'min','of':'occurredAt'}", true, false)]
    [InlineData("{'mode':'exactly','threshold':'2024-05-04','aggregate':'max','of':'occurredAt'}", true, false)]
    [InlineData("{'mode':'moreThan','threshold':'2024-05-04','aggregate':'max','of':'occurredAt'}", false, false)]
    [InlineData("{'mode':'moreThan','threshold':'2024-05-04T08:59Z','aggregate':'max','of':'occurredAt'}", true, false)]
    [InlineData("{'mode':'atMost','threshold':'2024-05-04','aggregate':'max','of':'occurredAt'}", true, false)]
    [InlineData("{'mode':'lessThan','threshold':'2024-05-01','aggregate':'min','of':'occurredAt'}", false, false)]
    [InlineData("{'mode':'between','threshold':['2024-05-01','2024-05-01'],'aggregate':'min','of':'occurredAt'}", true, false)]
    [InlineData(
        "{'mode':'atLeast','threshold':{'mode':'relative','anchor':'now','offset':-30,'unit':'day'},'aggregate':'min','of':'occurredAt'}",
        true,
        false)]
    [InlineData(
        "{'mode':'atLeast','threshold':{'mode':'relative','anchor':'now','offset':-7,'unit':'day'},'aggregate':'min','of':'occurredAt'}",
        false,
        false)]
    // distinct
    [InlineData("{'mode':'exactly','threshold':3,'aggregate':'distinctDays'}", true, false)]
    [InlineData("{'mode':'exactly','threshold':0,'aggregate':'distinctDays'}", false, true)]
    [InlineData("{'mode':'exactly','threshold':2,'aggregate':'distinct','of':'properties.category'}", true, false)]
    [InlineData("{'mode':'exactly','threshold':3,'aggregate':'distinct','of':'properties.v'}", true, false)]
    [InlineData("{'mode':'exactly','threshold':3,'aggregate':'distinct','of':'properties.n'}", true, false)]
    [InlineData("{'mode':'exactly','threshold':3,'aggregate':'distinct','of':'amount'}", true, false)]
    [InlineData("{'mode':'exactly','threshold':1,'aggregate':'distinct','of':'type'}", true, false)]
    [InlineData("{'mode':'exactly','threshold':4,'aggregate':'distinct','of':'occurredAt'}", true, false)]
    [InlineData("{'mode':'atMost','threshold':0,'aggregate':'distinct','of':'properties.nothing'}", true, true)]
    public void Holds_Match_CountsOrAggregates(string match, bool buyer, bool nobody)
    {
        var orders = Rule("behavioral.events", "=", Group(Rule("type", "=", "'ORDER'")), $"'match':{match}");
        Assert.Equal((buyer, nobody), Hold(Group(orders)));
        Assert.Equal((!buyer, !nobody), Hold(Not(orders)));
        var others = orders.Replace("'operator':'=','value':{", "'operator':'!=','value':{", StringComparison.Ordinal);
        Assert.Equal((!buyer, !nobody), Hold(Group(others)));
    }

    private static (bool Buyer, bool Nobody) Hold(string tree)
    {
        var held = RuleTester.FindHolding(tree, [Buyer(), Nobody], new Evaluation(Instants.Parse(RuleTester.Noon), "UTC"));
        return (held[0], held[1]);
    }

    [Fact]
    public void Holds_All_IsTrueWhereEveryEventSatisfies()
    {
        var all = Group(Json.Events("{'mode':'all'}", Rule("type", "in", "'order,view'")));
        Assert.True(RuleTester.Holds(all, Buyer()));
        Assert.True(RuleTester.Holds(all, Nobody));
        Assert.False(RuleTester.Holds(all, Buyer().With(new Happening("other", "2020-01-01"))));
    }

    [Fact]
    public void Holds_EmptyGroup_MeansAnyEvent() =>
        Assert.True(RuleTester.Holds(Group(Json.Events("{'mode':'exactly','threshold':5}")), Buyer()));

    [Theory]
    [InlineData("UTC", 3)]
    [InlineData("Pacific/Auckland", 4)]
    public void Holds_DistinctDays_AreThoseOfTheSegmentsZone(string zone, int days)
    {
        var person = new Person { TimeZone = "Asia/Tokyo" }.With(
            Buyer().Events.Where(e => e.Type == "order").Select(e => new Happening("order", $"{e.OccurredAt:O}")).ToArray());
        Assert.True(RuleTester.Holds(
            Group(Json.Events($"{{'mode':'exactly','threshold':{days},'aggregate':'distinctDays'}}")), person, zone: zone));
    }

    [Theory]
    [InlineData("hourOfDay", "UTC", null, 23)]
    [InlineData("hourOfDay", "Asia/Tokyo", null, 8)]
    [InlineData("hourOfDay", "UTC", "Asia/Tokyo", 8)]
    [InlineData("hourOfDay", "Asia/Tokyo", "UTC", 23)]
    [InlineData("dayOfWeek", "UTC", null, 5)]
    [InlineData("dayOfWeek", "UTC", "Asia/Tokyo", 6)]
    [InlineData("month", "UTC", null, 5)]
    [InlineData("month", "UTC", "Asia/Tokyo", 6)]
    public void Holds_LocalPartsOfAnEvent_AreInThePersonsZoneElseTheSegments(
        string field, string segmentZone, string? personZone, int expected)
    {
        var person = new Person { TimeZone = personZone }.With(new Happening("x", "2024-05-31T23:00Z"));
        Assert.True(
            RuleTester.Holds(Group(Json.Events("{'mode':'some'}", Rule(field, "=", $"{expected}"))), person, "2024-06-15", segmentZone));
    }

    [Theory]
    [InlineData("2024-05-01T08:59:59.999999Z", 0)]
    [InlineData("2024-05-01T09:00Z", 1)]
    [InlineData("2024-05-02T00:00Z", 2)]
    [InlineData("2030-01-01T00:00Z", 5)]
    public void Holds_EventsAfterAsOf_DoNotExist(string asOf, int count)
    {
        Assert.True(RuleTester.Holds(Group(Json.Events($"{{'mode':'exactly','threshold':{count}}}")), Buyer(), asOf));
        Assert.Equal(count > 0, RuleTester.Holds(Group(Json.Events("{'mode':'some'}")), Buyer(), asOf));
        Assert.Equal(count < 5, RuleTester.Holds(Group(Json.Events("{'mode':'all'}", Rule("type", "=", "'order'"))), Buyer(), asOf));
        Assert.Equal(
            count > 1, RuleTester.Holds(Group(Rule("behavioral.sequence", "=", $"{{'steps':[{Group()},{Group()}]}}")), Buyer(), asOf));
    }

    [Fact]
    public void Holds_SubqueryWithRelativeDates_SeesThatWindow()
    {
        var recent = Group(Json.Events(
            "{'mode':'exactly','threshold':2}", Rule("occurredAt", ">=", Relative("now", -12, "day")), Rule("type", "=", "'order'")));
        Assert.True(RuleTester.Holds(recent, Buyer(), "2024-05-15T09:00Z"));
        Assert.False(RuleTester.Holds(recent, Buyer(), "2024-05-15T09:00:00.000001Z"));
    }

    [Theory]
    // Steps a, b of events at given times => found
    [InlineData("a@2024-05-01 b@2024-05-02", "ab", null, true)]
    [InlineData("b@2024-05-01 a@2024-05-02", "ab", null, false)]
    [InlineData("a@2024-05-01 b@2024-05-01", "ab", null, false)]
    [InlineData("a@2024-05-01T00:00:00.000001 b@2024-05-01T00:00:00.000002", "ab", null, true)]
    [InlineData("a@2024-05-01", "aa", null, false)]
    [InlineData("a@2024-05-01 a@2024-05-02", "aa", null, true)]
    [InlineData("a@2024-05-01 c@2024-05-02 b@2024-05-03", "ab", null, true)]
    [InlineData("a@2024-05-01 b@2024-05-02 a@2024-05-03 c@2024-05-04", "abc", null, true)]
    [InlineData("a@2024-05-01 c@2024-05-02 b@2024-05-03", "abc", null, false)]
    [InlineData("a@2024-05-01 b@2024-05-02 c@2024-05-03 d@2024-05-04 e@2024-05-05", "abcde", null, true)]
    [InlineData("", "ab", null, false)]
    // within includes its end
    [InlineData("a@2024-05-01 b@2024-05-08", "ab", "7 day", true)]
    [InlineData("a@2024-05-01 b@2024-05-08T00:00:00.000001", "ab", "7 day", false)]
    [InlineData("a@2024-05-01 b@2024-05-08", "ab", "1 week", true)]
    [InlineData("a@2024-05-01 b@2024-05-01T02:00", "ab", "2 hour", true)]
    [InlineData("a@2024-05-01 b@2024-05-01T02:00:00.000001", "ab", "120 minute", false)]
    [InlineData("a@2024-01-31 b@2024-02-29", "ab", "1 month", true)]
    [InlineData("a@2024-01-31 b@2024-02-29T00:00:01", "ab", "1 month", false)]
    [InlineData("a@2020-02-29 b@2021-02-28", "ab", "1 year", true)]
    [InlineData("a@2020-02-29 b@2021-03-01", "ab", "1 year", false)]
    // the last within the time of the first, and any first will do
    [InlineData("a@2024-05-01 b@2024-05-05 c@2024-05-10", "abc", "7 day", false)]
    [InlineData("a@2024-05-01 a@2024-05-04 b@2024-05-05 c@2024-05-10", "abc", "7 day", true)]
    [InlineData("a@2024-05-01 b@2024-05-09 a@2024-05-10 b@2024-05-11", "ab", "2 day", true)]
    public void Holds_Sequence_FindsStepsInOrder(string events, string steps, string? within, bool expected)
    {
        var person = new Person().With(
            [.. events.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(e => new Happening(e[..1], e[2..])).Reverse()]);
        Assert.Equal(expected, RuleTester.Holds(Group(Sequence(steps, within)), person));
        Assert.Equal(
            !expected,
            RuleTester.Holds(
                Group(Sequence(steps, within).Replace(
                    "'operator':'=','value':{'steps'", "'operator':'!=','value':{'steps'", StringComparison.Ordinal)),
                person));
    }

    [Theory]
    // Forward on 2024-03-31: the day has 23 hours. Back on 2024-10-27: it has 25.
    [InlineData("2024-03-30T12:00Z", "2024-03-31T11:00Z", "1 day", true)]
    [InlineData("2024-03-30T12:00Z", "2024-03-31T11:00:00.000001Z", "1 day", false)]
    [InlineData("2024-03-30T12:00Z", "2024-03-31T12:00Z", "24 hour", true)]
    [InlineData("2024-10-26T12:00Z", "2024-10-27T13:00Z", "1 day", true)]
    [InlineData("2024-10-26T12:00Z", "2024-10-27T13:00:00.000001Z", "1 day", false)]
    [InlineData("2024-10-26T12:00Z", "2024-10-27T12:00:00.000001Z", "24 hour", false)]
    public void Holds_SequenceWithinDays_IsCalendarTimeInTheSegmentsZone(string first, string last, string within, bool expected) =>
        Assert.Equal(
            expected,
            RuleTester.Holds(
                Group(Sequence("ab", within)), new Person().With(new("a", first), new("b", last)), "2025-01-01", "Europe/Berlin"));

    [Theory]
    // A condition of each step, and the window => the bounds in SQL of each step's time
    [InlineData("t>=5 -", null, "e1>=From e2>=From")]
    [InlineData("t>5 - -", null, "e1>From e2>=From e3>=From")]
    [InlineData("- t>=5", null, "e2>=From")]
    [InlineData("- t>=5", "2 day", "e1>=Shift e2>=From")]
    [InlineData("t<5 -", null, "e1<From")]
    [InlineData("t<5 -", "2 day", "e1<From e2<=Shift")]
    [InlineData("- t<=5", null, "e1<=From e2<=From")]
    [InlineData("t=5 -", "1 month", "e1==From e2<=Shift e2>=From")]
    [InlineData("t>=5|a -", null, "e1>=From")]
    [InlineData("!t>=5 -", null, "e1<From")]
    [InlineData("!t<5 -", null, "e1>=From e2>=From")]
    [InlineData("t!=5 -", null, "")]
    [InlineData("muted -", null, "")]
    public void ToQuery_SequenceWithABoundedStep_BoundsTheOthersWhereThatIsImplied(string steps, string? within, string expected)
    {
        string Step(string step) => step switch
        {
            "-" => Group(Rule("type", "=", "'b'")),
            "muted" => Group(Rule("occurredAt", ">=", "'2024-05-05T00:00Z'", "'muted':true"), Rule("type", "=", "'a'")),
            ['!', .. var not] => Group(Not(Step(not))),
            _ when step.Split('|') is [var one, _] => Any(Step(one), Rule("type", "=", "'a'")),
            _ => Group(Rule("occurredAt", step[1..^1] is "=" ? "=" : step[1..^1], "'2024-05-05T00:00Z'")),
        };
        var rule = new RuleCompiler<Person>(PersonFields.SqlCatalog, new RuleLimits()).Compile(
            Parse(Group(SequenceOf(steps.Split(' ').Select(Step), within))));
        var query =
            rule.ToQuery(new Evaluation(Instants.Parse(RuleTester.Noon), "UTC"), _ => Array.Empty<Happening>().AsQueryable()).ToString();
        var bounds = System.Text.RegularExpressions.Regex
            .Matches(query, @"(e\d)\.OccurredAt ([<>=]+) value\([^()]*\)\.Value\.(From|Shift)\(")
            .Select(m => $"{m.Groups[1]}{m.Groups[2]}{m.Groups[3]}");
        Assert.Equal(expected, string.Join(' ', bounds.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void Holds_SequencesWithBoundedSteps_MeanTheSameInTheShapeForSql()
    {
        var bound = from op in Gen.Elements("<", "<=", ">", ">=", "=", "!=", "between")
                    from day in Gen.Choose(1, 4)
                    from hour in Gen.Elements("", "T06:00Z", "T18:00Z")
                    let rule = Rule(
                        "occurredAt",
                        op,
                        op == "between" ? $"['2024-05-0{day}{hour}','2024-05-0{day + 1}{hour}']" : $"'2024-05-0{day}{hour}'")
                    from made in Gen.Elements(rule, rule, Not(rule), Any(rule, Rule("type", "=", "'a'")))
                    select made;
        var step = from type in Gen.Elements("'a'", "'b'")
                   from bounds in Gen.Choose(0, 2).SelectMany(n => Gen.ArrayOf(bound, n))
                   select Group(bounds.Append(Rule("type", "=", type)));
        var happening = from type in Gen.Elements("a", "b")
                        from hour in Gen.Choose(0, 20)
                        select (type, Instants.Parse("2024-05-01T00:00Z").AddHours(6 * hour).ToString("O", CultureInfo.InvariantCulture));
        var cases = from steps in Gen.Choose(2, 3).SelectMany(n => Gen.ArrayOf(step, n))
                    from within in Gen.Elements(null, "6 hour", "1 day", "2 day", "1 week", "1 month")
                    from people in Gen.ArrayOf(Gen.ListOf(happening, 8), 6)
                    select (Rule: Group(SequenceOf(steps, within)), People: people);
        var held = 0;
        Laws.Check(cases, c =>
        {
            Person[] people =
            [
                .. c.People.Select((events, i) => new Person { Key = i + 1 }.With([.. events.Select(e => new Happening(e.type, e.Item2))]))
            ];
            held += RuleTester.FindHolding(c.Rule, people, new Evaluation(Instants.Parse(RuleTester.Noon), "Europe/Berlin")).Count(h => h);
            return true;
        }, 60);
        Assert.InRange(held, 40, 320);
    }

    [Fact]
    public void Explain_EventRules_ReturnTheValueTested()
    {
        object? Actual(string rule) => RuleTester.Compile(Group(rule)) is var c
            ? c.Explain(c.Root.Children[0], Buyer(), new Evaluation(Instants.Parse(RuleTester.Noon), "UTC")).Actual
            : null;
        Assert.Equal(5, Actual(Json.Events("{'mode':'atLeast','threshold':9}")));
        Assert.Equal(159.5m, Actual(Json.Events("{'mode':'atLeast','threshold':9,'aggregate':'sum','of':'amount'}")));
        Assert.Equal(39.875m, Actual(Json.Events("{'mode':'atLeast','threshold':9,'aggregate':'avg','of':'amount'}")));
        Assert.Equal(
            Instants.Parse("2024-05-05T09:00Z"),
            Actual(Json.Events("{'mode':'atLeast','threshold':'2024-01-01','aggregate':'max','of':'occurredAt'}")));
        Assert.Null(Actual(Json.Events("{'mode':'atLeast','threshold':9,'aggregate':'avg','of':'properties.nothing'}")));
        Assert.Equal(
            new[] { Instants.Parse("2024-05-01T09:00Z"), Instants.Parse("2024-05-01T15:00Z") },
            Actual(Rule("behavioral.sequence", "=", $"{{'steps':[{Group()},{Group()}]}}")));
        Assert.Null(Actual(Sequence("ab", null)));
    }

    private static string Sequence(string steps, string? within) =>
        SequenceOf(steps.Select(s => Group(Rule("type", "=", $"'{s}'"))), within);

    private static string SequenceOf(IEnumerable<string> steps, string? within) => Rule(
        "behavioral.sequence", "=",
        $"{{'steps':[{string.Join(",", steps)}]"
            + (within is null ? "}" : $",'within':{{'amount':{within.Split(' ')[0]},'unit':'{within.Split(' ')[1]}'}}}}"));
}
