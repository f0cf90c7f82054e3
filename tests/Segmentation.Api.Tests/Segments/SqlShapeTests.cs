using System.Data.Common;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Segmentation.Rules.Backends;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>What PostgreSQL is asked: its form is approved by hand, and holds no value of a rule.</summary>
public sealed partial class SqlShapeTests(OperatorWorld world) : IClassFixture<OperatorWorld>
{
    private const string Order = """{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}""";

    private static readonly (string Name, string Rule, bool Historical)[] Shapes =
    [
        ("everyone", Everyone, false),
        ("nobody", """{"combinator":"and","not":true,"rules":[]}""", false),
        .. Each("text", "demographic.gender", "\"x\"", "=", "!=", "contains", "doesNotContain", "beginsWith", "endsWith", "doesNotEndWith"),
        .. Each("text list", "demographic.gender", "[\"x\",\"y\"]", "in", "notIn"),
        .. Each("missing", "demographic.gender", null, "null", "notNull"),
        .. Each("integer", "demographic.children", "1", "=", "!=", "<", ">="),
        .. Each("integer list", "demographic.children", "[1,2]", "in", "notIn", "between", "notBetween"),
        .. Each("decimal", "demographic.income", "1.5", "=", "!=", "<", ">="),
        .. Each("decimal list", "demographic.income", "[1,2]", "in", "notIn", "between", "notBetween"),
        .. Each("age", "demographic.age", "30", "=", "!=", "<", ">="),
        .. Each("age list", "demographic.age", "[20,30]", "in", "notIn", "between", "notBetween"),
        .. Each("age missing", "demographic.age", null, "null", "notNull"),
        .. Each("date", "demographic.birthDate", "\"2000-01-01\"", "=", "!=", "<", ">="),
        .. Each("date list", "demographic.birthDate", "[\"2000-01-01\",\"2001-01-01\"]", "in", "notIn", "between"),
        .. Each("instant by day", "temporal.signedUpAt", "\"2024-01-01\"", "=", "!=", "<", ">"),
        .. Each("instant", "temporal.signedUpAt", "\"2024-01-01T00:00:00Z\"", "=", "!=", "<", ">="),
        .. Each("instant list", "temporal.signedUpAt", "[\"2024-01-01T00:00:00Z\",\"2024-01-02\"]", "in", "notIn", "between"),
        .. Each("yearly", "temporal.birthday", "\"2024-01-01\"", "=", "!="),
        .. Each("yearly window", "temporal.birthday", "[\"2024-12-01\",\"2024-01-15\"]", "between", "notBetween"),
        .. Each("anniversary", "temporal.signupAnniversary", "\"2024-01-01\"", "=", "!="),
        .. Each("local hour", "temporal.localHour", "9", "=", "!=", "<"),
        .. Each("set", "psychographic.interests", "[\"a\",\"b\"]", "contains", "doesNotContain", "in", "notIn"),
        .. Each("set missing", "psychographic.interests", null, "null", "notNull"),
        .. Each("circle", "geographic.location", """{"latitude":1,"longitude":2,"radiusKm":3}""", "within", "notWithin"),
        .. Each("polygon", "geographic.location", """{"polygon":[[0,0],[0,1],[1,1]]}""", "within", "notWithin"),
        .. Each("consent", "consent.marketing", "true", "=", "!="),
        .. Each("attribute text", "attributes.plan", "\"x\"", "=", "!=", "contains"),
        .. Each("attribute number", "attributes.score", "1", "=", "<"),
        .. Each("attribute boolean", "attributes.trial", "true", "=", "!="),
        .. Each("attribute date", "attributes.renewal", "\"2024-01-01\"", "=", "<"),
        .. Each("attribute instant", "attributes.seenAt", "\"2024-01-01\"", "=", "<"),
        .. Each("attribute set", "attributes.tags", "[\"a\"]", "contains", "in", "notIn"),
        .. Each("lifetime value", "value.lifetimeValue", "1", ">=", "<").SelectMany(BothTimes),
        .. Each("average order", "value.averageOrderValue", "1", "=", ">=", "<").SelectMany(BothTimes),
        .. Each("order count", "value.orderCount", "1", ">=").SelectMany(BothTimes),
        .. Each("last order", "value.lastOrderAt", "\"2024-01-01\"", ">").SelectMany(BothTimes),
        .. Each("days since", "value.daysSinceLastOrder", "1", "=", ">", "<=").SelectMany(BothTimes),
        .. Each("percentile", "value.percentile", "90", ">=", "<", "=").SelectMany(BothTimes),
        .. Each("last event", "behavioral.lastEventAt", "\"2024-01-01\"", ">").SelectMany(BothTimes),
        .. Each("event count", "behavioral.eventCount", "1", ">").SelectMany(BothTimes),
        .. Each("last feedback", "behavioral.lastFeedbackAt", "\"2024-01-01\"", ">").SelectMany(BothTimes),
        .. Each("sentiment", "psychographic.sentiment", "0.5", "=", "<").SelectMany(BothTimes),
        .. Each("sentiment missing", "psychographic.sentiment", null, "null", "notNull"),
        .. Each("segment by hand", "segment", "[\"by-hand\"]", "in", "notIn"),
        .. Each("segment by rule", "segment", "[\"big\",\"by-hand\"]", "in", "notIn"),
        ("two fields", All("""{"field":"demographic.age","operator":">","valueSource":"field","value":"demographic.children"}"""), false),
        ("two fields, complement", """
            {"combinator":"and","not":true,"rules":[
              {"field":"demographic.age","operator":">","valueSource":"field","value":"demographic.children"}]}
            """, false),
        ("groups", All(
            Any(Is("demographic.gender", "=", "\"a\""), Is("demographic.gender", "null")),
            $$"""
            {"combinator":"or","not":true,"rules":[{{Is("demographic.children", ">", "1")}},{{Is("demographic.income", ">", "1")}}]}
            """), false),
        .. new[]
            {
                """{"mode":"some"}""", """{"mode":"none"}""", """{"mode":"all"}""", """{"mode":"atLeast","threshold":1}""",
                """{"mode":"atLeast","threshold":3}""", """{"mode":"atMost","threshold":3}""", """{"mode":"exactly","threshold":3}""",
                """{"mode":"exactly","threshold":0}""", """{"mode":"moreThan","threshold":3}""", """{"mode":"lessThan","threshold":3}""",
                """{"mode":"between","threshold":[1,3]}""", """{"mode":"atLeast","aggregate":"sum","of":"amount","threshold":3}""",
                """{"mode":"atLeast","aggregate":"avg","of":"amount","threshold":3}""",
                """{"mode":"atMost","aggregate":"min","of":"amount","threshold":3}""",
                """{"mode":"atMost","aggregate":"max","of":"properties.n","threshold":3}""",
                """{"mode":"atLeast","aggregate":"min","of":"occurredAt","threshold":"2024-01-01"}""",
                """{"mode":"atLeast","aggregate":"distinctDays","threshold":3}""",
                """{"mode":"atLeast","aggregate":"distinct","of":"type","threshold":3}""",
                """{"mode":"atLeast","aggregate":"distinct","of":"properties.n","threshold":3}""",
            }.SelectMany(m => new[] { "=", "!=" }.Select(op => (
                $"events {op} {m}",
                All($$"""{"field":"behavioral.events","operator":"{{op}}","match":{{m}},"value":{{Order}}}"""),
                false))),
        (
            "events, historical",
            All($$"""{"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":3},"value":{{Order}}}"""),
            true),
        .. new[]
            {
                Is("occurredAt", ">=", """{"mode":"relative","anchor":"now","offset":-90,"unit":"day"}"""), Is("amount", ">", "5"),
                Is("channel", "in", "[\"a\",\"b\"]"), Is("hourOfDay", "=", "5"), Is("dayOfWeek", "=", "5"), Is("month", "=", "5"),
                Is("properties.p", "=", "\"x\""), Is("properties.p", "!=", "5"), Is("properties.p", "=", "true"),
                Is("properties.p.q", "in", "[1,2]"), Is("properties.p", "null"),
            }.Select(r => (
                $"event {r}",
                All($$"""{"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":{{All(r)}}}"""),
                false)),
        .. new[] { "", ",\"within\":{\"amount\":7,\"unit\":\"day\"}", ",\"within\":{\"amount\":7,\"unit\":\"hour\"}" }
            .SelectMany(w => new[] { "=", "!=" }.Select(op =>
                ($"sequence {op} {w}", All(Steps(op, Everyone, w)), false))),
        .. new[] { "", ",\"within\":{\"amount\":7,\"unit\":\"day\"}" }.Select(w =>
            ($"sequence, bounded {w}", All(Steps("=", All(Is("occurredAt", "between", "[\"2024-01-01\",\"2024-02-01\"]")), w)), false)),
    ];

