using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules;

/// <summary>What a rule over events compiles to.</summary>
internal sealed record RuleParts(Func<bool, Expression> Emit, string Words, Expression? Actual);

/// <summary>A field that holds rules over the items that belong to a <typeparamref name="T"/>.</summary>
public abstract record SubqueryAccess<T> : FieldAccess
{
    internal abstract RuleParts? CompileMatch(RulePass pass, Expression item, Expression evaluation, JsonElement value, JsonElement match, string pointer, int depth);

    internal abstract RuleParts? CompileSequence(RulePass pass, Expression item, Expression evaluation, JsonElement value, string pointer, int depth);
}

/// <summary>Where compiled rules run, and so which shape is fast.</summary>
public enum Backend { Sql, Memory }

/// <summary>Rules over the events of a customer. The shapes were chosen by measurement (docs/decisions).</summary>
/// <param name="Catalog">The fields of an event.</param>
/// <param name="Events">A customer's events.</param>
/// <param name="Owner">An event's customer.</param>
/// <param name="Key">A customer's key, which <paramref name="Owner"/> names.</param>
/// <param name="OccurredAt">When an event happened.</param>
/// <param name="Backend">Where the rule runs.</param>
/// <param name="Historical">Whether events after the evaluation's instant may exist, and must not be seen.</param>
public sealed record EventAccess<T, TEvent>(
    FieldCatalog<TEvent> Catalog,
    Expression<Func<T, IEnumerable<TEvent>>> Events,
    Expression<Func<TEvent, long>> Owner,
    Expression<Func<T, long>> Key,
    Expression<Func<TEvent, DateTimeOffset>> OccurredAt,
    Backend Backend,
    bool Historical) : SubqueryAccess<T>
{
    /// <summary>A sequence's window may be this many days at most.</summary>
    private const int MaxWindowDays = 36_525;
    private const string Anything = "any event";
    private static readonly string[] Modes = [.. EventRuleTerms.Modes];
    private static readonly string[] Aggregates = [.. EventRuleTerms.Aggregates];
    private static readonly string[] UnitNames = [.. Enum.GetNames<DateUnit>().Select(u => Fold.Text(u)!)];

    internal override RuleParts? CompileMatch(RulePass pass, Expression item, Expression evaluation, JsonElement value, JsonElement match, string pointer, int depth)
    {
        var errors = pass.Errors.Count;
        var e = Expression.Parameter(typeof(TEvent), "e");
        var group = new RuleScope<TEvent>(Catalog, pass, e, evaluation, null, [], Anything).Root(value, $"{pointer}/value", depth + 1);
        var how = new MatchReader(this, pass, evaluation, $"{pointer}/match").Read(match);
        if (pass.Errors.Count > errors || group is null || how is null)
        {
            return null;
        }

        Expression<Func<TEvent, bool>> Satisfying(bool negate, LambdaExpression? present = null) => Expression.Lambda<Func<TEvent, bool>>(
            Splice.And(
                Historical ? Expression.LessThanOrEqual(Splice.Body(OccurredAt, e), Expression.Property(evaluation, nameof(Evaluation.AsOf))) : Splice.Truth(true),
                group.Emit(negate),
                present is null ? Splice.Truth(true) : new ScalarComparand(Splice.Body(present, e, evaluation)).Present),
            e);

        var all = Splice.Body(Events, item);
        var words = Where(how.Words, group);
        AddFlips(pass, item, all, e, group, [.. how.Bounds.OfType<DateValue>().Select(d => Expression.GreaterThanOrEqual(At(e), Expression.Call(evaluation, nameof(Evaluation.From), null, Literal<DateValue>.Of(d))))]);
        var count = Call(nameof(Enumerable.Count), all, Satisfying(false));
        switch (how.Mode)
        {
            case "some":
                return new RuleParts(negate => Some(all, Satisfying(false), negate), words, count);
            case "none":
                return new RuleParts(negate => Some(all, Satisfying(false), !negate), words, count);
            case "all":
                return new RuleParts(negate => Some(all, Satisfying(true), !negate), words, count);
        }

        if (how.Aggregate is null && how.Bounds is [{ } n] && how.Mode is "atLeast" or "moreThan" && (int)n + (how.Mode == "moreThan" ? 1 : 0) == 1)
        {
            // One suffices: a semi-join stops at the first event.
            return new RuleParts(negate => Some(all, Satisfying(false), negate), words, count);
        }

        var where = Satisfying(false, how.Of);
        var some = Expression.Call(typeof(Enumerable), nameof(Enumerable.Where), [typeof(TEvent)], all, where);
        var actual = Measure(how, some, evaluation);
        return new RuleParts(negate => Compare(item, some, where, how, evaluation, negate), words, actual);
    }

    internal override RuleParts? CompileSequence(RulePass pass, Expression item, Expression evaluation, JsonElement value, string pointer, int depth)
    {
        pointer = $"{pointer}/value";
        if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty("steps", out var list) || list.ValueKind != JsonValueKind.Array)
        {
            pass.Error(value.ValueKind == JsonValueKind.Object ? $"{pointer}/steps" : pointer, $"behavioral.sequence takes {ValueReader.Takes(FieldType.Sequence)}.");
            return null;
        }

        var errors = pass.Errors.Count;
        foreach (var property in value.EnumerateObject().Where(p => p.Name is not ("steps" or "within")))
        {
            pass.Error(RuleError.Below(pointer, property.Name), $"{Nearest.Quote(property.Name)} is not a property of a sequence. {Nearest.Hint(property.Name, ["steps", "within"])}");
        }

        if (list.GetArrayLength() is < EventRuleTerms.MinSteps or > EventRuleTerms.MaxSteps)
        {
            pass.Error($"{pointer}/steps", $"A sequence has {EventRuleTerms.MinSteps} to {EventRuleTerms.MaxSteps} steps; got {list.GetArrayLength()}.");
        }

        var steps = list.EnumerateArray().Select((step, i) =>
        {
            var e = Expression.Parameter(typeof(TEvent), $"e{i + 1}");
            return (Event: e, Group: new RuleScope<TEvent>(Catalog, pass, e, evaluation, null, [], Anything).Root(step, $"{pointer}/steps/{i}", depth + 1));
        }).ToList();
        var within = value.TryGetProperty("within", out var w) ? Within(pass, w, $"{pointer}/within") : null;
        if (pass.Errors.Count > errors)
        {
            return null;
        }

        Expression Is(int step) => Splice.And(
            Historical ? Expression.LessThanOrEqual(At(steps[step].Event), Expression.Property(evaluation, nameof(Evaluation.AsOf))) : Splice.Truth(true),
            steps[step].Group!.Emit(false));
        var first = steps[0].Event;
        var until = within is null ? null : Until(within.Value, first, evaluation);

        var words = "did " + string.Join(", then ", steps.Select(s => Where("an event", s.Group!)))
            + (within is var (amount, unit) ? $", the last within {amount} {Fold.Text(unit.ToString())}{(amount == 1 ? "" : "s")} of the first" : "");
        var all = Splice.Body(Events, item);
        foreach (var step in steps)
        {
            AddFlips(pass, item, all, step.Event, step.Group!, []);
        }

        var times = Expression.Call(
            typeof(EventSequence), nameof(EventSequence.Find), [typeof(TEvent)], all,
            Expression.NewArrayInit(typeof(Func<TEvent, bool>), steps.Select((s, i) => Expression.Lambda<Func<TEvent, bool>>(Is(i), s.Event))),
            Expression.Lambda<Func<TEvent, DateTimeOffset>>(At(first), first),
            until is null ? Expression.Constant(null, typeof(Func<TEvent, DateTimeOffset>)) : Expression.Lambda<Func<TEvent, DateTimeOffset>>(until, first));

        // Where one step's time is bounded, so are the others': a later one is no earlier and, in a window, not much later. PostgreSQL doesn't
        // see that, and would read the events of all time.
        IEnumerable<Expression> Implied(int step) =>
            from other in Enumerable.Range(0, steps.Count)
            where other != step
            from bound in Bounds(steps[other].Group!.Emit(false), At(steps[other].Event), evaluation)
            let value = bound.IsLower == other < step ? bound.Value
                : within is null ? null
                : Expression.Call(evaluation, nameof(Evaluation.Shift), null, bound.Value, Literal<int>.Of(MostMinutes(within.Value) * (bound.IsLower ? -1 : 1)))
            where value is not null
            select (Expression)(bound.IsLower ? Expression.GreaterThanOrEqual(At(steps[step].Event), value) : Expression.LessThanOrEqual(At(steps[step].Event), value));

        // EXISTS within EXISTS: each step after the one before, the last not after the first's limit.
        Expression From(int step)
        {
            var (e, before) = (steps[step].Event, steps[step - 1].Event);
            var follows = Splice.And(
                Expression.Equal(Splice.Body(Owner, e), Splice.Body(Owner, first)),
                Is(step),
                Splice.And([.. Implied(step)]),
                Expression.GreaterThan(At(e), At(before)),
                until is null ? Splice.Truth(true) : Expression.LessThanOrEqual(At(e), until),
                step + 1 < steps.Count ? From(step + 1) : Splice.Truth(true));
            return Expression.Call(typeof(Queryable), nameof(Queryable.Any), [typeof(TEvent)], Rows<TEvent>.All.Expression, Expression.Lambda<Func<TEvent, bool>>(follows, e));
        }

        Expression Emit(bool negate)
        {
            if (Backend == Backend.Sql)
            {
                return InRows(Rows<TEvent>.All.Where(Expression.Lambda<Func<TEvent, bool>>(Splice.And(Is(0), Splice.And([.. Implied(0)]), From(1)), first)), item, negate);
            }

            var none = Expression.Constant(null, typeof(DateTimeOffset[]));
            return negate ? Expression.Equal(times, none) : Expression.NotEqual(times, none);
        }

        return new RuleParts(Emit, words, Backend == Backend.Memory ? times : null);
    }

    // The clock brings events into a group, or takes them out; where a threshold is a date, it passes the events that are measured.
    private void AddFlips(RulePass pass, Expression item, Expression all, ParameterExpression e, RuleNode group, Expression[] thresholds)
    {
        var test = group.Emit(false);
        Expression[] flips = [.. thresholds.Prepend(test).Select(pass.FlipOf).OfType<Expression>()];
        if (flips.Length > 0)
        {
            // In memory what is rarely true comes first; PostgreSQL sees for itself.
            var (relaxed, flip) = (ClockFlips.Relax(test), Splice.Or(flips));
            var where = Expression.Lambda<Func<TEvent, bool>>(Backend == Backend.Sql ? Splice.And(relaxed, flip) : Splice.And(flip, relaxed), e);
            pass.Flips.Add(Backend == Backend.Sql ? InRows(Rows<TEvent>.All.Where(where), item, negate: false) : Call(nameof(Enumerable.Any), all, where));
        }
    }

    // The bounds that a conjunction sets to an event's time by the clock.
    private static IEnumerable<(bool IsLower, Expression Value)> Bounds(Expression test, Expression time, Expression evaluation) => test switch
    {
        BinaryExpression { NodeType: ExpressionType.AndAlso } both => Bounds(both.Left, time, evaluation).Concat(Bounds(both.Right, time, evaluation)),
        BinaryExpression { Left: MemberExpression left, Right: MethodCallExpression { Object: var clock } value } when clock == evaluation && left.Member == (time as MemberExpression)?.Member => test.NodeType switch
        {
            ExpressionType.GreaterThan or ExpressionType.GreaterThanOrEqual => [(true, value)],
            ExpressionType.LessThan or ExpressionType.LessThanOrEqual => [(false, value)],
            ExpressionType.Equal => [(true, value), (false, value)],
            _ => [],
        },
        _ => [],
    };

    // How long a window can be at most, whatever months and changes of the clock it holds.
    private static int MostMinutes((int Amount, DateUnit Unit) within) => 1440 * within.Unit switch
    {
        DateUnit.Minute => (within.Amount / 1440) + 1,
        DateUnit.Hour => (within.Amount / 24) + 1,
        DateUnit.Day => within.Amount + 2,
        DateUnit.Week => (7 * within.Amount) + 2,
        DateUnit.Month => (31 * within.Amount) + 2,
        _ => (366 * within.Amount) + 2,
    };

    private static string Where(string what, RuleNode group) => group.Description == Anything ? what.TrimEnd(',') : $"{what} where {group.Grouped}";

    private Expression At(Expression e) => Splice.Body(OccurredAt, e);

    private static (int Amount, DateUnit Unit)? Within(RulePass pass, JsonElement value, string pointer)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            pass.Error(pointer, $"within takes {{\"amount\",\"unit\"}}; got {ValueReader.Got(value)}.");
            return null;
        }

        foreach (var property in value.EnumerateObject().Where(p => p.Name is not ("amount" or "unit")))
        {
            pass.Error(RuleError.Below(pointer, property.Name), $"{Nearest.Quote(property.Name)} is not a property of within. {Nearest.Hint(property.Name, ["amount", "unit"])}");
        }

        var unit = value.TryGetProperty("unit", out var u) && u.ValueKind == JsonValueKind.String ? Array.IndexOf(UnitNames, u.GetString()) : -1;
        if (unit < 0)
        {
            pass.Error($"{pointer}/unit", $"unit takes one of {string.Join(", ", UnitNames)}; got {ValueReader.Got(u)}.{Nearest.MemberPredicate(u.ValueKind == JsonValueKind.String ? u.GetString() : null, UnitNames)}");
        }

        double days = (DateUnit)Math.Max(unit, 0) switch { DateUnit.Minute => 1 / 1440d, DateUnit.Hour => 1 / 24d, DateUnit.Day => 1, DateUnit.Week => 7, DateUnit.Month => 30.4375, _ => 365.25 };
        if (!value.TryGetProperty("amount", out var a) || a.ValueKind != JsonValueKind.Number || !a.TryGetInt32(out var amount) || amount < 1 || amount * days > MaxWindowDays)
        {
            pass.Error($"{pointer}/amount", $"amount takes an integer from 1, and at most 100 years; got {ValueReader.Got(a)}.");
            return null;
        }

        return unit < 0 ? null : (amount, (DateUnit)unit);
    }

    private Expression Until((int Amount, DateUnit Unit) within, Expression first, Expression evaluation)
    {
        var (amount, unit) = within;
        if (unit is DateUnit.Minute or DateUnit.Hour)
        {
            return Expression.Call(typeof(LocalTime), nameof(LocalTime.AddMinutes), null, At(first), Literal<int>.Of(amount * (unit == DateUnit.Hour ? 60 : 1)));
        }

        var (months, days) = unit switch { DateUnit.Day => (0, amount), DateUnit.Week => (0, 7 * amount), DateUnit.Month => (amount, 0), _ => (12 * amount, 0) };
        return Expression.Call(
            typeof(LocalTime), nameof(LocalTime.AddCalendar), null, At(first), Expression.Property(evaluation, nameof(Evaluation.ZoneId)), Literal<int>.Of(months), Literal<int>.Of(days));
    }

    private static MethodCallExpression Call(string method, Expression events, Expression<Func<TEvent, bool>> where) =>
        Expression.Call(typeof(Enumerable), method, [typeof(TEvent)], events, where);

    private static Expression Some(Expression events, Expression<Func<TEvent, bool>> where, bool negate)
    {
        var any = Call(nameof(Enumerable.Any), events, where);
        return negate ? Expression.Not(any) : any;
    }

    private Expression Compare(Expression item, Expression some, Expression<Func<TEvent, bool>> where, Match how, Expression evaluation, bool negate)
    {
        if (Backend == Backend.Memory)
        {
            var any = Expression.Call(typeof(Enumerable), nameof(Enumerable.Any), [typeof(TEvent)], some);
            Expression holds = how.HasZero ? how.Test(some, evaluation, false) : Expression.AndAlso(any, how.Test(some, evaluation, false));
            return negate ? Expression.Not(holds) : holds;
        }

        // Customers without such events form no group. Where nothing counts as 0 and 0 passes, ask who fails, and take the rest.
        var complement = how.HasZero && how.ZeroPasses;
        var g = Expression.Parameter(typeof(IGrouping<long, TEvent>), "g");
        var groups = Rows<TEvent>.All.Where(where).GroupBy(Owner);
        var keys = groups.Where(Expression.Lambda<Func<IGrouping<long, TEvent>, bool>>(how.Test(g, evaluation, complement), g)).Select(x => x.Key);
        return InGroups(keys, item, negate != complement);
    }

    // A limit that limits nothing keeps PostgreSQL from having each parallel worker group all the events again, and EF Core from folding
    // the comparison into HAVING. NOT IN over a sub-query is no anti-join; NOT EXISTS is, and the second test keeps EF Core from making NOT IN of it.
    private Expression InGroups(IQueryable<long> keys, Expression item, bool negate)
    {
        var key = Splice.Body(Key, item);
        var all = Expression.Call(typeof(Queryable), nameof(Queryable.Take), [typeof(long)], keys.Expression, Literal<int>.Of(int.MaxValue));
        if (!negate)
        {
            return Expression.Call(typeof(Queryable), nameof(Queryable.Contains), [typeof(long)], all, key);
        }

        var k = Expression.Parameter(typeof(long), "k");
        var isKey = Expression.Lambda<Func<long, bool>>(Expression.AndAlso(Expression.Equal(k, key), Expression.NotEqual(k, Expression.Constant(0L))), k);
        return Expression.Not(Expression.Call(typeof(Queryable), nameof(Queryable.Any), [typeof(long)], all, isKey));
    }

    private Expression InRows(IQueryable<TEvent> rows, Expression item, bool negate)
    {
        var (key, e) = (Splice.Body(Key, item), Expression.Parameter(typeof(TEvent), "e"));
        return negate
            ? Expression.Not(Expression.Call(
                typeof(Queryable), nameof(Queryable.Any), [typeof(TEvent)], rows.Expression,
                Expression.Lambda<Func<TEvent, bool>>(Expression.Equal(Splice.Body(Owner, e), key), e)))
            : Expression.Call(typeof(Queryable), nameof(Queryable.Contains), [typeof(long)], rows.Select(Owner).Expression, key);
    }

    private static Expression Measure(Match how, Expression some, Expression evaluation)
    {
        if (how.HasZero)
        {
            return how.Measure(some, evaluation);
        }

        var any = Expression.Call(typeof(Enumerable), nameof(Enumerable.Any), [typeof(TEvent)], some);
        return Expression.Condition(any, Expression.Convert(how.Actual(some, evaluation), typeof(object)), Expression.Constant(null, typeof(object)));
    }

    /// <summary>How many events, or which aggregate of them, must compare how.</summary>
    private sealed record Match(string Mode, string? Aggregate, LambdaExpression? Of, IReadOnlyList<object> Bounds, string Words)
    {
        /// <summary>Whether nothing counts as 0; avg, min and max of nothing have no value.</summary>
        public bool HasZero => Aggregate is null or "sum" or "distinct" or "distinctDays";

        public bool ZeroPasses
        {
            get
            {
                decimal Bound(int i) => Convert.ToDecimal(Bounds[i], System.Globalization.CultureInfo.InvariantCulture);
                return Mode switch
                {
                    "atLeast" => 0 >= Bound(0),
                    "atMost" => 0 <= Bound(0),
                    "exactly" => 0 == Bound(0),
                    "moreThan" => 0 > Bound(0),
                    "lessThan" => 0 < Bound(0),
                    _ => 0 >= Bound(0) && 0 <= Bound(1),
                };
            }
        }

        /// <summary>The test of a group of events, or its complement.</summary>
        public Expression Test(Expression events, Expression evaluation, bool negate)
        {
            var left = new ScalarComparand(Measure(events, evaluation));

            // An average is compared as sum against bound × count: a division would round.
            var times = Aggregate == "avg" ? Expression.Convert(Count(events), typeof(decimal)) : null;
            Operand Bound(int i)
            {
                if (Bounds[i] is DateValue date)
                {
                    var literal = Literal<DateValue>.Of(date);
                    var from = Expression.Call(evaluation, nameof(Evaluation.From), null, literal);
                    return date is DateValue.Day ? new Operand(from, Expression.Call(evaluation, nameof(Evaluation.To), null, literal)) : new Operand(from);
                }

                Expression bound = Bounds[i] is int n ? Literal<int>.Of(n) : Literal<decimal>.Of((decimal)Bounds[i]);
                return new Operand(times is null ? bound : Expression.Multiply(bound, times));
            }

            return (Mode, negate) switch
            {
                ("atLeast", false) or ("lessThan", true) => left.AtLeast(Bound(0)),
                ("atLeast", true) or ("lessThan", false) => left.Below(Bound(0)),
                ("atMost", false) or ("moreThan", true) => left.AtMost(Bound(0)),
                ("atMost", true) or ("moreThan", false) => left.Above(Bound(0)),
                ("exactly", false) => left.Equal(Bound(0)),
                ("exactly", true) => left.Differs(Bound(0)),
                (_, false) => Splice.And(left.AtLeast(Bound(0)), left.AtMost(Bound(1))),
                (_, true) => Splice.Or(left.Below(Bound(0)), left.Above(Bound(1))),
            };
        }

        /// <summary>What is compared: a count, a sum (for avg too), a least or greatest, a count of different values.</summary>
        public Expression Measure(Expression events, Expression evaluation)
        {
            if (Of is null)
            {
                return Count(events);
            }

            var e = Expression.Parameter(typeof(TEvent), "e");
            var selector = Expression.Lambda(Splice.Body(Of, e, evaluation), e);
            if (Aggregate is "sum" or "avg" or "min" or "max")
            {
                var method = Aggregate switch { "min" => nameof(Enumerable.Min), "max" => nameof(Enumerable.Max), _ => nameof(Enumerable.Sum) };
                var type = Aggregate is "min" or "max" && selector.ReturnType == typeof(DateTimeOffset) ? new[] { typeof(TEvent), typeof(DateTimeOffset) } : [typeof(TEvent)];
                return Expression.Call(typeof(Enumerable), method, type, events, selector);
            }

            var values = Expression.Call(typeof(Enumerable), nameof(Enumerable.Select), [typeof(TEvent), selector.ReturnType], events, selector);
            return Expression.Call(typeof(Enumerable), nameof(Enumerable.Count), [selector.ReturnType], Expression.Call(typeof(Enumerable), nameof(Enumerable.Distinct), [selector.ReturnType], values));
        }

        /// <summary>What an explanation shows.</summary>
        public Expression Actual(Expression events, Expression evaluation) => Aggregate == "avg"
            ? Expression.Divide(Expression.Convert(Measure(events, evaluation), typeof(decimal?)), Expression.Convert(Count(events), typeof(decimal?)))
            : Measure(events, evaluation);

        private static MethodCallExpression Count(Expression events) => Expression.Call(typeof(Enumerable), nameof(Enumerable.Count), [typeof(TEvent)], events);
    }

    /// <summary>Reads <c>match</c>.</summary>
    private sealed class MatchReader(EventAccess<T, TEvent> access, RulePass pass, Expression evaluation, string pointer)
    {
        private readonly string[] known = ["mode", "threshold", "aggregate", "of"];

        public Match? Read(JsonElement match)
        {
            if (match.ValueKind != JsonValueKind.Object)
            {
                pass.Error(pointer, $"behavioral.events needs match, which says how many: {{\"mode\":\"atLeast\",\"threshold\":3}}; got {ValueReader.Got(match)}.");
                return null;
            }

            foreach (var property in match.EnumerateObject().Where(p => !known.Contains(p.Name, StringComparer.Ordinal)))
            {
                pass.Error(RuleError.Below(pointer, property.Name), $"{Nearest.Quote(property.Name)} is not a property of match. {Nearest.Hint(property.Name, known)}");
            }

            var mode = Text(match, "mode", Modes, required: true);
            var errors = pass.Errors.Count;
            var aggregate = Text(match, "aggregate", Aggregates, required: false);
            var of = pass.Errors.Count > errors ? null : Of(match, aggregate);
            if (mode is null)
            {
                return null;
            }

            if (mode is "some" or "none" or "all")
            {
                if (aggregate is not null)
                {
                    pass.Error($"{pointer}/aggregate", $"An aggregate goes with a threshold, not with the mode {mode}.");
                }

                return new Match(mode, null, null, [], mode switch { "some" => "did an event", "none" => "did no event", _ => "did only events" });
            }

            if (!match.TryGetProperty("threshold", out var threshold))
            {
                pass.Error($"{pointer}/threshold", $"The mode {mode} needs a threshold.");
                return null;
            }

            if (pass.Errors.Count > errors)
            {
                return null;
            }

            return Thresholds(mode, aggregate, of?.Field, of?.Lambda, threshold) is { } bounds ? new Match(mode, aggregate, of?.Lambda, bounds.Bounds, bounds.Words) : null;
        }

        private string? Text(JsonElement match, string name, string[] all, bool required)
        {
            if (!match.TryGetProperty(name, out var value) && !required)
            {
                return null;
            }

            if (value.ValueKind == JsonValueKind.String && all.Contains(value.GetString(), StringComparer.Ordinal))
            {
                return value.GetString();
            }

            pass.Error($"{pointer}/{name}", $"{name} takes one of {string.Join(", ", all)}; got {ValueReader.Got(value)}.{Nearest.MemberPredicate(value.ValueKind == JsonValueKind.String ? value.GetString() : null, all)}");
            return null;
        }

        private (Field Field, LambdaExpression Lambda)? Of(JsonElement match, string? aggregate)
        {
            var at = $"{pointer}/of";
            var given = match.TryGetProperty("of", out var of);
            if (aggregate is null or "distinctDays")
            {
                if (given)
                {
                    pass.Error(at, "of goes with the aggregates sum, avg, min, max and distinct.");
                }

                if (aggregate is null)
                {
                    return null;
                }

                var e = Expression.Parameter(typeof(TEvent), "e");
                var x = Expression.Parameter(typeof(Evaluation), "x");
                var day = Expression.Call(typeof(LocalTime), nameof(LocalTime.Date), null, access.At(e), Expression.Property(x, nameof(Evaluation.ZoneId)));
                return (null!, Expression.Lambda(day, e, x));
            }

            if (of.ValueKind != JsonValueKind.String)
            {
                pass.Error(at, $"{aggregate} needs of, which names a field of the event; got {ValueReader.Got(of)}.");
                return null;
            }

            if (access.Catalog.Find(of.GetString()!) is not { } field)
            {
                pass.Error(at, access.Catalog.Unknown(of.GetString()!));
                return null;
            }

            switch (aggregate, field.Type, field.Access)
            {
                case ("distinct", _, PropertyAccess property):
                    return (field, property.Scalar);
                case ("distinct", _, ScalarAccess scalar):
                    return (field, scalar.Value);
                case (_, FieldType.Property, PropertyAccess property):
                    return (field, property.Number);
                case (_, FieldType.Decimal, ScalarAccess scalar):
                case ("min" or "max", FieldType.Instant, ScalarAccess):
                    return (field, ((ScalarAccess)field.Access).Value);
                default:
                    pass.Error(at, $"{aggregate} takes amount, properties.NAME{(aggregate is "min" or "max" ? " or occurredAt" : "")}; got {Nearest.Quote(field.Name)}.");
                    return null;
            }
        }

        private (IReadOnlyList<object> Bounds, string Words)? Thresholds(string mode, string? aggregate, Field? of, LambdaExpression? lambda, JsonElement threshold)
        {
            var at = $"{pointer}/threshold";
            var between = mode == "between";
            JsonElement[] items = threshold.ValueKind == JsonValueKind.Array ? [.. threshold.EnumerateArray()] : [threshold];
            if (between != (threshold.ValueKind == JsonValueKind.Array) || (between && items.Length != 2))
            {
                pass.Error(at, between ? "between takes two thresholds: [low, high]." : $"{mode} takes one threshold; got {ValueReader.Got(threshold)}.");
                return null;
            }

            var isDate = aggregate is "min" or "max" && lambda!.ReturnType == typeof(DateTimeOffset);
            var counts = aggregate is null or "distinct" or "distinctDays";
            var name = aggregate is null ? "The count" : of is null ? aggregate : $"{aggregate} of {of.Name}";
            var type = isDate ? FieldType.Instant : counts ? FieldType.Integer : FieldType.Decimal;
            var reader = new ValueReader(pass, new Field(name, "event", type, name, "", new ScalarAccess(Expression.Lambda(Expression.Constant(0m)))), type, evaluation);
            var errors = pass.Errors.Count;
            List<object> bounds = [];
            for (var i = 0; i < items.Length; i++)
            {
                var place = between ? $"{at}/{i}" : at;
                if (reader.Threshold(items[i], place) is not { } bound)
                {
                    continue;
                }

                if (counts && (decimal)bound is < 0 or > int.MaxValue - 1)
                {
                    pass.Error(place, $"{name} takes an integer from 0 to {int.MaxValue - 1}.");
                    continue;
                }

                bounds.Add(counts ? (int)(decimal)bound : bound);
            }

            if (pass.Errors.Count > errors)
            {
                return null;
            }

            if (between && ValueReader.WrongWayRound(bounds[0], bounds[1]))
            {
                pass.Error(at, "between takes the lower threshold first.");
                return null;
            }

            var words = bounds.Select(b => b is DateValue date ? date.Describe() : Convert.ToString(b, System.Globalization.CultureInfo.InvariantCulture)!).ToList();
            var compared = mode switch { "atLeast" => "at least", "atMost" => "at most", "exactly" => "exactly", "moreThan" => "more than", "lessThan" => "less than", _ => "between" } + " " + string.Join(" and ", words);
            var plural = words is ["1"] ? "" : "s";
            return (bounds, aggregate switch
            {
                null => $"did {compared} event{plural}",
                "distinctDays" => $"did events on {compared} different day{plural}",
                "distinct" => $"did events with {compared} different {of!.Name}",
                _ => $"did events whose {aggregate} of {of!.Name} is {compared},",
            });
        }
    }
}

