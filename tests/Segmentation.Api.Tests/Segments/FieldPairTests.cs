using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>
/// Every pair of fields that can be compared: in PostgreSQL as of now and as of an instant in the past, and in memory. None fails, and all
/// say the same.
/// </summary>
public sealed class FieldPairTests(OperatorWorld world) : IClassFixture<OperatorWorld>
{
    private static readonly string[] Orderings = ["=", "<", "<=", ">", ">="];

    public static TheoryData<FieldType> Types => [FieldType.Text, FieldType.Boolean, FieldType.Integer, FieldType.Date, FieldType.Instant];

    [Theory]
    [MemberData(nameof(Types))]
    public async Task Compare_EveryPairOfAType_AgreesInSqlAndInMemory(FieldType type)
    {
        await using var db = world.NewDb();
        var fields = FindFields(type);
        Assert.NotEmpty(fields);
        foreach (var left in fields)
        {
            // One statement for all that it can be compared with: each rule counts on its own, in a group of its own.
            var rules = fields.SelectMany(right => Operators(type).Select(op => Compare(left, op, right))).ToArray();
            foreach (var chunk in rules.Chunk(20))
            {
                var text = chunk.Length > 1 ? Any([.. chunk.Select((rule, i) => i % 2 == 0 ? rule : Not(rule))]) : All(chunk);
                var answers = await world.AskAsync(db, JsonSerializer.Deserialize<JsonElement>(text));
                Assert.True(answers.Distinct().Count() == 1, $"{string.Join(" | ", answers)}\n{text}");
            }
        }
    }

    [Fact]
    public async Task Compare_PercentileWithEveryNumber_AgreesInSqlAndInMemory()
    {
        await using var db = world.NewDb();
        foreach (var field in FindFields(FieldType.Decimal))
        {
            foreach (var op in Orderings)
            {
                foreach (var rule in new[] { Compare("value.percentile", op, field), Compare(field, op, "value.percentile") })
                {
                    var answers = await world.AskAsync(db, JsonSerializer.Deserialize<JsonElement>(All(rule)));
                    Assert.True(answers.Distinct().Count() == 1, $"{string.Join(" | ", answers)}\n{rule}");
                }
            }
        }
    }

    /// <summary>
    /// Lifetime values are 40, 80, 0 and 0, so the percentiles 200/3, 100, 0 and 0; the hours 14, 8, 0 and 12.
    /// </summary>
    [Theory]
    [InlineData("<=", "a b c")]
    [InlineData("<", "a b")]
    [InlineData("=", "c")]
    [InlineData(">", "d")]
    public async Task Compare_LocalHourWithPercentile_IsTheRightAnswer(string op, string who)
    {
        await using var db = world.NewDb();
        var rule = JsonSerializer.Deserialize<JsonElement>(All(Compare("temporal.localHour", op, "value.percentile")));
        Assert.Equal([who, who, who, who], await world.AskAsync(db, rule));
        Assert.Contains("seg_percentile", world.Query(db, rule).ToQueryString(), StringComparison.Ordinal);
    }

    private string[] FindFields(FieldType type)
    {
        var isNumber = type is FieldType.Integer or FieldType.Decimal;
        return
        [
            .. world.Definitions.Catalog(Backend.Sql, false).All
                .Append(world.Definitions.Catalog(Backend.Sql, false).Find("consent.marketing")!)
                .Where(f => f.Access is ScalarAccess or OrderedAccess)
                .Where(f => isNumber ? f.Type is FieldType.Integer or FieldType.Decimal : f.Type == type)
                .Select(f => f.Name),
        ];
    }

    private static string[] Operators(FieldType type) => type is FieldType.Text or FieldType.Boolean ? ["="] : ["<=", ">"];

    private static string Compare(string left, string op, string right) =>
        $$"""{"field":"{{left}}","operator":"{{op}}","value":"{{right}}","valueSource":"field"}""";

    private static string Not(string rule) => $$"""{"combinator":"and","not":true,"rules":[{{rule}}]}""";
}