    [Fact]
    public void EveryShape_IsTheApprovedStatement()
    {
        using var db = world.NewDb();
        var made = new StringBuilder();
        foreach (var (name, rule, historical) in Shapes)
        {
            made.Append($"-- {name}{(historical ? " (in the past)" : "")}\n{Sql(db, rule, historical)}\n\n");
        }

        var approved = Path("SqlShapes.approved.sql");
        var received = Path("SqlShapes.received.sql");
        var before = File.Exists(approved) ? File.ReadAllText(approved).ReplaceLineEndings("\n") : "";
        var now = made.ToString().ReplaceLineEndings("\n");
        if (before == now)
        {
            File.Delete(received);
            return;
        }

        File.WriteAllText(received, now);
        var old = before.Split("\n\n");
        var fresh = now.Split("\n\n");
        var changed = fresh.Except(old).ToList();
        Assert.Fail($"""
            The SQL of {changed.Count} shapes is not the approved one; the first:
            {changed.FirstOrDefault()}
            Compare the two files. Where the new SQL is right, and as fast:
              mv {received} {approved}
            """);
    }

    [Fact]
    public async Task RandomRules_NoValueIsEverInTheStatement()
    {
        var commands = new Commands();
        await using var db = world.NewDb(commands);
        for (var seed = 0; seed < 250; seed++)
        {
            var rule = Marked(seed, 0);
            await world.Query(db, rule, seed % 3 == 0, "America/Havana").ToListAsync();
        }

        Assert.True(commands.Texts.Count >= 250);
        HashSet<string> literals = [];
        foreach (var text in commands.Texts)
        {
            Assert.DoesNotMatch(Marker(), text);
            Assert.DoesNotContain("Havana", text);
            Assert.DoesNotContain("Kathmandu", text);
            literals.UnionWith(Literal().Matches(text).Select(m => m.Value));
        }

        // What is left are names of attributes, types of events that are settings, and the compiler's own constants.
        string[] known = ["'plan'", "'score'", "'ratio'", "'trial'", "'renewal'", "'seenAt'", "'tags'", "'order_completed'",
            "'order_refunded'", "'marketing'"];
        var unknown = literals.Where(l => l[0] == '\'').Except(known).Where(l => !Own().IsMatch(l)).ToList();
        Assert.Empty(unknown);
        Assert.All(
            literals.Where(l => char.IsAsciiDigit(l[0])),
            l => Assert.True(l.Length < 7 || l.StartsWith("2147483647", StringComparison.Ordinal), l));
    }

