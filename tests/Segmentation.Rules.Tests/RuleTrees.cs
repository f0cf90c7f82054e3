using System.Globalization;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Segmentation.Rules.Catalog;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests;

/// <summary>Makes valid rule trees over the test catalog, people, and invalid trees out of valid ones.</summary>
public static class RuleTrees
{
    private static readonly Gen<string> Texts = Gen.Elements("anna", "BEN_50%", "an", "%", "de", "at", "ß", "50");
    private static readonly Gen<string> Numbers = Gen.OneOf(
        Gen.Choose(-3, 40).Select(n => $"{n}"), Gen.Elements("'7'", "1e2", "-1", "2147483647"));
    private static readonly Gen<string> Decimals = Gen.OneOf(
        Numbers,
        Gen.Elements("-1.5", "50000.5", "0.000000001", "'3.25'", "-999999999999999999.999999999",
            "0.30000000000000004", "-0", "1E2", "1e-12"));

    private static readonly Gen<string> LargeNumbers = Gen.Elements("1e400", "12345678901234567890", "12345678901234567891", "-1E19");
    private static readonly Gen<string> Days = Gen.Choose(0, 500).Select(d => $"'{new DateOnly(2023, 10, 1).AddDays(d):yyyy-MM-dd}'").Or(
        Gen.Elements("'1990-05-15'", "'2000-02-29'", "'2001-02-28'"));

    private static readonly Gen<string> Relatives =
        from anchor in Gen.Elements(
            "now", "startOfDay", "endOfDay", "startOfWeek", "endOfWeek", "startOfMonth", "endOfMonth", "startOfYear", "endOfYear")
        from offset in Gen.Choose(-40, 40).Or(Gen.Elements(int.MinValue, int.MaxValue))
        from unit in Gen.Elements("minute", "hour", "day", "week", "month", "year")
        select Relative(anchor, offset, unit);

    private static readonly Gen<string> Instants = Gen.OneOf(
        Days, Relatives, Gen.Elements("'2024-05-15T10:00:00Z'", "'2024-05-15T12:00'", "'2023-12-31T23:30:00+00:00'"));

    private static readonly Gen<string> Areas = Gen.OneOf(
        from y in Gen.Choose(-90, 90)
        from x in Gen.Choose(-180, 180)
        from r in Gen.Elements("1", "500", "9000", "20040")
        select $"{{'latitude':{y},'longitude':{x},'radiusKm':{r}}}",
        from corners in Gen.ListOf(Gen.Zip(Gen.Choose(-90, 90), Gen.Choose(-90, 90)), 4)
        select $"{{'polygon':[{string.Join(",", corners.Select(c => $"[{c.Item1},{c.Item2}]"))}]}}");

    /// <summary>Groups at most three deep, with muted nodes that leave no group empty.</summary>
    public static readonly Gen<string> Trees = GroupOf(PersonRule(3), 3);

    /// <summary>People of all kinds: half of what can be known of them is missing.</summary>
    public static readonly Gen<Person> People = from seed in Gen.Choose(0, int.MaxValue) select PersonOf(new Random(seed));

    /// <summary>A valid tree with one to three things in it changed, removed, added, or put elsewhere.</summary>
    public static readonly Gen<string> Mutants =
        from tree in Trees
        from count in Gen.Choose(1, 3)
        from seed in Gen.Choose(0, int.MaxValue)
        select Mutate(tree, count, new Random(seed));

    private static Gen<string> GroupOf(Gen<string> rule, int depth) =>
        from combinator in Gen.Elements("and", "or")
        from not in Gen.Elements("", ",'not':true", ",'not':false")
        from size in Gen.Choose(0, 3)
        from nodes in Gen.ArrayOf(
            depth == 0 ? rule : Gen.Frequency((3, rule), (2, Gen.Fresh(() => depth).SelectMany(d => GroupOf(rule, d - 1)))), size)
        from muted in Gen.Choose(-1, 5)
        let rules = nodes.Select((n, i) => i == muted && size > 1 ? n.Insert(1, "'muted':true,") : n)
        select $"{{'combinator':'{combinator}'{not},'rules':[{string.Join(",", rules)}]}}";

