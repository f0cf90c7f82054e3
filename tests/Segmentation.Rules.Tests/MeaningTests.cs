using System.Text.Json;
using Segmentation.Rules.Catalog;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests;

/// <summary>
/// What every operator means on every type of field: rule => who matches, at noon of Wednesday 2024-05-15, UTC. From each line the
/// exact complements follow, and are tested with it.
/// </summary>
public class MeaningTests
{
    private const string Order = "{'combinator':'and','rules':[{'field':'type','operator':'=','value':'order_completed'}]}";
    private const string View = "{'combinator':'and','rules':[{'field':'type','operator':'=','value':'view'}]}";
    private const string Berlin = "{'latitude':52.5,'longitude':13.4,'radiusKm':";

    public static readonly TheoryData<string, string, string, string, string> Rows = new()
    {
        // text
        { "name", "=", "'anna'", "A", "" },
        { "name", "=", "'ANNA'", "A", "" },
        { "name", "=", "' anna\\t'", "A", "" },
        { "name", "in", "[' anna ','x']", "A", "" },
        { "name", "contains", "' anna'", "", "" },
        { "name", "beginsWith", "' '", "", "" },
        { "name", "endsWith", "'a '", "", "" },
        { "name", "=", "'anna,ben_50%'", "", "" },
        { "name", "in", "['Anna','ben_50%']", "AB", "" },
        { "name", "in", "'anna , BEN_50%'", "AB", "" },
        { "name", "in", "'ben_50%'", "B", "" },
        { "name", "in", "['a','b']", "", "" },
        { "name", "contains", "'NN'", "A", "" },
        { "name", "contains", "'_'", "B", "" },
        { "name", "contains", "'%'", "B", "" },
        { "name", "contains", "'ben_5_'", "", "" },
        { "name", "contains", "'anna'", "A", "" },
        { "name", "beginsWith", "'An'", "A", "" },
        { "name", "beginsWith", "'nna'", "", "" },
        { "name", "beginsWith", "'b%'", "", "" },
        { "name", "endsWith", "'NA'", "A", "" },
        { "name", "endsWith", "'50%'", "B", "" },
        { "name", "endsWith", "'ann'", "", "" },
        { "name", "null", "", "N", "" },
        { "country", "=", "'DE'", "A", "" },
        { "country", "in", "'de,AT'", "AB", "" },

        // integer: one that is compared by its own lambdas, one held as int, one held as decimal, one that is never missing
        { "age", "=", "34", "A", "" },
        { "age", "=", "'24'", "B", "" },
        { "age", "=", "-1", "", "" },
        { "age", "<", "34", "B", "" },
        { "age", "<", "0", "", "" },
        { "age", "<=", "24", "B", "" },
        { "age", "<=", "-1", "", "" },
        { "age", ">", "24", "A", "" },
        { "age", ">", "-5", "AB", "" },
        { "age", ">", "999999999999999999", "", "" },
        { "age", ">=", "24", "AB", "" },
        { "age", "<", "3000", "AB", "" },
        { "age", "between", "[24,34]", "AB", "" },
        { "age", "between", "'25, 34'", "A", "" },
        { "age", "in", "[24,25]", "B", "" },
        { "age", "in", "'34'", "A", "" },
        { "age", "in", "34", "A", "" },
        { "age", "null", "", "N", "" },
        { "children", "=", "2", "A", "" },
        { "children", "=", "'2.0'", "A", "" },
        { "children", "<", "2", "B", "" },
        { "children", "<=", "0", "B", "" },
        { "children", ">", "1", "A", "" },
        { "children", ">=", "0", "AB", "" },
        { "children", "between", "[0,1]", "B", "" },
        { "children", "in", "[0,2,4]", "AB", "" },
        { "children", "null", "", "N", "" },
        { "points", "=", "10", "A", "" },
        { "points", "=", "1e1", "A", "" },
        { "points", "between", "['0','5']", "B", "" },
        { "points", "in", "[10,11]", "A", "" },
        { "points", "null", "", "N", "" },
        { "daysSinceOrder", "=", "10", "A", "" },
        { "daysSinceOrder", ">=", "10", "A", "" },
        { "daysSinceOrder", "<", "10", "B", "" },
        { "daysSinceOrder", "<=", "9", "B", "" },
        { "daysSinceOrder", ">", "9", "A", "" },
        { "daysSinceOrder", ">", "-5000000", "AB", "" },
        { "daysSinceOrder", "<", "100000000", "AB", "" },
        { "localHour", "=", "12", "BN", "" },
        { "localHour", "=", "21", "A", "" },
        { "localHour", "null", "", "", "" },

        // decimal
        { "income", "=", "50000.5", "A", "" },
        { "income", "=", "'50000.500000000'", "A", "" },
        { "income", "=", "50000.500000001", "", "" },
        { "income", "<", "50000.5", "B", "" },
        { "income", "<=", "-1.5", "B", "" },
        { "income", ">", "-1.5", "A", "" },
        { "income", ">", "50000.499999999", "A", "" },
        { "income", ">=", "' 50000.5 '", "A", "" },
        { "income", "between", "[-2,50000.5]", "AB", "" },
        { "income", "between", "'-1.5,-1.5'", "B", "" },
        { "income", "in", "[1,-1.5]", "B", "" },
        { "income", "in", "'50000.5, -1.5'", "AB", "" },
        { "income", "null", "", "N", "" },
        { "average", "=", "25", "A", "" },
        { "average", "=", "3.333333333", "", "" },
        { "average", ">", "3.333333333", "AB", "" },
        { "average", "<", "3.333333334", "B", "" },
        { "average", "<=", "25", "AB", "" },
        { "average", "between", "[3,4]", "B", "" },
        { "average", "in", "[25,26]", "A", "" },
        { "average", "null", "", "N", "" },

        // boolean
        { "vip", "=", "true", "A", "" },
        { "vip", "=", "false", "B", "" },
        { "vip", "=", "'False'", "B", "" },
        { "vip", "null", "", "N", "" },
        { "consent.ads", "=", "true", "A", "" },
        { "consent.ads", "=", "false", "BN", "" },
        { "consent.ads", "null", "", "", "" },

        // date
        { "born", "=", "'1990-05-15'", "A", "" },
        { "born", "=", "'1990-05-15T23:00:00Z'", "A", "" },
        { "born", "=", "'1990-05-15T23:00:00-02:00'", "", "" },
        { "born", "<", "'2000-02-29'", "A", "" },
        { "born", "<=", "'2000-02-29T00:00'", "AB", "" },
        { "born", ">", "'1990-05-15'", "B", "" },
        { "born", ">=", "'1990-05-15'", "AB", "" },
        { "born", "between", "['1990-05-15','1990-05-15']", "A", "" },
        { "born", "between", "'1990-05-16, 2000-02-29'", "B", "" },
        { "born", "in", "['1990-05-15','1990-05-16']", "A", "" },
        { "born", "in", "'2000-02-29'", "B", "" },
        { "born", "<", "{'mode':'relative','anchor':'now','offset':-34,'unit':'year'}", "", "" },
        { "born", "<=", "{'mode':'relative','anchor':'now','offset':-34,'unit':'year'}", "A", "" },
        { "born", "null", "", "N", "" },

        // instant
        { "seenAt", "=", "'2024-05-15T10:00:00Z'", "A", "" },
        { "seenAt", "=", "'2024-05-15T12:00+02:00'", "A", "" },
        { "seenAt", "=", "'2024-05-15T10:00'", "A", "" },
        { "seenAt", "=", "'2024-05-15T10:00:00.000001Z'", "", "" },
        { "seenAt", "=", "'2024-05-15'", "A", "" },
        { "seenAt", "=", "'2023-12-31'", "B", "" },
        { "seenAt", "<", "'2024-05-15'", "B", "" },
        { "seenAt", "<=", "'2024-05-15'", "AB", "" },
        { "seenAt", ">", "'2024-05-15'", "", "" },
        { "seenAt", ">", "'2023-12-31'", "A", "" },
        { "seenAt", ">=", "'2023-12-31'", "AB", "" },
        { "seenAt", ">", "'2024-05-15T10:00Z'", "", "" },
        { "seenAt", ">=", "{'mode':'relative','anchor':'now','offset':-2,'unit':'hour'}", "A", "" },
        { "seenAt", ">", "{'mode':'relative','anchor':'now','offset':-2,'unit':'hour'}", "", "" },
        { "seenAt", "between", "['2023-12-31','2024-05-15']", "AB", "" },
        { "seenAt", "between", "['2024-01-01',{'mode':'relative','anchor':'now','offset':0,'unit':'day'}]", "A", "" },
        { "seenAt", "in", "['2023-12-31','2024-01-01']", "B", "" },
        { "seenAt", "in", "'2023-12-31, 2024-05-15T10:00:00Z'", "AB", "" },
        { "seenAt", "in", "{'mode':'relative','anchor':'now','offset':-2,'unit':'hour'}", "A", "" },
        { "seenAt", "null", "", "N", "" },
        { "createdAt", ">=", "'2024-05-15'", "A", "" },
        { "createdAt", "null", "", "", "" },

        // yearly
        { "birthday", "=", "'1800-05-15'", "A", "" },
        { "birthday", "=", "{'mode':'relative','anchor':'now','offset':0,'unit':'day'}", "A", "" },
        { "birthday", "=", "'2023-02-28'", "B", "" },
        { "birthday", "=", "'2024-02-28'", "", "" },
        { "birthday", "=", "'2024-02-29'", "B", "" },
        { "birthday", "between", "['2024-05-15','2024-06-01']", "A", "" },
        { "birthday", "between", "'2024-05-01,2024-05-15'", "A", "" },
        { "birthday", "between", "['2024-12-01','2025-02-28']", "B", "" },
        { "birthday", "between", "['2023-12-01','2024-02-28']", "", "" },
        { "birthday", "between", "['2024-05-15','2024-02-29']", "AB", "" },
        { "birthday", "between", "['2024-05-16','2024-05-14']", "B", "" },
        { "birthday", "null", "", "N", "" },
        { "anniversary", "=", "'2000-12-31'", "B", "" },
        { "anniversary", "between", "['2000-12-31','2001-01-01']", "B", "" },
        { "anniversary", "null", "", "N", "" },

        // set
        { "tags", "contains", "'BAGS'", "AB", "" },
        { "tags", "contains", "['bags','Shoes']", "A", "" },
        { "tags", "contains", "'bags, shoes'", "", "" },
        { "tags", "contains", "' Bags '", "AB", "" },
        { "tags", "contains", "'bag'", "", "" },
        { "tags", "in", "['shoes','hats']", "A", "" },
        { "tags", "in", "'bags'", "AB", "" },
        { "tags", "in", "'hats,Bags'", "AB", "" },
        { "tags", "null", "", "N", "" },

        // point
        { "place", "within", Berlin + "50}", "A", "" },
        { "place", "within", Berlin + "1}", "", "" },
        { "place", "within", Berlin + "20040}", "AB", "" },
        { "place", "within", "{'latitude':'-33','longitude':'151','radiusKm':'200'}", "B", "" },
        { "place", "within", "{'polygon':[[13,52],[14,52],[14,53],[13,53]]}", "A", "" },
        { "place", "within", "{'polygon':[[13,52],[14,52],[14,53],[13,53],[13,52]]}", "A", "" },
        { "place", "within", "{'polygon':[[0,-90],[180,-90],[180,90],[0,90]]}", "AB", "" },

        // events
        { "behavioral.events", "=", Order, "A", "'match':{'mode':'some'}" },
        { "behavioral.events", "=", View, "BN", "'match':{'mode':'all'}" },
        { "behavioral.events", "=", View, "N", "'match':{'mode':'none'}" },
        { "behavioral.events", "=", Order, "A", "'match':{'mode':'exactly','threshold':2}" },

        // sequence
        { "behavioral.sequence", "=", $"{{'steps':[{View},{Order}]}}", "A", "" },
        { "behavioral.sequence", "=", $"{{'steps':[{View},{View}]}}", "B", "" },
        { "behavioral.sequence", "=", $"{{'steps':[{Order},{View}]}}", "", "" },

        // segment
        { "segment", "in", "['hand']", "A", "" },
        { "segment", "in", "'vips, bens'", "AB", "" },

        // two fields
        { "name", "=", "'city'", "B", "'valueSource':'field'" },
        { "name", "=", "'anna'", "A", "'valueSource':'value'" },
        { "vip", "=", "'consent.ads'", "AB", "'valueSource':'field'" },
        { "children", "=", "'points'", "B", "'valueSource':'field'" },
        { "children", "<", "'points'", "A", "'valueSource':'field'" },
        { "points", "<=", "'income'", "A", "'valueSource':'field'" },
        { "income", ">", "'average'", "A", "'valueSource':'field'" },
        { "age", ">=", "'children'", "AB", "'valueSource':'field'" },
        { "localHour", ">", "'points'", "AB", "'valueSource':'field'" },
        { "seenAt", ">", "'orderedAt'", "A", "'valueSource':'field'" },
        { "seenAt", "=", "'createdAt'", "A", "'valueSource':'field'" },
        { "born", "=", "'born'", "AB", "'valueSource':'field'" },
    };