    [Fact]
    public void SameShape_OtherLiterals_IsTheSameStatement()
    {
        using var db = world.NewDb();
        for (var seed = 0; seed < 200; seed++)
        {
            var (one, other) = (Marked(seed, 0), Marked(seed, 500));
            Assert.True(
                Sql(db, one.GetRawText(), seed % 3 == 0) == Sql(db, other.GetRawText(), seed % 3 == 0),
                $"seed {seed}\n{one}\n{other}\n{Sql(db, one.GetRawText(), false)}\n{Sql(db, other.GetRawText(), false)}");
        }
    }

    private string Sql(DbContext db, string rule, bool historical)
    {
        using var command =
            world.Query((Data.SegmentationDb)db, JsonSerializer.Deserialize<JsonElement>(rule), historical).CreateDbCommand();
        return command.CommandText;
    }

    // A random rule whose values are all ones that nothing else has.
    private JsonElement Marked(int seed, int shift)
    {
        var tree = JsonNode.Parse(new RuleTrees(new Random(seed), world.Definitions.Catalog(Backend.Sql, false)).Tree().GetRawText()
            .Replace("\"in-berlin\"", "\"big\"", StringComparison.Ordinal).Replace("\"nested\"", "\"big\"", StringComparison.Ordinal))!;
        var next = shift;
        Mark(tree, null);
        return JsonSerializer.SerializeToElement(tree);

        void Mark(JsonNode node, string? field)
        {
            if (node is JsonArray list)
            {
                foreach (var item in list.ToArray())
                {
                    Mark(item!, field);
                }

                return;
            }

            if (node is not JsonObject o)
            {
                return;
            }

            var name = o["field"]?.GetValue<string>() ?? field;
            foreach (var (property, value) in o.ToArray())
            {
                if (property is "value" && o["valueSource"] is null && o["field"] is not null)
                {
                    o[property] = Value(value!.DeepClone(), name!);
                }
                else if (property == "threshold" && o["of"]?.GetValue<string>() != "occurredAt")
                {
                    o[property] = Value(value!.DeepClone(), "threshold");
                }
                else if (value is JsonObject or JsonArray)
                {
                    Mark(value, name);
                }
            }
        }

        JsonNode Value(JsonNode value, string field)
        {
            switch (value)
            {
                case JsonArray list:
                    return new JsonArray([.. list.Select(v => Value(v!.DeepClone(), field))]);
                case JsonObject o when o["mode"]?.GetValue<string>() == "relative" || o["latitude"] is not null || o["polygon"] is not null:
                    return o;
                case JsonObject o:
                    Mark(o, field);
                    return o;
            }

            if (field is "geographic.country" or "geographic.climate" or "value.rfmGroup" or "segment"
                or "sentimentSource"
                || value.GetValueKind() is JsonValueKind.True or JsonValueKind.False)
            {
                return value;
            }

            next++;
            return value.GetValueKind() == JsonValueKind.Number ? JsonValue.Create(73_000_000 + next)
                : field is "demographic.birthDate" or "attributes.renewal" ? JsonValue.Create(
                    new DateOnly(2031, 1, 1).AddDays(next % 360).ToString("O", System.Globalization.CultureInfo.InvariantCulture))
                : field.EndsWith("At", StringComparison.Ordinal) || field is "temporal.birthday" or "temporal.signupAnniversary" ? value
                : JsonValue.Create($"zqMark{next}");
        }
    }