    private static Gen<string> PersonRule(int depth)
    {
        var fields = Gen.Elements(
            PersonFields.Catalog.All.Where(f => f.Type is not (FieldType.Events or FieldType.Sequence or FieldType.Segment)).Append(
                PersonFields.Catalog.Find("consent.ads")!));
        var events = GroupOf(EventRule(), 1);
        var sequence = from steps in Gen.Choose(2, 3).SelectMany(n => Gen.ArrayOf(events, n))
                       from within in Gen.Elements(
                           "",
                           ",'within':{'amount':2,'unit':'day'}",
                           ",'within':{'amount':90,'unit':'minute'}",
                           ",'within':{'amount':1,'unit':'month'}")
                       from op in Gen.Elements("=", "!=")
                       select Rule("behavioral.sequence", op, $"{{'steps':[{string.Join(",", steps)}]{within}}}");
        var match = from op in Gen.Elements("=", "!=")
                    from m in Matches()
                    from g in events
                    select Rule("behavioral.events", op, g, $"'match':{m}");
        var pairs = from pair in Gen.Elements(
            ("name", "city", false),
            ("vip", "consent.ads", false),
            ("age", "children", true),
            ("points", "income", true),
            ("seenAt", "orderedAt", true),
            ("born", "born", true))
                    from op in Gen.Elements(pair.Item3 ? ["=", "!=", "<", "<=", ">", ">="] : new[] { "=", "!=" })
                    select Rule(pair.Item1, op, $"'{pair.Item2}'", "'valueSource':'field'");
        return Gen.Frequency((12, fields.SelectMany(f => RuleOn(f.Name, f.Type))), (3, match), (1, sequence), (1, pairs));
    }

    private static Gen<string> EventRule() => Gen.OneOf(
        Gen.Elements(PersonFields.Events.All.ToArray()).SelectMany(f => RuleOn(f.Name, f.Type)),
        from name in Gen.Elements("properties.n", "properties.category", "properties.a.b")
        from type in Gen.Elements(FieldType.Text, FieldType.Decimal, FieldType.Boolean)
        from rule in RuleOn(name, type, isProperty: true)
        select rule);

    private static Gen<string> Matches() => Gen.OneOf(
        Gen.Elements("some", "all", "none").Select(m => $"{{'mode':'{m}'}}"),
        from mode in Gen.Elements("atLeast", "atMost", "exactly", "moreThan", "lessThan")
        from n in Gen.Choose(0, 4)
        select $"{{'mode':'{mode}','threshold':{n}}}",
        from mode in Gen.Elements("atLeast", "atMost", "exactly", "moreThan", "lessThan")
        from aggregate in Gen.Elements(
            "'sum','of':'amount'",
            "'avg','of':'amount'",
            "'min','of':'properties.n'",
            "'max','of':'amount'",
            "'distinctDays'",
            "'distinct','of':'properties.category'")
        from n in Gen.Choose(0, 30)
        select $"{{'mode':'{mode}','threshold':{n},'aggregate':{aggregate}}}",
        from mode in Gen.Elements("atLeast", "atMost")
        from aggregate in Gen.Elements("min", "max")
        from t in Instants
        select $"{{'mode':'{mode}','threshold':{t},'aggregate':'{aggregate}','of':'occurredAt'}}",
        from low in Gen.Choose(0, 3) from more in Gen.Choose(0, 3) select $"{{'mode':'between','threshold':[{low},{low + more}]}}");

    private static Gen<string> RuleOn(string name, FieldType type, bool isProperty = false)
    {
        var value = type switch
        {
            _ when name == "country" => Gen.Elements("'de'", "'AT'"),
            FieldType.Text or FieldType.Set => Texts.Select(t => $"'{t}'"),
            FieldType.Integer => Numbers,
            FieldType.Decimal => isProperty ? Gen.Choose(-5, 9).Select(n => $"{n / 2m}") : Decimals,
            FieldType.Boolean => isProperty ? Gen.Elements("true", "false") : Gen.Elements("true", "false", "'true'"),
            FieldType.Point => Areas,
            FieldType.Yearly or FieldType.Date => Days.Or(Relatives),
            _ => Instants,
        };
        var operators = PersonFields.Catalog.Find(name) is { } field ? Operators.ListFor(field) : Operators.ListFor(type);
        return from op in Gen.Elements(operators.ToArray())
               let any = isProperty && type == FieldType.Decimal && op.Name is "=" or "!=" or "in" or "notIn"
                   ? Gen.Frequency((2, value), (1, LargeNumbers))
                   : value
               from one in any
               from list in Gen.Choose(1, 3).SelectMany(n => Gen.ArrayOf(any, n))
               select op.Arity switch
               {
                   Arity.None => Rule(name, op.Name),
                   Arity.One => Rule(name, op.Name, one),
                   Arity.List => Rule(name, op.Name, $"[{string.Join(",", list)}]"),
                   _ => Rule(name, op.Name, Range(type, one, list[0])),
               };
    }

    // Constants in their order, whatever was drawn.
    private static string Range(FieldType type, string a, string b)
    {
        static decimal? Number(string v) =>
            decimal.TryParse(v.Trim('\''), NumberStyles.Float, CultureInfo.InvariantCulture, out var n) ? n : null;
        var reversed = type is FieldType.Integer or FieldType.Decimal ? Number(a) > Number(b) : string.CompareOrdinal(a, b) > 0;
        return reversed ? $"[{b},{a}]" : $"[{a},{b}]";
    }