    /// <summary>Rules on one event, of anybody's.</summary>
    public static readonly TheoryData<string, string, string, string> EventRows = new()
    {
        { "type", "=", "'VIEW'", "AB" },
        { "type", "in", "'view,order_completed'", "AB" },
        { "type", "contains", "'order'", "A" },
        { "type", "beginsWith", "'ord'", "A" },
        { "type", "endsWith", "'completed'", "A" },
        { "channel", "null", "", "B" },
        { "channel", "=", "'future'", "" },
        { "occurredAt", "<", "'2024-05-02'", "A" },
        { "occurredAt", ">", "'2024-05-03T16:00Z'", "" },
        { "amount", "=", "30.5", "A" },
        { "amount", "between", "[5,9]", "B" },
        { "amount", "null", "", "AB" },
        { "amount", "=", "1000", "" },
        { "hourOfDay", "=", "18", "A" },
        { "hourOfDay", "=", "9", "B" },
        { "dayOfWeek", "=", "6", "A" },
        { "dayOfWeek", "=", "4", "AB" },
        { "month", "=", "5", "AB" },
        { "properties.category", "=", "'SHOES'", "A" },
        { "properties.category", "in", "['bags','hats']", "A" },
        { "properties.category", "contains", "'a'", "A" },
        { "properties.category", "beginsWith", "'sh'", "A" },
        { "properties.category", "endsWith", "'s'", "A" },
        { "properties.n", "=", "5", "A" },
        { "properties.n", "=", "5.0", "A" },
        { "properties.n", "=", "'5'", "A" },
        { "properties.n", "=", "'-2.5'", "" },
        { "properties.n", "<", "0", "B" },
        { "properties.n", "<=", "-2.5", "B" },
        { "properties.n", ">", "-3", "AB" },
        { "properties.n", ">=", "5", "A" },
        { "properties.n", "between", "[-3,0]", "B" },
        { "properties.n", "in", "[5,6]", "A" },
        { "properties.n", "in", "['5','6']", "A" },
        { "properties.gift", "=", "true", "A" },
        { "properties.gift", "=", "false", "" },
        { "properties.gift", "=", "'true'", "A" },
        { "properties.size.eu", "=", "'42'", "A" },
        { "properties.size.eu", "=", "42", "" },
        { "properties.category.x", "=", "'42'", "" },
        { "properties.n", "null", "", "AB" },
        { "properties.none", "null", "", "AB" },
        { "properties.size.eu", "notNull", "", "A" },
        { "properties.list", "notNull", "", "A" },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Holds_EachOperator_MatchesTheRightPeopleAndNotTheOthers(string field, string op, string value, string who, string more)
    {
        string As(string name) => Rule(field, name, value.Length == 0 ? null : value, more.Length == 0 ? null : more);
        Same(who, Group(As(op)));
        Same(Others(who), Not(As(op)), alsoAsQuery: false);
        if (Negative(field, op) is { } negative)
        {
            Same(Others(who), Group(As(negative)));
            Same(who, Not(As(negative)), alsoAsQuery: false);
        }
    }

    [Theory]
    [MemberData(nameof(EventRows))]
    public void Holds_EachOperatorOnEvents_MatchesTheRightPeople(string field, string op, string value, string who)
    {
        string As(string name) => Rule(field, name, value.Length == 0 ? null : value);
        Same(who, Group(Json.Events("{'mode':'some'}", As(op))));
        Same(Others(who), Group(Json.Events("{'mode':'none'}", As(op))));

        // All events satisfy the complement exactly where none satisfies the rule.
        Same(Others(who), Group(Json.Events("{'mode':'all'}", Not(As(op)))));
        if (Operators.All.FirstOrDefault(o => o.Name == op && o.Types.Contains(EventType(field, value)))?.Negative is { } negative)
        {
            Same(Others(who), Group(Json.Events("{'mode':'all'}", As(negative))));
        }
    }

    /// <summary>A new operator, or an old one on a new type, needs lines that show whom it matches and whom not.</summary>
    [Fact]
    public void Rows_CoverEveryOperatorOnEveryType()
    {
        var shown = Rows.Select(r => r.Cast<string>().ToArray())
            .Select(r => (Type: PersonFields.Catalog.Find(r[0])!.Type, Op: r[1], Who: r[3]))
            .Concat(EventRows.Select(r => r.Cast<string>().ToArray()).Select(r => (Type: EventType(r[0], r[2]), Op: r[1], Who: r[3])))
            .ToLookup(r => (r.Type, r.Op), r => r.Who);
        var missing = from op in Operators.All
                      from type in op.Types
                      from wanted in new[] { "someone", "not everyone" }
                      where !shown[(type, op.Name)].Any(who => wanted == "someone" ? who.Length > 0 : who.Length < 3)
                      select $"{type} {op.Name}: no line that matches {wanted}";
        Assert.Empty(missing);
        Assert.Empty(Enum.GetValues<FieldType>().Except(Operators.All.SelectMany(o => o.Types)));
    }

    [Fact]
    public void ListFor_EachType_ReturnsTheContractsOperators()
    {
        static string Names(FieldType type) => string.Join(" ", Operators.ListFor(type).Select(o => o.Name).Order(StringComparer.Ordinal));
        static string Sorted(string names) => string.Join(" ", names.Split(' ').Order(StringComparer.Ordinal));
        const string ordered = "= != < <= > >= between notBetween in notIn null notNull";
        Assert.Equal(
            Sorted("= != in notIn contains doesNotContain beginsWith doesNotBeginWith endsWith doesNotEndWith null notNull"),
            Names(FieldType.Text));
        Assert.All([FieldType.Integer, FieldType.Decimal, FieldType.Date, FieldType.Instant], t => Assert.Equal(Sorted(ordered), Names(t)));
        Assert.Equal(Sorted("= != null notNull"), Names(FieldType.Boolean));
        Assert.Equal(Sorted("= != between notBetween null notNull"), Names(FieldType.Yearly));
        Assert.Equal(Sorted("contains doesNotContain in notIn null notNull"), Names(FieldType.Set));
        Assert.Equal(Sorted("within notWithin"), Names(FieldType.Point));
        Assert.All([FieldType.Events, FieldType.Sequence], t => Assert.Equal(Sorted("= !="), Names(t)));
        Assert.Equal(Sorted("in notIn"), Names(FieldType.Segment));
        Assert.Equal(
            Sorted(ordered + " contains doesNotContain beginsWith doesNotBeginWith endsWith doesNotEndWith"), Names(FieldType.Property));
    }

    [Theory]
    [InlineData("{'combinator':'and','rules':[]}", "ABN")]
    [InlineData("{'combinator':'or','rules':[]}", "ABN")]
    [InlineData("{'combinator':'and','not':true,'rules':[]}", "")]
    [InlineData("{'combinator':'or','not':true,'rules':[]}", "")]
    [InlineData("{'combinator':'or','rules':[{'combinator':'or','rules':[]},{'field':'name','operator':'=','value':'x'}]}", "ABN")]
    [InlineData("{'combinator':'and','rules':[{'field':'vip','operator':'=','value':true},{'field':'name','operator':'notNull'}]}", "A")]
    [InlineData("{'combinator':'or','rules':[{'field':'vip','operator':'=','value':true},{'field':'name','operator':'null'}]}", "AN")]
    [InlineData(
        "{'combinator':'or','not':true,'rules':[{'field':'vip','operator':'=','value':true},{'field':'name','operator':'null'}]}",
        "B")]
    [InlineData(
        "{'combinator':'and','not':false,'rules':[{'combinator':'and','not':true,'rules':[{'field':'vip','operator':'=','value':true}]}]}",
        "BN")]
    [InlineData(
        "{'combinator':'and','rules':["
            + "{'field':'name','operator':'=','value':'x','muted':true},{'field':'name','operator':'notNull','muted':false}]}",
        "AB")]
    [InlineData(
        "{'combinator':'or','rules':[{'combinator':'and','rules':[],'muted':true},{'field':'name','operator':'=','value':'anna'}]}",
        "A")]
    [InlineData(
        "{'combinator':'and','rules':["
            + "{'combinator':'or','muted':true,'rules':[{'field':'name','operator':'=','value':'x'}]},"
            + "{'field':'vip','operator':'notNull'}]}",
        "AB")]
    public void Holds_Groups_CombineAndNegate(string tree, string who) => Same(who, tree);

    private static FieldType EventType(string field, string value) =>
        PersonFields.Events.Find(field)!.Type is var type && type != FieldType.Property || value.Length == 0 ? type
            : (Parse(value) is { ValueKind: JsonValueKind.Array } list ? list[0] : Parse(value)).ValueKind switch
            {
                JsonValueKind.String => FieldType.Text,
                JsonValueKind.Number => FieldType.Decimal,
                _ => FieldType.Boolean,
            };

    private static string? Negative(string field, string op) =>
        Operators.All.Single(o => o.Name == op && o.Types.Contains(PersonFields.Catalog.Find(field)!.Type)).Negative;

    private static string Others(string who) => string.Concat("ABN".Except(who));

    private static void Same(string who, string tree, bool alsoAsQuery = true)
    {
        var compiled = RuleTester.Compile(tree, key => key switch
        {
            "hand" => new SegmentReference(key, null, "UTC", 7),
            "vips" => new SegmentReference(key, Parse(Group(Rule("vip", "=", "true"))), "UTC", null),
            "bens" => new SegmentReference(key, Parse(Group(Rule("name", "beginsWith", "'ben'"))), "UTC", null),
            _ => null,
        });
        Assert.True(compiled.IsValid, $"{tree}\n{string.Join("\n", compiled.Errors)}");
        var (holds, at) = (compiled.ToFunc(), new Evaluation(Instants.Parse(RuleTester.Noon), "UTC"));
        Assert.Equal($"{who} {tree}", $"{string.Concat(People.All.Where(p => holds(p.Person, at)).Select(p => p.Letter))} {tree}");

        if (!alsoAsQuery)
        {
            return;
        }

        // As a query over rows in memory, and as explained, the rule means the same.
        var query = People.All.Select(p => p.Person).AsQueryable().Where(compiled.ToQuery(at, _ => throw new NotSupportedException()))
            .ToList();
        Assert.Equal(People.All.Select(p => p.Person).Where(p => holds(p, at)), query);
        Assert.All(People.All, p => Assert.Equal(holds(p.Person, at), compiled.Explain(compiled.Root, p.Person, at).Matched));
    }
}
