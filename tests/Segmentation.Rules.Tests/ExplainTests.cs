using Segmentation.Rules.Catalog;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests;

public class ExplainTests
{
    [Fact]
    public void Explain_EachNode_ReturnsWhetherItMatchedAndTheValueTested()
    {
        var tree = RuleTester.Compile(Any(
            Rule("name", "=", "'anna'"),
            Rule("age", ">", "18", "'muted':true"),
            Group(Rule("income", "null"), Rule("tags", "in", "'hats'")),
            Rule("place", "within", "{'latitude':0,'longitude':0,'radiusKm':1}"),
            Rule("birthday", "=", "'2024-05-15'"),
            Rule("children", "<", "'points'", "'valueSource':'field'"),
            Rule("segment", "in", "['hand','other']")),
            key => new SegmentReference(key, null, "UTC", key == "hand" ? 7 : 8));
        Assert.True(tree.IsValid, string.Join("\n", tree.Errors));
        var at = new Evaluation(Instants.Parse(RuleTester.Noon), "UTC");
        void Shows(bool matched, object? actual, params int[] path)
        {
            var shown = tree.Explain(path.Aggregate(tree.Root, (n, i) => n.Children[i]), People.Anna, at);
            Assert.Equal(matched, shown.Matched);
            Assert.Equal(actual, shown.Actual);
        }

        Shows(true, null);
        Shows(true, "anna", 0);
        Shows(true, 34, 1);
        Shows(false, null, 2);
        Shows(false, 50_000.50m, 2, 0);
        Shows(false, new[] { "shoes", "bags" }, 2, 1);
        Shows(false, new double?[] { 52.52, 13.405 }, 3);
        Shows(true, new DateOnly(1990, 5, 15), 4);
        Shows(true, new object[] { 2m, 10m }, 5);
        Shows(true, new[] { "hand" }, 6);
        Assert.True(tree.Root.Children[1].Muted);
        Assert.Equal("name", tree.Root.Children[0].Source.GetProperty("field").GetString());
        Assert.All(Enumerable.Range(0, 7), i => Assert.NotEmpty(tree.Root.Children[i].Description));
    }

    [Fact]
    public void Explain_EveryFieldOfNobody_HasNoActualValue()
    {
        foreach (var field in PersonFields.Catalog.All.Where(f => Operators.ListFor(f.Type).Any(o => o.Name == "null")
            && f.Name is not ("localHour" or "createdAt" or "tags")))
        {
            var tree = RuleTester.Compile(Group(Rule(field.Name, "null")));
            Assert.Equal(
                (true, null), tree.Explain(tree.Root.Children[0], People.Nobody, new Evaluation(Instants.Parse(RuleTester.Noon), "UTC")));
        }
    }
}