    private static Person PersonOf(Random r)
    {
        T? Maybe<T>(Func<T> value) => r.Next(3) == 0 ? default : value();
        DateTimeOffset At() => Tests.Instants.Parse(RuleTester.Noon).AddMinutes(-r.Next(400_000) + 2000);
        string Pick(params string[] any) => any[r.Next(any.Length)];
        var person = new Person
        {
            Key = r.Next(),
            Name = Maybe(() => Pick("anna", "ben_50%", "ana", "ß")),
            City = Maybe(() => Pick("anna", "berlin")),
            Country = Maybe(() => Pick("de", "at")),
            Born = Maybe<DateOnly?>(() => r.Next(4) == 0 ? new DateOnly(2000, 2, 29) : new DateOnly(1980, 1, 1).AddDays(r.Next(17_000))),
            Children = Maybe<int?>(() => r.Next(4)),
            Points = Maybe<decimal?>(() => r.Next(-1, 12)),
            Income = Maybe<decimal?>(() => r.Next(2) == 0 ? -1.5m : r.Next(60_000)),
            Orders = (r.Next(100), r.Next(4)),
            Vip = Maybe<bool?>(() => r.Next(2) == 0),
            Consents = r.Next(2) == 0 ? ["ads"] : [],
            SeenAt = Maybe<DateTimeOffset?>(() => At()),
            OrderedAt = Maybe<DateTimeOffset?>(() => At()),
            CreatedAt = At(),
            Tags = [.. new[] { "anna", "de", "ben_50%" }.Where(_ => r.Next(2) == 0)],
            Place = Maybe<(double, double)?>(() => ((r.NextDouble() * 180) - 90, (r.NextDouble() * 360) - 180)),
            TimeZone = Maybe(() => Pick("Europe/Berlin", "Asia/Kathmandu", "America/Havana")),
        };
        return person.With([.. Enumerable.Range(0, r.Next(6)).Select(_ => new Happening(
            Pick("anna", "de", "view"), $"{At():O}", Maybe<decimal?>(() => r.Next(40)), Maybe(() => Pick("de", "web")),
            Maybe(() => Pick(
                "{'n':1.5,'category':'anna'}", "{'n':'50','category':true}", "{'a':{'b':'de'}}", "{'a':{'b':2}}",
                "{'n':1e400}",
                "{'n':12345678901234567890}", "{'n':-10000000000000000000}", "{'n':1.5000000001,'a':{'b':0.1}}", "{}"))))]);
    }

    private static string Mutate(string tree, int count, Random r)
    {
        var root = JsonNode.Parse(tree.Replace('\'', '"'))!;
        string[] junk =
        [
            "null", "true", "-1", "1e400", "0.1", "99999999999999999999", "\"\"", "\" \"", "\"x\"", "\"a,,b\"", "\"\\u0000\"", "[]",
            "[null]", "[1,\"a\"]", "[[]]", "{}", "{\"mode\":\"relative\"}",
            "{\"polygon\":[[0,0]]}", "{\"combinator\":\"and\",\"rules\":[]}", "{\"field\":\"name\"}", "\"2024-02-30\"", "\"now\"",
            "\"field\"", "\"between\"", "\"in\"", "\"null\"", "\"behavioral.events\"",
            "\"behavioral.sequence\"", "\"segment\"", "\"tags\"", "\"place\"", "\"birthday\"", "\"consent.\"", "\"properties.\"",
            "\"properties.a..b\"", "\"0002-01-01\"", "\"9998-12-31T23:59:59.9999999Z\"",
        ];
        string[] names = ["field", "operator", "value", "rules", "combinator", "not", "muted", "match", "valueSource", "mode", "threshold",
            "aggregate", "of", "steps", "within", "polygon", "x", ""];
        for (var i = 0; i < count; i++)
        {
            var all = All(root).ToList();
            var (node, other) = (all[r.Next(all.Count)], all[r.Next(all.Count)]);
            var replacement = r.Next(2) == 0 ? JsonNode.Parse(junk[r.Next(junk.Length)]) : other?.DeepClone();
            switch (node)
            {
                case JsonObject o when r.Next(2) == 0:
                    o[names[r.Next(names.Length)]] = replacement;
                    break;
                case JsonObject { Count: > 0 } o:
                    o.Remove(o.ElementAt(r.Next(o.Count)).Key);
                    break;
                case JsonArray a when a.Count > 0 && r.Next(2) == 0:
                    a.RemoveAt(r.Next(a.Count));
                    break;
                case JsonArray a:
                    a.Insert(r.Next(a.Count + 1), replacement);
                    break;
                case { Parent: JsonObject o }:
                    o[node.GetPropertyName()] = replacement;
                    break;
                case { Parent: JsonArray a }:
                    a[node.GetElementIndex()] = replacement;
                    break;
            }
        }

        return root.ToJsonString();
    }

    private static IEnumerable<JsonNode?> All(JsonNode? node) => new[] { node }.Concat(node switch
    {
        JsonObject o => o.SelectMany(p => All(p.Value)),
        JsonArray a => a.SelectMany(All),
        _ => [],
    });
}
