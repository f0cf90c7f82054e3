using System.Linq.Expressions;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>Makes loops of LINQ over lists and arrays, and of sequences of events: no delegate is made, and none is called.</summary>
internal sealed class LoopUnrolling : ExpressionVisitor
{
    public static readonly LoopUnrolling Instance = new();

    private static readonly ConstantExpression True = Expression.Constant(true);
    private static readonly ConstantExpression False = Expression.Constant(false);

    /// <summary>What a loop does with each item: updates the result, and may break out.</summary>
    private delegate Expression Step(Expression item, ParameterExpression result, LabelTarget done);

    protected override Expression VisitMember(MemberExpression node)
    {
        // A member can't be read of a block that holds a loop.
        var visited = (MemberExpression)base.VisitMember(node);
        return visited.Expression is { Type.IsValueType: true } and not (ParameterExpression or MemberExpression)
            ? Variables.ReadOnce(visited.Expression, v => visited.Update(v))
            : visited;
    }

    protected override Expression VisitBinary(BinaryExpression node)
    {
        if (node.Type != typeof(bool) || node.Left is not MethodCallExpression { Method.Name: nameof(Enumerable.Count) } count)
        {
            return base.VisitBinary(node);
        }

        // However many more there are, the outcome is that of one more than the bound.
        var bound = Visit(node.Right);
        var counted = count.Method.DeclaringType == typeof(Enumerable) ? UnrollCount(count, max: bound) : null;
        return counted is null ? base.VisitBinary(node) : Expression.MakeBinary(node.NodeType, counted, bound);
    }

    protected override Expression VisitMethodCall(MethodCallExpression node)
    {
        var type = node.Method.DeclaringType;
        var loop = type == typeof(Enumerable) ? UnrollLinq(node) : type == typeof(EventSequence) ? UnrollSequence(node) : null;
        return loop ?? base.VisitMethodCall(node);
    }

    private Expression? UnrollLinq(MethodCallExpression node)
    {
        var source = node.Arguments[0];
        var lambda = node.Arguments is [_, LambdaExpression second] ? second : null;
        return node.Method.Name switch
        {
            nameof(Enumerable.Any) => Fold(Where(source, lambda), False, (_, found, done) =>
                Expression.Block(Expression.Assign(found, True), Expression.Break(done))),
            nameof(Enumerable.All) => Fold(source, True, (item, all, done) => Expression.IfThen(
                Expression.Not(Splice.Body(lambda!, item)),
                Expression.Block(Expression.Assign(all, False), Expression.Break(done)))),
            nameof(Enumerable.Count) => UnrollCount(node, max: null),
            nameof(Enumerable.Sum) => UnrollSum(source, lambda, node.Type),
            nameof(Enumerable.Min) => UnrollExtreme(source, lambda, node.Type, Expression.LessThan),
            nameof(Enumerable.Max) => UnrollExtreme(source, lambda, node.Type, Expression.GreaterThan),
            _ => null,
        };
    }

    private Expression? UnrollCount(MethodCallExpression node, Expression? max)
    {
        var source = node.Arguments[0];
        if (source is MethodCallExpression { Method.Name: nameof(Enumerable.Distinct), Arguments: [var all] })
        {
            var set = typeof(HashSet<>).MakeGenericType(node.Method.GetGenericArguments());
            var different = Fold(all, Expression.New(set), (item, seen, _) =>
                Expression.Call(seen, nameof(HashSet<>.Add), null, item));
            return different is null ? null : Expression.Property(different, nameof(HashSet<>.Count));
        }

        var lambda = node.Arguments is [_, LambdaExpression second] ? second : null;
        return Fold(Where(source, lambda), Expression.Constant(0), (_, count, done) =>
        {
            var counted = Expression.PreIncrementAssign(count);
            return max is null ? counted : Expression.IfThen(Expression.GreaterThan(counted, max), Expression.Break(done));
        });
    }

    private UnaryExpression? UnrollSum(Expression source, LambdaExpression? selector, Type type)
    {
        var zero = Expression.Default(Nullable.GetUnderlyingType(type) ?? type);
        var total = Fold(source, zero, (item, sum, _) =>
        {
            var value = Select(selector, item);
            return Expression.AddAssign(sum, value.Type == zero.Type ? value : Expression.Coalesce(value, zero));
        });
        return total is null ? null : Expression.Convert(total, type);
    }

    // Nothing compares with null; without any value the result is null, or where it can't be, an error as in LINQ.
    private UnaryExpression? UnrollExtreme(
        Expression source, LambdaExpression? selector, Type type, Func<Expression, Expression, BinaryExpression> isBetter)
    {
        var none = Expression.Constant(null, typeof(Nullable<>).MakeGenericType(Nullable.GetUnderlyingType(type) ?? type));
        var value = Expression.Variable(none.Type);
        var extreme = Fold(source, none, (item, best, _) => Expression.Block(
            [value],
            Expression.Assign(value, Expression.Convert(Select(selector, item), none.Type)),
            Expression.IfThen(
                Expression.OrElse(Expression.Equal(best, none), isBetter(value, best)),
                Expression.Assign(best, value))));
        return extreme is null ? null : Expression.Convert(extreme, type);
    }