/// <summary>Finds the steps of a sequence among loaded events: what is kept here are those events that match any.</summary>
public sealed class EventSequence
{
    // Of so few, putting each in its place is faster.
    private const int Few = 64;

    [ThreadStatic]
    private static EventSequence? last;

    private readonly List<(DateTimeOffset At, int Steps, DateTimeOffset Until)> events = [];

    /// <summary>
    /// The times of events that match the steps in order, each strictly later than the one before and the last not after
    /// <paramref name="until"/> of the first; null when there are none such.
    /// </summary>
    public static DateTimeOffset[]? Find<TEvent>(IEnumerable<TEvent> events, Func<TEvent, bool>[] steps, Func<TEvent, DateTimeOffset> at, Func<TEvent, DateTimeOffset>? until)
    {
        var (sequence, seen) = (new EventSequence(), 0);
        foreach (var e in events)
        {
            var matched = steps.Select((step, i) => step(e) ? 1 << i : 0).Sum();
            seen |= matched;
            if (matched != 0)
            {
                sequence.Add(matched, at(e), until is null || (matched & 1) == 0 ? DateTimeOffset.MaxValue : until(e));
            }
        }

        return seen == (1 << steps.Length) - 1 ? sequence.Times(steps.Length) : null;
    }

    /// <summary>An empty one, whose thread has done with the one before.</summary>
    internal static EventSequence Begin()
    {
        last ??= new EventSequence();
        last.events.Clear();
        return last;
    }

