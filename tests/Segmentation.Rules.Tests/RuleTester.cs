using System.Linq.Expressions;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Tests;

/// <summary>Short ways to compile rules and to evaluate them.</summary>
public static class RuleTester
{
    public const string Noon = "2024-05-15T12:00Z";

    public static CompiledRule<Person> Compile(
        string tree, Func<string, SegmentReference?>? segments = null, string? self = null, RuleLimits? limits = null) =>
            new RuleCompiler<Person>(PersonFields.Catalog, limits ?? new RuleLimits(), segments).Compile(Json.Parse(tree), self);

    /// <summary>Whether a rule tree holds for a person; fails the test when the tree has errors.</summary>
    public static bool Holds(string tree, Person person, string asOf = Noon, string zone = "UTC") =>
        FindHolding(tree, [person], new Evaluation(Instants.Parse(asOf), zone))[0];

    /// <summary>For whom a rule tree holds. What SQL is made of has another shape for events, and must mean the same.</summary>
    public static bool[] FindHolding(string tree, Person[] people, Evaluation at)
    {
        var holds = CompilePredicate(tree);
        var held = people.Select(p => holds(p, at)).ToArray();
        if (tree.Contains("behavioral.", StringComparison.Ordinal))
        {
            // Over lists, with no database: whether the two shapes agree, not whether PostgreSQL does.
            var query = new RuleCompiler<Person>(PersonFields.SqlCatalog, new RuleLimits()).Compile(Json.Parse(tree)).ToQuery(
                at, _ => people.SelectMany(p => p.Events).AsQueryable());
            query = (Expression<Func<Person, bool>>)new WindowsAsQueries().Visit(query);
            Assert.Equal(people.Where((_, i) => held[i]), people.AsQueryable().Where(query));
        }

        return held;
    }

    public static Func<Person, Evaluation, bool> CompilePredicate(string tree)
    {
        var compiled = Compile(tree);
        Assert.True(compiled.IsValid, $"{tree}\n{string.Join("\n", compiled.Errors)}");
        return compiled.ToFunc();
    }

    /// <summary>What is wrong with a tree, as <c>pointer: message</c> lines.</summary>
    public static void AssertErrors(CompiledRule<Person> compiled, params IEnumerable<string> expected)
    {
        var found = compiled.Errors.OrderBy(e => e.Pointer, StringComparer.Ordinal).ThenBy(e => e.Message, StringComparer.Ordinal).ToList();
        var wanted = expected.Select(e => e.Split(": ", 2)).OrderBy(e => e[0], StringComparer.Ordinal)
            .ThenBy(e => e[1], StringComparer.Ordinal).ToList();
        var shown = string.Join("\n", found.Select(e => $"{e.Pointer}: {e.Message}"));
        Assert.True(
            found.Select(e => e.Pointer).SequenceEqual(wanted.Select(w => w[0])), $"Expected\n{string.Join("\n", expected)}\ngot\n{shown}");
        Assert.All(wanted, w => Assert.True(
            found.Any(f => f.Pointer == w[0] && f.Message.Replace('"', '\'').Contains(w[1], StringComparison.Ordinal)),
            $"{w[0]}: {w[1]}\nis not among\n{shown}"));
    }

    // What the window function means, as a query over the rows that it is a window of.
    private sealed class WindowsAsQueries : ExpressionVisitor
    {
        private static readonly Expression<Func<IEnumerable<SequenceRow>, SequenceRow, Func<SequenceRow, DateTimeOffset?>, DateTimeOffset?>>
            latestBefore = (rows, row, value) => rows.Where(r => r.Owner == row.Owner && r.At < row.At).Max(value);

        private (Expression Rows, ParameterExpression Row) select;

        protected override Expression VisitMethodCall(MethodCallExpression node)
        {
            if (node.Method.DeclaringType == typeof(SequenceRow))
            {
                return Splice.Body(latestBefore, select.Rows, select.Row, Expression.Lambda(node.Arguments[0], select.Row));
            }

            if (node.Method.Name != nameof(Queryable.Select)
                || node.Arguments is not [var rows, UnaryExpression { Operand: LambdaExpression { Parameters: [{ } row] } lambda }]
                || row.Type != typeof(SequenceRow))
            {
                return base.VisitMethodCall(node);
            }

            // Read once: a query within a query would be compiled for each row.
            var read = Expression.Lambda<Func<IQueryable<SequenceRow>>>(Visit(rows)).Compile()().ToList();
            rows = Expression.Constant(read.AsQueryable());
            select = (rows, row);
            return node.Update(null, [rows, Visit(lambda)]);
        }
    }
}
