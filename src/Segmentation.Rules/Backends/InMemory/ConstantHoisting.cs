using System.Diagnostics.CodeAnalysis;
using System.Linq.Expressions;
using Segmentation.Rules.Time;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>Computes before a loop what stays the same in it: what is made of constants and of the rule's own parameters alone.</summary>
internal sealed class ConstantHoisting(IReadOnlyCollection<ParameterExpression> parameters) : ExpressionVisitor
{
    /// <summary>
    /// A rule in two steps: what is made of its first parameters alone is computed once for all that it is then evaluated on.
    /// </summary>
    public static Expression<TDelegate> Split<TDelegate>(LambdaExpression rule, params ParameterExpression[] first)
    {
        var constants = new Replacer(first);
        var rest = Expression.Lambda(constants.Visit(rule.Body), rule.Parameters.Except(first));
        return Expression.Lambda<TDelegate>(Expression.Block(constants.Variables, [.. constants.Assignments, rest]), first);
    }

    // Inner loops first: what leaves one of them leaves the outer one as well, if it can.
    protected override Expression VisitLoop(LoopExpression node)
    {
        var visited = (LoopExpression)base.VisitLoop(node);
        var constants = new Replacer(parameters);
        var body = constants.Visit(visited.Body);
        var loop = visited.Update(visited.BreakLabel, visited.ContinueLabel, body);
        return Expression.Block(constants.Variables, [.. constants.Assignments, loop]);
    }

    /// <summary>Replaces what is constant by variables.</summary>
    private sealed class Replacer(IReadOnlyCollection<ParameterExpression> given) : ExpressionVisitor
    {
        private readonly Dictionary<Expression, ParameterExpression> found = [];

        public IEnumerable<ParameterExpression> Variables => found.Values;

        public IEnumerable<Expression> Assignments => found.Select(c => Expression.Assign(c.Value, c.Key));

        [return: NotNullIfNotNull(nameof(node))]
        public override Expression? Visit(Expression? node)
        {
            if (node is null or ParameterExpression or ConstantExpression { Value: null or ValueType } || !IsConstant(node))
            {
                return base.Visit(node);
            }

            if (!found.TryGetValue(node, out var variable))
            {
                variable = Expression.Variable(node.Type);
                found.Add(node, variable);
            }

            return variable;
        }

        private bool IsConstant(Expression node) => node switch
        {
            ConstantExpression => true,
            ParameterExpression parameter => given.Contains(parameter),
            MemberExpression { Expression: { } owner } => Nullable.GetUnderlyingType(owner.Type) is null && IsConstant(owner),
            UnaryExpression { NodeType: ExpressionType.Convert, Operand: var operand } => IsConstant(operand),
            MethodCallExpression { Object: { } owner, Arguments: var arguments } => IsConstant(owner) && arguments.All(IsConstant),
            MethodCallExpression { Object: null, Method.DeclaringType: var type, Arguments: var arguments } =>
                type == typeof(TimeTransitions) && arguments.All(IsConstant),
            _ => false,
        };
    }
}
