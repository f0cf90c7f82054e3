using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Events;

/// <summary>Reads <c>match</c>, how many events a rule needs.</summary>
internal sealed class EventMatchReader<T, TEvent>(EventAccess<T, TEvent> access, RuleScope<T> scope, string pointer)
{
    private const int MaxCount = int.MaxValue - 1;

    private readonly Compilation compilation = scope.Compilation;

    /// <summary>Reads the match; null where it has errors, which are added.</summary>
    public EventMatch<TEvent>? Read(JsonElement match)
    {
        if (match.ValueKind != JsonValueKind.Object)
        {
            const string expected = "an object that states how many events, such as {\"mode\":\"atLeast\",\"threshold\":3}";
            var fault = ErrorText.DescribeMismatch("match", expected, match);
            compilation.Errors.Add(new RuleError(pointer, fault) { IsIncomplete = match.ValueKind == JsonValueKind.Undefined });
            return null;
        }

        compilation.CheckPropertyNames(match, pointer, "match", EventRuleTerms.MatchProperties);
        var mode = ReadChoice(match, "mode", EventRuleTerms.Modes, required: true);
        var errors = compilation.Errors.Count;
        var aggregate = ReadChoice(match, "aggregate", EventRuleTerms.Aggregates, required: false);
        var aggregated = compilation.Errors.Count > errors ? null : ReadAggregated(match, aggregate);
        if (mode is null)
        {
            return null;
        }

        if (EventRuleTerms.ModesWithoutThreshold.Contains(mode))
        {
            compilation.AddErrorIf(
                aggregate is not null, $"{pointer}/aggregate", $"An aggregate needs a threshold, which the mode {mode} does not have.");
            return new EventMatch<TEvent>(mode, null, null, [], null);
        }

        var threshold = NodeJson.Find(match, "threshold");
        if (threshold.ValueKind == JsonValueKind.Undefined)
        {
            compilation.AddIncomplete($"{pointer}/threshold", $"The mode {mode} needs a threshold.");
            return null;
        }

        if (compilation.Errors.Count > errors || ReadBounds(mode, aggregate, aggregated, threshold) is not { } bounds)
        {
            return null;
        }

        return new EventMatch<TEvent>(mode, aggregate, aggregated?.Selector, bounds, aggregated?.Field?.Name);
    }

    private string? ReadChoice(JsonElement match, string name, IReadOnlyList<string> choices, bool required)
    {
        var value = NodeJson.Find(match, name);
        if (value.ValueKind == JsonValueKind.Undefined && !required)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.String && choices.Contains(value.GetString(), StringComparer.Ordinal))
        {
            return value.GetString();
        }

