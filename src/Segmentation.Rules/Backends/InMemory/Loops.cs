using System.Collections.Frozen;
using System.Linq.Expressions;
using System.Reflection;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Time;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>
/// Makes a predicate over loaded items fast without changing what it says. A compiled expression makes a delegate of each inner lambda anew
/// whenever it comes by, which takes far longer than what a rule asks of twenty events: LINQ over lists becomes loops in its place, and what
/// stays the same within a loop is taken out of it. What depends on the clock is worked out once an evaluation, and events are looked at last.
/// </summary>
internal sealed class Loops : ExpressionVisitor
{
    // Each is a loop of its own.
    private const int FewKeys = 4;

    private readonly IReadOnlyCollection<ParameterExpression> given;

    private Loops(IReadOnlyCollection<ParameterExpression> given) => this.given = given;

    public static Expression<TDelegate> Unroll<TDelegate>(Expression<TDelegate> lambda) =>
        Expression.Lambda<TDelegate>(new Loops(lambda.Parameters).Visit(lambda.Body), lambda.Parameters);

    /// <summary>The same in two steps: what is made of its first parameters alone is worked out once for all that it is then asked of.</summary>
    public static Expression<TDelegate> Split<TDelegate>(LambdaExpression lambda, params ParameterExpression[] first)
    {
        var constants = new Constants(first);
        var rest = Expression.Lambda(constants.Visit(lambda.Body), lambda.Parameters.Except(first));
        return Expression.Lambda<TDelegate>(Expression.Block(constants.Found.Values, [.. constants.Found.Select(c => Expression.Assign(c.Value, c.Key)), rest]), first);
    }

    protected override Expression VisitMember(MemberExpression node)
    {
        if (node is { Expression: ConstantExpression { Value: { } literal }, Member: FieldInfo field } && literal.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Literal<>))
        {
            return Expression.Constant(field.GetValue(literal), node.Type);
        }

