using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Segmentation.Rules.Checking;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests;

/// <summary>What holds for every rule, over trees, people, instants and zones made at random.</summary>
public class LawTests
{
    private static readonly Gen<Evaluation> Clocks =
        from minutes in Gen.Choose(-600_000, 600_000)
        from zone in Gen.Elements("UTC", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
        select new Evaluation(Instants.Parse(RuleTester.Noon).AddMinutes(minutes), zone);

    private static readonly Gen<(string R, string S, Person[] People, Evaluation At)> Cases =
        from r in RuleTrees.Trees
        from s in RuleTrees.Trees
        from people in Gen.ArrayOf(RuleTrees.People, 8)
        from at in Clocks
        select (r, s, (Person[])[.. people, People.Anna, People.Ben, People.Nobody], at);

    /// <summary>The laws of logic: a tree made of the rules R and S, and its outcome for someone for whom theirs are r and s.</summary>
    private static readonly (string Law, Func<string, string, string> Tree, Func<bool, bool, bool> Expected)[] Logic =
    [
        ("not R: the exact complement", (r, s) => Not(r), (r, s) => !r),
        ("not not R", (r, s) => Not(Not(r)), (r, s) => r),
        ("R and R", (r, s) => Group(r, r), (r, s) => r),
        ("R or S", (r, s) => Any(r, s), (r, s) => r || s),
        ("not (R and S)", (r, s) => Not(r, s), (r, s) => !r || !s),
        ("(not R) or (not S)", (r, s) => Any(Not(r), Not(s)), (r, s) => !r || !s),
        ("not (R or S)", (r, s) => Not(Any(r, s)), (r, s) => !r && !s),
        ("R or muted S", (r, s) => Any(r, s.Insert(1, "'muted':true,")), (r, s) => r),
    ];

    [Fact]
    public void Logic_HoldsForEveryRuleAndPerson() => Laws.Check(Gen.Zip(Cases, Gen.Choose(1, Logic.Length - 1)), drawn =>
    {
        // The complement for every tree, and one of the others in turn: compiling is what takes the time.
        var (c, other) = drawn;
        var (r, s) = (RuleTester.CompilePredicate(c.R), RuleTester.CompilePredicate(c.S));
        foreach (var (law, tree, expected) in new[] { Logic[0], Logic[other] })
        {
            var whole = RuleTester.CompilePredicate(tree(c.R, c.S));
            Assert.All(c.People, p => Assert.True(whole(p, c.At) == expected(r(p, c.At), s(p, c.At)), law));
        }

        return true;
    });

    [Fact]
    public void Cases_HoldForSomeAndNotForOthers()
    {
        // Or the laws above would prove little.
        var outcomes = Cases.Sample(60)
            .SelectMany(c => RuleTester.CompilePredicate(c.R) is var r ? c.People.Select(p => r(p, c.At)) : [])
            .ToList();
        Assert.InRange(outcomes.Count(held => held) / (double)outcomes.Count, 0.2, 0.8);
    }

    [Fact]
    public void Explain_AnyRule_AgreesWithTheFunction() => Laws.Check(Cases, c =>
    {
        var (rule, holds) = (RuleTester.Compile(c.R), RuleTester.CompilePredicate(c.R));
        return c.People.Take(2).All(p => rule.Explain(rule.Root, p, c.At).Matched == holds(p, c.At)
            && Nodes(rule.Root).All(n => rule.Explain(n, p, c.At) is var _));
    }, 100);

    [Fact]
    public void ToQuery_InTheShapeForSql_AgreesWithTheShapeForMemory() =>
        Laws.Check(
            Cases.Where(c => c.R.Contains("behavioral.", StringComparison.Ordinal)),
            c => RuleTester.FindHolding(c.R, [.. c.People.Take(3), People.Anna, People.Nobody], c.At).Length > 0,
            60);

    [Fact]
    public void Description_IsNeverEmptyAndTheSameOnceMore() => Laws.Check(RuleTrees.Trees, tree =>
    {
        var rule = RuleTester.Compile(tree);
        return Nodes(rule.Root).All(n => n.Description.Trim().Length > 0)
            && rule.Root.Description == RuleTester.Compile(tree).Root.Description;
    });

    [Fact]
    public void Compile_AnyMutant_GivesAPredicateOrErrorsThatPointIntoIt() => Laws.Check(RuleTrees.Mutants, mutant =>
    {
        using var document = JsonDocument.Parse(mutant);
        var rule = new RuleCompiler<Person>(PersonFields.Catalog, new RuleLimits(), _ => null).Compile(document.RootElement);
        if (rule.IsValid)
        {
            var holds = rule.ToFunc();
            return new[] { People.Anna, People.Ben, People.Nobody }
                .All(p => holds(p, new Evaluation(Instants.Parse(RuleTester.Noon), "UTC")) is var _)
                && rule.Root.Description.Length > 0;
        }

        // A pointer leads to a part of the tree, or to one that its parent lacks.
        return rule.Errors.All(e => e.Message.Length > 0
            && (e.Pointer.Length == 0 || Find(document.RootElement, e.Pointer[..e.Pointer.LastIndexOf('/')]) is not null));
    }, 3000);

    [Fact]
    public void Compile_MostMutants_AreRefused()
    {
        // Or the law above would prove little.
        var refused = RuleTrees.Mutants.Sample(300).Count(m => !RuleTester.Compile(m).IsValid);
        Assert.InRange(refused, 150, 300);
    }

    private static IEnumerable<RuleNode> Nodes(RuleNode node) => node.Children.SelectMany(Nodes).Prepend(node);

    private static JsonElement? Find(JsonElement root, string pointer)
    {
        JsonElement? at = root;
        foreach (var part in pointer.Split('/')
            .Skip(1)
            .Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)))
        {
            at = at switch
            {
                { ValueKind: JsonValueKind.Object } o when o.TryGetProperty(part, out var child) => child,
                { ValueKind: JsonValueKind.Array } a when int.TryParse(part, out var i) && i < a.GetArrayLength() => a[i],
                _ => null,
            };
        }

        return at;
    }
}