        compilation.AddError($"{pointer}/{name}", ErrorText.DescribeChoice(name, choices, value));
        return null;
    }

    private Aggregated? ReadAggregated(JsonElement match, string? aggregate)
    {
        var name = NodeJson.Find(match, "of");
        if (aggregate is null or "distinctDays")
        {
            compilation.AddErrorIf(
                name.ValueKind != JsonValueKind.Undefined,
                $"{pointer}/of",
                "of is only for the aggregates sum, avg, min, max and distinct.");
            return aggregate is null ? null : new Aggregated(null, SelectDay());
        }

        if (name.ValueKind != JsonValueKind.String)
        {
            var expected = $"the name of a field of the event, which {aggregate} needs";
            compilation.AddError($"{pointer}/of", ErrorText.DescribeMismatch("of", expected, name));
            return null;
        }

        if (access.Catalog.Find(name.GetString()!) is not { } field)
        {
            compilation.AddError($"{pointer}/of", access.DescribeUnknown(scope, name.GetString()!));
            return null;
        }

        if (Select(aggregate, field) is { } selector)
        {
            return new Aggregated(field, selector);
        }

        var supported = aggregate is "min" or "max" ? "amount, occurredAt and properties.NAME" : "amount and properties.NAME";
        compilation.AddError(
            $"{pointer}/of", $"{aggregate} supports {supported}, not {ErrorText.Quote(field.Name)}.");
        return null;
    }

    private LambdaExpression SelectDay()
    {
        var e = Expression.Parameter(typeof(TEvent), "e");
        var x = Expression.Parameter(typeof(Evaluation), "x");
        var zone = Expression.Property(x, nameof(Evaluation.ZoneId));
        return Expression.Lambda(Expression.Call(typeof(LocalTime), nameof(LocalTime.Date), null, access.ReadTime(e), zone), e, x);
    }

    private static LambdaExpression? Select(string aggregate, Field field) => (aggregate, field.Access) switch
    {
        _ when !EventRuleTerms.CanAggregate(aggregate, field.Type) => null,
        ("distinct", PropertyAccess property) => property.Scalar,
        (_, PropertyAccess property) => property.Number,
        (_, ScalarAccess scalar) => scalar.Value,
        _ => null,
    };

    private List<object>? ReadBounds(string mode, string? aggregate, Aggregated? aggregated, JsonElement threshold)
    {
        var at = $"{pointer}/threshold";
        var isRange = mode == "between";
        JsonElement[] items = threshold.ValueKind == JsonValueKind.Array ? [.. threshold.EnumerateArray()] : [threshold];
        if (isRange != (threshold.ValueKind == JsonValueKind.Array) || (isRange && items.Length != 2))
        {
            compilation.AddError(at, isRange
                ? "between needs two thresholds: [low, high]."
                : $"{mode} needs one threshold, but it is {ErrorText.DescribeActual(threshold)}.");
            return null;
        }

        var errors = compilation.Errors.Count;
        var reader = new BoundReader(compilation, aggregate, aggregated, scope.Evaluation);
        List<object> bounds = [];
        for (var i = 0; i < items.Length; i++)
        {
            if (reader.Read(items[i], isRange ? $"{at}/{i}" : at) is { } bound)
            {
                bounds.Add(bound);
            }
        }

        if (compilation.Errors.Count > errors)
        {
            return null;
        }

        var reversed = isRange && RangeOrder.IsReversed(bounds[0], bounds[1]);
        return compilation.AddErrorIf(reversed, at, "between needs the lower threshold first.") ? null : bounds;
    }

    /// <summary>What is aggregated.</summary>
    /// <param name="Field">The event's field; null for the days on which events happened.</param>
    /// <param name="Selector">Its value: <c>(TEvent, Evaluation) → X</c>.</param>
    private sealed record Aggregated(Field? Field, LambdaExpression Selector);

    /// <summary>Reads thresholds: integers of counts, decimals of amounts, dates of times.</summary>
    private sealed class BoundReader
    {
        private readonly Compilation compilation;
        private readonly ConstantReader constants;
        private readonly string subject;
        private readonly bool isCount;

        public BoundReader(Compilation compilation, string? aggregate, Aggregated? aggregated, Expression evaluation)
        {
            this.compilation = compilation;
            isCount = aggregate is null or "distinct" or "distinctDays";
            subject = aggregate is null ? "The count" : aggregated!.Field is { } field ? $"{aggregate} of {field.Name}" : aggregate;
            var isDate = aggregate is "min" or "max" && aggregated!.Selector.ReturnType == typeof(DateTimeOffset);
            var type = isDate ? FieldType.Instant : isCount ? FieldType.Integer : FieldType.Decimal;
            var standIn = new Field(subject, "event", type, subject, "", new ScalarAccess(Expression.Lambda(Expression.Constant(0m))));
            constants = new ConstantReader(compilation, standIn, type, evaluation);
        }

        /// <summary>An int, a decimal or a <see cref="DateValue"/>; null where it is none, which adds an error.</summary>
        public object? Read(JsonElement threshold, string pointer)
        {
            var bound = constants.Read(threshold, pointer, inList: false)?.Bound;
            if (bound is null || !isCount)
            {
                return bound;
            }

            var count = (decimal)bound;
            return compilation.AddErrorIf(count is < 0 or > MaxCount, pointer, $"{subject} must be an integer from 0 to {MaxCount}.")
                ? null
                : (int)count;
        }
    }
}