        // No loop may stand where a value's own member is read.
        var visited = (MemberExpression)base.VisitMember(node);
        return visited.Expression is { Type.IsValueType: true } and not (ParameterExpression or MemberExpression) ? Once(visited.Expression, v => visited.Update(v)) : visited;
    }

    protected override Expression VisitBinary(BinaryExpression node)
    {
        switch (node)
        {
            case { NodeType: ExpressionType.AndAlso or ExpressionType.OrElse }:
                return Join(node.NodeType, [.. Parts(node, node.NodeType).OrderBy(ListsWalked.In)]);
            case { Left: MethodCallExpression { Method.Name: nameof(Enumerable.Count) } count, Right: var right } when node.Type == typeof(bool) && count.Method.DeclaringType == typeof(Enumerable):
                // However many more there are, the answer is that of one more than is asked for.
                var bound = Visit(right);
                return Count(count, most: bound) is { } counted ? Expression.MakeBinary(node.NodeType, counted, bound) : base.VisitBinary(node);
            case { NodeType: ExpressionType.Add, Left: var left } when left.Type == typeof(decimal):
                return (Visit(left), Visit(node.Right)) is (ConstantExpression { Value: decimal a }, ConstantExpression { Value: decimal b }) ? Expression.Constant(a + b) : base.VisitBinary(node);
            default:
                return base.VisitBinary(node);
        }
    }

    protected override Expression VisitMethodCall(MethodCallExpression node)
    {
        if (node.Object?.Type == typeof(Evaluation) && node.Method.Name != nameof(Evaluation.In))
        {
            var arguments = Visit(node.Arguments);
            return arguments.Count > 0 && arguments.All(a => a is ConstantExpression { Value: DateValue or decimal })
                ? Expression.Call(Expression.Constant(Known.Of(node.Method, [.. arguments.Select(a => ((ConstantExpression)a).Value!)])), nameof(Known<>.For), null, Visit(node.Object)!)
                : node.Update(Visit(node.Object), arguments);
        }

        if (node is { Method.Name: nameof(Enumerable.Contains) or nameof(Lists.HasNone), Object: null, Arguments: [var list, var item] } && Visit(list) is ConstantExpression { Value: Array values } && values is string[] or int[] or decimal[])
        {
            return node.Method.Name == nameof(Lists.HasNone) ? Expression.Not(In(values, Visit(item))) : In(values, Visit(item));
        }

        var loop = node.Method.DeclaringType == typeof(Enumerable) ? Linq(node) : node.Method.DeclaringType == typeof(EventSequence) ? Sequence(node) : null;
        return loop ?? base.VisitMethodCall(node);
    }

    private static IEnumerable<Expression> Parts(Expression node, ExpressionType joint) =>
        node is BinaryExpression binary && binary.NodeType == joint ? Parts(binary.Left, joint).Concat(Parts(binary.Right, joint)) : [node];

    // Every node is true or false for everyone, so the order is free; what guards another keeps its place before it. A value that is asked
    // for twice, as whether there is one and then what it is, is read once.
    private Expression Join(ExpressionType joint, Expression[] parts)
    {
        List<ParameterExpression> read = [];
        for (var i = 0; i < parts.Length; i++)
        {
            if (parts[i] is BinaryExpression { Left: MethodCallExpression value } test && parts.Skip(i + 1).Any(p => Holding.In(p, value)))
            {
                read.Add(Expression.Variable(value.Type));
                parts = [.. parts[..i], test.Update(Expression.Assign(read[^1], value), test.Conversion, test.Right), .. parts.Skip(i + 1).Select(p => Splice.Replace(p, new Dictionary<Expression, Expression> { [value] = read[^1] }))];
            }
        }

        parts = [.. parts.Select(p => Visit(p)!)];
        var all = joint == ExpressionType.AndAlso ? Splice.And(parts) : Splice.Or(parts);
        return read.Count == 0 ? all : Expression.Block(read, all);
    }

    // Few values are compared one by one, many are looked up. A missing one is in no list.
    private static Expression In(Array values, Expression item)
    {
        Expression Set<TValue>() => Expression.Constant(((TValue[])values).ToFrozenSet());
        Expression Among(Expression value) => values.Length <= 4
            ? Splice.Or([.. values.Cast<object>().Select(v => Expression.Equal(value, Expression.Constant(v)))])
            : Expression.Call(values switch { string[] => Set<string>(), int[] => Set<int>(), _ => Set<decimal>() }, nameof(FrozenSet<>.Contains), null, value);
        return Once(item, v => Nullable.GetUnderlyingType(v.Type) is null ? Among(v) : Expression.AndAlso(Expression.Property(v, "HasValue"), Among(Expression.Property(v, "Value"))));
    }

    private static Expression Once(Expression value, Func<Expression, Expression> use)
    {
        var variable = Expression.Variable(value.Type);
        return Expression.Block([variable], Expression.Assign(variable, value), use(variable));
    }

    private Expression? Linq(MethodCallExpression node)
    {
        var (source, lambda) = (node.Arguments[0], node.Arguments is [_, LambdaExpression l] ? l : null);
        switch (node.Method.Name)
        {
            case nameof(Enumerable.Any):
                return Fold(Where(source, lambda), Expression.Constant(false), (_, found, done) => Expression.Block(Expression.Assign(found, Expression.Constant(true)), Expression.Break(done)));
            case nameof(Enumerable.All):
                return Fold(source, Expression.Constant(true), (item, all, done) => Expression.IfThen(
                    Expression.Not(Splice.Body(lambda!, item)), Expression.Block(Expression.Assign(all, Expression.Constant(false)), Expression.Break(done))));
            case nameof(Enumerable.Count):
                return Count(node, most: null);
            case nameof(Enumerable.Sum):
                var zero = Expression.Default(Nullable.GetUnderlyingType(node.Type) ?? node.Type);
                return Fold(source, zero, (item, sum, _) => Of(lambda, item) is var value
                    ? Expression.AddAssign(sum, value.Type == zero.Type ? value : Expression.Coalesce(value, zero)) : sum) is { } total ? Expression.Convert(total, node.Type) : null;
            case nameof(Enumerable.Min) or nameof(Enumerable.Max):
                // Nothing compares with null; without any value the result is null, or where it can't be, an error as in LINQ.
                var none = Expression.Constant(null, typeof(Nullable<>).MakeGenericType(Nullable.GetUnderlyingType(node.Type) ?? node.Type));
                var value = Expression.Variable(none.Type);
                return Fold(source, none, (item, best, _) => Expression.Block(
                    [value],
                    Expression.Assign(value, Expression.Convert(Of(lambda, item), none.Type)),
                    Expression.IfThen(
                        Expression.OrElse(Expression.Equal(best, none), node.Method.Name == nameof(Enumerable.Min) ? Expression.LessThan(value, best) : Expression.GreaterThan(value, best)),
                        Expression.Assign(best, value)))) is { } extreme ? Expression.Convert(extreme, node.Type) : null;
            default:
                return null;
        }
    }

    private Expression? Count(MethodCallExpression node, Expression? most)
    {
        var (source, lambda) = (node.Arguments[0], node.Arguments is [_, LambdaExpression l] ? l : null);
        if (source is MethodCallExpression { Method.Name: nameof(Enumerable.Distinct), Arguments: [var all] })
        {
            var set = typeof(HashSet<>).MakeGenericType(node.Method.GetGenericArguments());
            return Fold(all, Expression.New(set), (item, seen, _) => Expression.Call(seen, nameof(HashSet<>.Add), null, item)) is { } different ? Expression.Property(different, nameof(HashSet<>.Count)) : null;
        }

        return Fold(Where(source, lambda), Expression.Constant(0), (_, count, done) => most is null
            ? Expression.PreIncrementAssign(count)
            : Expression.IfThen(Expression.GreaterThan(Expression.PreIncrementAssign(count), most), Expression.Break(done)));
    }

    // The events of each step, as long as every step so far has any. One that is of two steps is there twice, and follows neither time upon itself.
    private Expression? Sequence(MethodCallExpression node)
    {
        if (node.Arguments is not [var source, NewArrayExpression { Expressions: var steps }, LambdaExpression at, var until])
        {
            return null;
        }

        var found = Expression.Variable(typeof(EventSequence));
        Expression? times = Expression.Call(found, nameof(EventSequence.FindTimes), null, Expression.Constant(steps.Count));
        for (var i = steps.Count - 1; i >= 0 && times is not null; i--)
        {
            var (step, first) = (Expression.Constant(1 << i), i == 0);
            times = Fold(Where(source, (LambdaExpression)steps[i]), Expression.Constant(false), (item, any, _) => Expression.Block(
                Expression.Assign(any, Expression.Constant(true)),
                Expression.Call(found, nameof(EventSequence.Add), null, step, Splice.Body(at, item),
                    first && until is LambdaExpression limit ? Splice.Body(limit, item) : Expression.Field(null, typeof(DateTimeOffset), nameof(DateTimeOffset.MaxValue))))) is { } has
                ? Expression.Condition(has, times, Expression.Constant(null, typeof(DateTimeOffset[]))) : null;
        }

        return times is null ? null : Expression.Block([found], Expression.Assign(found, Expression.Call(typeof(EventSequence), nameof(EventSequence.Begin), null)), times);
    }

    private static Expression Of(LambdaExpression? selector, Expression item) => selector is null ? item : Splice.Body(selector, item);

    private static Expression Where(Expression source, LambdaExpression? test) =>
        test is null ? source : Expression.Call(typeof(Enumerable), nameof(Enumerable.Where), [test.Parameters[0].Type], source, test);

    private Expression? Fold(Expression source, Expression start, Func<Expression, ParameterExpression, LabelTarget, Expression> step)
    {
        var (result, done) = (Expression.Variable(start.Type), Expression.Label());
        return Each(source, item => step(item, result, done)) is { } loop ? Expression.Block([result], Expression.Assign(result, start), loop, Expression.Label(done), result) : null;
    }

    private Expression? Each(Expression source, Func<Expression, Expression> body)
    {
        switch (source)
        {
            case UnaryExpression { NodeType: ExpressionType.Convert } cast:
                return Each(cast.Operand, body);
            case MethodCallExpression { Method.Name: nameof(Enumerable.Where), Arguments: [UnaryExpression { NodeType: ExpressionType.Convert } cast, var where] } filtered:
                return Each(filtered.Update(null, [cast.Operand, where]), body);
            case MethodCallExpression { Method.Name: nameof(Enumerable.Where), Arguments: [var all, LambdaExpression where] }:
                Expression? Filtered(Expression some, Expression test) => Each(some, item => Expression.IfThen(Splice.Replace(test, new Dictionary<Expression, Expression> { [where.Parameters[0]] = item }), body(item)));
                return Keyed(all.Type, where) is var (keys, others)
                    ? Expression.Block(keys.Select(k => Filtered(Expression.Call(all, nameof(KeyedList<>.GetByKey), null, Expression.Constant(k)), others)!))
                    : Filtered(all, where.Body);
            case MethodCallExpression { Method.Name: nameof(Enumerable.Select), Arguments: [var all, LambdaExpression select] }:
                var selected = Expression.Variable(select.ReturnType);
                return Each(all, item => Expression.Block([selected], Expression.Assign(selected, Splice.Body(select, item)), body(selected)));
        }

        var (list, i) = (Expression.Variable(source.Type), Expression.Variable(typeof(int)));
        var (length, at) = source.Type switch
        {
            { IsArray: true } => ((Expression)Expression.ArrayLength(list), (Expression)Expression.ArrayIndex(list, i)),
            { IsGenericType: true } type when type.GetGenericTypeDefinition() == typeof(List<>) || type.GetGenericTypeDefinition() == typeof(KeyedList<>) => (Expression.Property(list, "Count"), Expression.Property(list, "Item", i)),
            _ => default,
        };
        if (length is null)
        {
            return null;
        }

        var (element, end) = (Expression.Variable(at.Type), Expression.Label());
        var constants = new Constants(given);
        var round = constants.Visit(Visit(body(element)));
        return Expression.Block(
            [list, i, .. constants.Found.Values],
            [
                .. constants.Found.Select(c => Expression.Assign(c.Value, c.Key)),
                Expression.Assign(list, Visit(source)),
                Expression.Assign(i, Expression.Constant(0)),
                Expression.Loop(Expression.Block([element], Expression.IfThen(Expression.Equal(i, length), Expression.Break(end)), Expression.Assign(element, at), Expression.PreIncrementAssign(i), round), end),
            ]);
    }

    // Where items of a keyed list must have one of a few keys: these, and what else is asked of them.
    private (string[] Keys, Expression Others)? Keyed(Type list, LambdaExpression where)
    {
        if (!list.IsGenericType || list.GetGenericTypeDefinition() != typeof(KeyedList<>))
        {
            return null;
        }

        bool IsKey(Expression of) => of is MemberExpression { Expression: var item, Member: var member } && item == where.Parameters[0] && member.IsDefined(typeof(ListKeyAttribute));
        T? Constant<T>(Expression of) where T : class => of is MemberExpression or ConstantExpression && Visit(of) is ConstantExpression { Value: T value } ? value : null;
        Expression[] parts = [.. Parts(where.Body, ExpressionType.AndAlso)];
        for (var i = 0; i < parts.Length; i++)
        {
            string[]? keys = parts[i] switch
            {
                BinaryExpression { NodeType: ExpressionType.Equal } equal when IsKey(equal.Left) && Constant<string>(equal.Right) is { } key => [key],
                MethodCallExpression { Method.Name: nameof(Enumerable.Contains), Object: null, Arguments: [var among, var item] } when IsKey(item) => Constant<string[]>(among),
                _ => null,
            };
            if (keys is { Length: > 0 and <= FewKeys })
            {
                return ([.. keys.Distinct()], Splice.And([.. parts[..i], .. parts[(i + 1)..]]));
            }
        }

        return null;
    }

    // What is made of the evaluation and of constants alone.
    private sealed class Constants(IReadOnlyCollection<ParameterExpression> given) : ExpressionVisitor
    {
        public Dictionary<Expression, ParameterExpression> Found { get; } = [];

        [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(node))]
        public override Expression? Visit(Expression? node)
        {
            if (node is null or ParameterExpression or ConstantExpression { Value: null or ValueType } || !IsConstant(node))
            {
                return base.Visit(node);
            }

            return Found.TryGetValue(node, out var known) ? known : Found[node] = Expression.Variable(node.Type);
        }

        private bool IsConstant(Expression node) => node switch
        {
            ConstantExpression => true,
            ParameterExpression parameter => given.Contains(parameter),
            MemberExpression { Expression: { } of } => Nullable.GetUnderlyingType(of.Type) is null && IsConstant(of),
            UnaryExpression { NodeType: ExpressionType.Convert, Operand: var of } => IsConstant(of),
            MethodCallExpression { Object: { } of, Arguments: var with } => IsConstant(of) && with.All(IsConstant),
            MethodCallExpression { Object: null, Method.DeclaringType: var type, Arguments: var with } => type == typeof(TimeTransitions) && with.All(IsConstant),
            _ => false,
        };
    }

    // Whether one expression stands in another.
    private sealed class Holding(Expression part) : ExpressionVisitor
    {
        private bool found;

        public static bool In(Expression whole, Expression part)
        {
            var search = new Holding(part);
            search.Visit(whole);
            return search.found;
        }

        [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(node))]
        public override Expression? Visit(Expression? node)
        {
            found |= node == part;
            return found ? node : base.Visit(node);
        }
    }

    // Whether a list is walked, such as that of a customer's events; sets are arrays, and short.
    private sealed class ListsWalked : ExpressionVisitor
    {
        private bool found;

        public static bool In(Expression node)
        {
            var search = new ListsWalked();
            search.Visit(node);
            return search.found;
        }

        protected override Expression VisitMethodCall(MethodCallExpression node)
        {
            found |= (node.Method.DeclaringType == typeof(Enumerable) || node.Method.DeclaringType == typeof(EventSequence)) && !node.Arguments[0].Type.IsArray;
            return found ? node : base.VisitMethodCall(node);
        }
    }
}