    /// <param name="within">A further property, as JSON.</param>
    private static string Steps(string op, string second, string within) =>
        $$"""{"field":"behavioral.sequence","operator":"{{op}}","value":{"steps":[{{Order}},{{second}},{{Order}}]{{within}} } }""";

    private static IEnumerable<(string Name, string Rule, bool Historical)> Each(
        string name, string field, string? value, params string[] operators) =>
            operators.Select(op => ($"{name} {op}", All(Is(field, op, value)), false));

    private static IEnumerable<(string Name, string Rule, bool Historical)> BothTimes((string Name, string Rule, bool Historical) shape) =>
        [shape, shape with { Historical = true }];

    private static string Path(string name, [CallerFilePath] string here = "") =>
        System.IO.Path.Combine(System.IO.Path.GetDirectoryName(here)!, name);

    [GeneratedRegex("zqmark|73000|2031-", RegexOptions.IgnoreCase)]
    private static partial Regex Marker();

    [GeneratedRegex(@"'(?:[^']|'')*'|(?<![\w@$.])\d[\d.]*")]
    private static partial Regex Literal();

    // Empty texts, intervals, units and zones of the mapped functions.
    [GeneratedRegex(@"^'(|\{\}|UTC|[a-z]+)'$")]
    private static partial Regex Own();

    private sealed class Commands : DbCommandInterceptor
    {
        public List<string> Texts { get; } = [];

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command,
            CommandEventData eventData,
            InterceptionResult<DbDataReader> result,
            CancellationToken cancellationToken = default)
        {
            Texts.Add(command.CommandText);
            return ValueTask.FromResult(result);
        }
    }
}