    // A loop a step, the last first, which is the rarest; where one step has no event, the others are not searched. An event that matches
    // two steps is added twice, and can't follow itself, having one time.
    private BlockExpression? UnrollSequence(MethodCallExpression node)
    {
        if (node.Arguments is not [var source, NewArrayExpression { Expressions: var steps }, LambdaExpression at, var until])
        {
            return null;
        }

        var none = Expression.Constant(null, typeof(DateTimeOffset[]));
        var sequence = Expression.Variable(typeof(EventSequence));
        Expression times = Expression.Call(sequence, nameof(EventSequence.FindTimes), null, Expression.Constant(steps.Count));
        for (var i = steps.Count - 1; i >= 0; i--)
        {
            var step = Expression.Constant(1 << i);
            var window = i == 0 ? until as LambdaExpression : null;
            var found = Fold(Where(source, (LambdaExpression)steps[i]), False, (item, any, _) => Expression.Block(
                Expression.Assign(any, True),
                Expression.Call(sequence, nameof(EventSequence.Add), null, step, Splice.Body(at, item), FindEnd(window, item))));
            if (found is null)
            {
                return null;
            }

            times = Expression.Condition(found, times, none);
        }

        var begin = Expression.Call(typeof(EventSequence), nameof(EventSequence.Begin), null);
        return Expression.Block([sequence], Expression.Assign(sequence, begin), times);

        static Expression FindEnd(LambdaExpression? window, Expression item) => window is null
            ? Expression.Field(null, typeof(DateTimeOffset), nameof(DateTimeOffset.MaxValue))
            : Splice.Body(window, item);
    }

    private static Expression Select(LambdaExpression? selector, Expression item) =>
        selector is null ? item : Splice.Body(selector, item);

    private static Expression Where(Expression source, LambdaExpression? test) => test is null
        ? source
        : Expression.Call(typeof(Enumerable), nameof(Enumerable.Where), [test.Parameters[0].Type], source, test);

    private BlockExpression? Fold(Expression source, Expression start, Step step)
    {
        var result = Expression.Variable(start.Type);
        var done = Expression.Label();
        return Unroll(source, item => step(item, result, done)) is { } loop
            ? Expression.Block([result], Expression.Assign(result, start), loop, Expression.Label(done), result)
            : null;
    }

    // Null where the source is nothing that can be indexed.
    private BlockExpression? Unroll(Expression source, Func<Expression, Expression> body)
    {
        if (source is UnaryExpression { NodeType: ExpressionType.Convert } cast)
        {
            return Unroll(cast.Operand, body);
        }

        if (source is MethodCallExpression { Arguments: [var all, LambdaExpression lambda] } call)
        {
            switch (call.Method.Name)
            {
                case nameof(Enumerable.Where):
                    return UnrollWhere(all, lambda, body);
                case nameof(Enumerable.Select):
                    var selected = Expression.Variable(lambda.ReturnType);
                    return Unroll(all, item => Expression.Block(
                        [selected], Expression.Assign(selected, Splice.Body(lambda, item)), body(selected)));
            }
        }

        return UnrollIndexed(source, body);
    }

    private BlockExpression? UnrollWhere(Expression all, LambdaExpression where, Func<Expression, Expression> body)
    {
        if (all is UnaryExpression { NodeType: ExpressionType.Convert } cast)
        {
            return UnrollWhere(cast.Operand, where, body);
        }

        return KeyedLookup.Find(all.Type, where) is { } lookup
            ? Expression.Block(lookup.Keys.Select(key => Filter(
                Expression.Call(all, nameof(KeyedList<>.GetByKey), null, Expression.Constant(key)), lookup.Others)!))
            : Filter(all, where.Body);

        BlockExpression? Filter(Expression some, Expression test) => Unroll(some, item => Expression.IfThen(
            Splice.Replace(test, new Dictionary<Expression, Expression> { [where.Parameters[0]] = item }), body(item)));
    }

    private BlockExpression? UnrollIndexed(Expression source, Func<Expression, Expression> body)
    {
        var list = Expression.Variable(source.Type);
        var i = Expression.Variable(typeof(int));
        Expression length, item;
        if (source.Type.IsArray)
        {
            length = Expression.ArrayLength(list);
            item = Expression.ArrayIndex(list, i);
        }
        else if (IsList(source.Type))
        {
            length = Expression.Property(list, "Count");
            item = Expression.Property(list, "Item", i);
        }
        else
        {
            return null;
        }

        var element = Expression.Variable(item.Type);
        var end = Expression.Label();
        return Expression.Block(
            [list, i],
            Expression.Assign(list, Visit(source)),
            Expression.Assign(i, Expression.Constant(0)),
            Expression.Loop(
                Expression.Block(
                    [element],
                    Expression.IfThen(Expression.Equal(i, length), Expression.Break(end)),
                    Expression.Assign(element, item),
                    Expression.PreIncrementAssign(i),
                    Visit(body(element))),
                end));
    }

    private static bool IsList(Type type)
    {
        if (!type.IsGenericType)
        {
            return false;
        }

        var definition = type.GetGenericTypeDefinition();
        return definition == typeof(List<>) || definition == typeof(KeyedList<>);
    }
}