/// <summary>What a rule's date or number means on a clock, kept for the evaluation that asked last: it will ask for the next customer too.</summary>
internal sealed class Known<T>(Func<Evaluation, T> read)
{
    private volatile Answer? last;

    public T For(Evaluation at) => (last is { } known && known.At == at ? known : last = new Answer(at, read(at))).Value;

    private sealed class Answer(Evaluation at, T value)
    {
        public readonly Evaluation At = at;
        public readonly T Value = value;
    }
}

/// <inheritdoc cref="Known{T}"/>
internal static class Known
{
    /// <summary>A method of the clock, with its arguments.</summary>
    public static object Of(MethodInfo method, object[] arguments) =>
        typeof(Known).GetMethod(nameof(Make), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(method.ReturnType).Invoke(null, [method, arguments])!;

    private static Known<T> Make<T>(MethodInfo method, object[] arguments)
    {
        switch (arguments)
        {
            case [DateValue date]:
                var ofDate = method.CreateDelegate<Func<Evaluation, DateValue, T>>();
                return new(x => ofDate(x, date));
            case [DateValue low, DateValue high]:
                var ofDates = method.CreateDelegate<Func<Evaluation, DateValue, DateValue, T>>();
                return new(x => ofDates(x, low, high));
            case [decimal number]:
                var ofNumber = method.CreateDelegate<Func<Evaluation, decimal, T>>();
                return new(x => ofNumber(x, number));
            default:
                throw new NotSupportedException(method.Name);
        }
    }
}
