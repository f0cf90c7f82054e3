using Segmentation.Rules.Checking;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests.Checking;

public class RuleReferencesTests
{
    private static readonly string Tree = Group(
        Rule("name", "=", "'city'"),
        Rule("name", "=", "'city'", "'valueSource':'field'"),
        Rule("segment", "in", "['a','b',7]", "'muted':true"),
        Any(Rule("segment", "notIn", "'c, d'"), Rule("gone", "null")),
        Json.Events("{'mode':'some'}", Rule("type", "=", "'x'")),
        Rule("behavioral.sequence", "=", $"{{'steps':[{Group(Rule("amount", "null"))}]}}"), "null", "{'field':5}", "{'field':'segment'}");

    [Fact]
    public void Fields_OfAnyTree_AreAllThatItNames() => Assert.Equal(
        ["amount", "behavioral.events", "behavioral.sequence", "city", "gone", "name", "segment", "type"],
        RuleReferences.Fields(Parse(Tree)).Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void Segments_OfAnyTree_AreAllThatItNames() =>
        Assert.Equal(["a", "b", "c", "d"], RuleReferences.Segments(Parse(Tree)).Order(StringComparer.Ordinal));

    [Fact]
    public void Events_OfSubQueries_AreTheirTypesAndAllFieldsThatTheyRead()
    {
        var tree = Group(
            Json.Events(
                "{'mode':'atLeast','threshold':3,'aggregate':'sum','of':'properties.price'}",
                Rule("type", "=", "'Order'"),
                Rule("channel", "=", "'web'")),
            Json.Events("{'mode':'all'}", Rule("type", "=", "'x'")),
            Rule("behavioral.sequence", "=", $"{{'steps':[{Group(Rule("type", "in", "['a','B']"))},{Any(Rule("type", "=", "'c'"))}]}}"),
            Rule("demographic.age", "null"));
        Assert.Equal(
            ["order: channel,properties.price,type", "any: type", "a,b: type", "any: type"],
            RuleReferences.Events(Parse(tree)).Select(e => $"{(e.Types is null ? "any" : Join(e.Types))}: {Join(e.Fields)}"));
    }

    private static string Join(IEnumerable<string> names) => string.Join(',', names.Order(StringComparer.Ordinal));
}
