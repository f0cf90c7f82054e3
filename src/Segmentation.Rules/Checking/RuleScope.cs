using System.Linq.Expressions;
using Segmentation.Rules.Catalog;

namespace Segmentation.Rules.Checking;

/// <summary>What nodes are compiled over: a customer, an event of one, or a customer on the clock of another segment.</summary>
/// <param name="Catalog">The fields that rules may name here.</param>
/// <param name="Compilation">What the whole compilation shares.</param>
/// <param name="Item">The customer or event.</param>
/// <param name="Evaluation">The clock.</param>
/// <param name="FindSegment">Finds a segment that a rule refers to; null where rules can't.</param>
/// <param name="SegmentPath">The keys of the segments within which these nodes are, outermost first.</param>
/// <param name="DescribeUnknown">The error text for a name that is none of a field here.</param>
/// <param name="Anything">Describes a group that everything satisfies.</param>
/// <param name="Nothing">Describes a group that nothing satisfies.</param>
internal sealed record RuleScope<T>(
    FieldCatalog<T> Catalog,
    Compilation Compilation,
    Expression Item,
    Expression Evaluation,
    Func<string, SegmentReference?>? FindSegment,
    IReadOnlyList<string> SegmentPath,
    Func<string, string> DescribeUnknown,
    string Anything = "anyone",
    string Nothing = "nobody")
{
    /// <summary>The body of a field's lambda, over the item and the evaluation.</summary>
    public Expression Read(LambdaExpression lambda) => Expressions.Splice.Body(lambda, Item, Evaluation);
}

/// <summary>What one rule compiles to.</summary>
/// <param name="Emit">The test, or with true its exact complement.</param>
/// <param name="Description">The test in plain English.</param>
/// <param name="Actual">The value that it tests, which explanations show; null where there is none.</param>
/// <param name="Compound">Whether the description has parts that could be taken for others' next to it.</param>
internal sealed record CompiledTest(Func<bool, Expression> Emit, string Description, Expression? Actual, bool Compound = false);