    /// <summary>Keeps an event.</summary>
    /// <param name="steps">A bit for each step that it matches, the first being 1.</param>
    /// <param name="at">When it happened.</param>
    /// <param name="until">As the first event of a sequence, until when the last may be.</param>
    internal void Add(int steps, DateTimeOffset at, DateTimeOffset until) => events.Add((at, steps, until));

    /// <inheritdoc cref="Find"/>
    /// <remarks>Every step must have an event.</remarks>
    internal DateTimeOffset[]? Times(int steps)
    {
        Sort();
        var times = new DateTimeOffset[steps];
        for (var start = 0; start < events.Count; start++)
        {
            if ((events[start].Steps & 1) == 0)
            {
                continue;
            }

            // From a given first event, the earliest match of every further step leaves most room for the rest.
            times[0] = events[start].At;
            var found = 1;
            for (var i = start + 1; i < events.Count && found < steps && events[i].At <= events[start].Until; i++)
            {
                if (events[i].At > times[found - 1] && (events[i].Steps & (1 << found)) != 0)
                {
                    times[found++] = events[i].At;
                }
            }

            if (found == steps)
            {
                return times;
            }
        }

        return null;
    }

    private void Sort()
    {
        if (events.Count > Few)
        {
            events.Sort(static (a, b) => a.At.CompareTo(b.At));
            return;
        }

        for (var i = 1; i < events.Count; i++)
        {
            var (moved, to) = (events[i], i);
            for (; to > 0 && events[to - 1].At > moved.At; to--)
            {
                events[to] = events[to - 1];
            }

            events[to] = moved;
        }
    }
}
