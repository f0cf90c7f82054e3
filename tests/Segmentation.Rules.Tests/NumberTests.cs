using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests;

/// <summary>Numbers in an event's properties, whatever they are: rules see nine decimals, and tell those past 18 digits apart.</summary>
public class NumberTests
{
    [Theory]
    // data, rule's operator and value: whether it holds, and whether the complement does is the opposite
    [InlineData("0.30000000000000004", "=", "0.3", true)]
    [InlineData("0.3", "=", "0.30000000000000004", true)]
    [InlineData("2.9999999999", "in", "[3]", true)]
    [InlineData("2.9999999999", ">=", "3", true)]
    [InlineData("1e-12", "=", "0", true)]
    [InlineData("-0", "=", "0", true)]
    [InlineData("1E2", "=", "100", true)]
    [InlineData("5.0", "=", "5", true)]
    [InlineData("12345678901234567890", "=", "12345678901234567890", true)]
    [InlineData("12345678901234567890", "=", "1234567890123456789E1", true)]
    [InlineData("12345678901234567890", "=", "12345678901234567891", false)]
    [InlineData("12345678901234567890", "in", "[1,12345678901234567890]", true)]
    [InlineData("12345678901234567890", "in", "[12345678901234567889,12345678901234567890]", true)]
    [InlineData("1", "in", "[1,12345678901234567890]", true)]
    [InlineData("2", "in", "[1,12345678901234567890]", false)]
    [InlineData("12345678901234567890", "in", "[1,2]", false)]
    [InlineData("1e400", "=", "1e400", true)]
    [InlineData("-1e400", "=", "1e400", false)]
    [InlineData("1e400", ">", "0", false)]
    [InlineData("1e400", "between", "[0,100]", false)]
    [InlineData("'12345678901234567890'", "=", "12345678901234567890", false)]
    [InlineData("12345678901234567890", "=", "'12345678901234567890'", false)]
    public void Holds_PropertysNumber_ComparesAsTheLanguageSays(string data, string op, string value, bool holds)
    {
        var person = new Person().With(new Happening("x", RuleTester.Noon, properties: $"{{'n':{data}}}"));
        var rule = Rule("properties.n", op, value);
        Assert.Equal(holds, RuleTester.Holds(Group(Json.Events("{'mode':'some'}", rule)), person));
        var negative = op switch { "=" => "!=", "in" => "notIn", "between" => "notBetween", _ => null };
        var complement = negative is null ? Not(rule) : Group(Rule("properties.n", negative, value));
        Assert.Equal(!holds, RuleTester.Holds(
            Group(Rule("behavioral.events", "=", complement, "'match':{'mode':'some'}")), person));
    }

    [Theory]
    [InlineData("'sum'", "{'mode':'exactly','threshold':3.5,'aggregate':'sum','of':'properties.n'}")]
    [InlineData("'min'", "{'mode':'exactly','threshold':0.3,'aggregate':'min','of':'properties.n'}")]
    [InlineData("'max'", "{'mode':'exactly','threshold':3.2,'aggregate':'max','of':'properties.n'}")]
    [InlineData("'avg'", "{'mode':'exactly','threshold':1.75,'aggregate':'avg','of':'properties.n'}")]
    [InlineData("'distinct'", "{'mode':'exactly','threshold':2,'aggregate':'distinct','of':'properties.n'}")]
    public void Holds_AggregateOfNumbers_LeavesOutThoseOutOfRange(string aggregate, string match)
    {
        Assert.Contains(aggregate, match, StringComparison.Ordinal);
        var person = new Person().With([.. new[] { "0.30000000000000004", "3.2", "1e400", "12345678901234567890" }
            .Select(n => new Happening("x", RuleTester.Noon, properties: $"{{'n':{n}}}"))]);
        Assert.True(RuleTester.Holds(Group(Json.Events(match)), person));
        Assert.True(RuleTester.Holds(
            Group(Json.Events("{'mode':'exactly','threshold':4}", Rule("properties.n", "notNull"))), person));
    }

    [Theory]
    [InlineData("0.30000000000000004", "Income is 0.3")]
    [InlineData("'50000.12345678949'", "Income is 50000.123456789")]
    [InlineData("-0", "Income is 0")]
    [InlineData("1E2", "Income is 100")]
    public void Description_OfANumber_IsWhatItIsComparedAs(string value, string expected) =>
        Assert.Equal(expected, RuleTester.Compile(Group(Rule("income", "=", value))).Root.Description);
}
