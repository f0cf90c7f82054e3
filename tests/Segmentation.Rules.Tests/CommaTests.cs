using Segmentation.Rules.Catalog;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests;

/// <summary>Which operators take a text with a comma for several values, on every type: those of lists and ranges, and no other.</summary>
public class CommaTests
{
    private static readonly string[] Splitting = ["in", "notIn", "between", "notBetween"];

    public static readonly TheoryData<string, string, string> Fields = new()
    {
        { "name", "'Food, Wine'", "'Food'" },
        { "tags", "'Food, Wine'", "'Food'" },
        { "age", "'1, 2'", "1" },
        { "children", "'1, 2'", "1" },
        { "income", "'1.5, 2'", "1.5" },
        { "vip", "'true, false'", "true" },
        { "born", "'2024-01-01, 2024-01-02'", "2024-01-01" },
        { "seenAt", "'2024-01-01, 2024-01-02T12:00:00Z'", "2024-01-01" },
        { "birthday", "'2024-01-01, 2024-01-02'", "1 January" },
        { "place", "'1, 2'", "" },
        { "segment", "'food, wine'", "'food'" },
    };

    [Theory]
    [MemberData(nameof(Fields))]
    public void Compile_TextWithAComma_IsAListWhereTheOperatorSaysSo(string name, string value, string first)
    {
        var field = PersonFields.Catalog.Find(name)!;
        foreach (var (op, label, arity) in Operators.ListFor(field).Where(o => o.Arity != Arity.None))
        {
            var compiled = RuleTester.Compile(Group(Rule(name, op, value)), key => new SegmentReference(key, null, "UTC", 1));
            Assert.Equal(Splitting.Contains(op), arity is Arity.List or Arity.Range);
            if (!Splitting.Contains(op) && field.Type is not (FieldType.Text or FieldType.Set))
            {
                // One number, date or boolean is not written so.
                Assert.False(compiled.IsValid, $"{name} {op}");
                continue;
            }

            Assert.True(compiled.IsValid, $"{name} {op}\n{string.Join('\n', compiled.Errors)}");
            var described = compiled.Root.Description.Replace('"', '\'');
            var expected = Splitting.Contains(op) ? $"{label} {first}" : $"{label} {value}";
            Assert.EndsWith(expected, described[..(described.IndexOf(expected, StringComparison.Ordinal) + expected.Length)]);
            Assert.False(Splitting.Contains(op) && described.Contains("Food, Wine'", StringComparison.Ordinal), described);
        }
    }

    [Fact]
    public void Holds_SetItemWithAComma_IsOneItem()
    {
        var person = new Person { Tags = ["food, wine"] };
        var both = new Person { Tags = ["food", "wine"] };
        Assert.True(RuleTester.Holds(Group(Rule("tags", "contains", "'Food, Wine'")), person));
        Assert.False(RuleTester.Holds(Group(Rule("tags", "contains", "'Food, Wine'")), both));
        Assert.True(RuleTester.Holds(Group(Rule("tags", "doesNotContain", "'Food, Wine'")), both));
        Assert.True(RuleTester.Holds(Group(Rule("tags", "contains", "['Food','Wine']")), both));
        Assert.True(RuleTester.Holds(Group(Rule("tags", "in", "'Food, Beer'")), both));
        Assert.True(RuleTester.Holds(Group(Rule("tags", "in", "['Food, Wine']")), person));
        Assert.True(RuleTester.Holds(Group(Rule("tags", "contains", "'Food,'")), new Person { Tags = ["food,"] }));
    }

    [Theory]
    [InlineData("=", "'a,b'", true)]
    [InlineData("in", "'a,b'", true)]
    [InlineData("in", "['a,b']", true)]
    [InlineData("in", "['a','b']", false)]
    [InlineData("contains", "'a,b'", true)]
    [InlineData("beginsWith", "'a,'", true)]
    [InlineData("endsWith", "',b'", true)]
    public void Holds_PropertyWithAComma_IsOneText(string op, string value, bool holds) => Assert.Equal(holds, RuleTester.Holds(
        Group(Json.Events("{'mode':'some'}", Rule("properties.x", op, value))),
        new Person().With(new Happening("x", RuleTester.Noon, properties: "{'x':'a,b'}"))));
}
