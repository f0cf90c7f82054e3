using System.Globalization;
using System.Linq.Expressions;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Time;
using Segmentation.Rules.Values;

namespace Segmentation.Rules;

/// <summary>
/// Compiles a rule tree into one predicate, or into all its errors: checking is compiling, so the two can't drift apart.
/// </summary>
/// <param name="catalog">The fields that the rule may name.</param>
/// <param name="limits">How large it may be.</param>
/// <param name="segments">Finds a segment that the rule refers to; null where rules can't.</param>
public sealed class RuleCompiler<T>(FieldCatalog<T> catalog, RuleLimits limits, Func<string, SegmentReference?>? segments = null)
{
    /// <summary>Compiles a rule.</summary>
    /// <param name="rule">The root group.</param>
    /// <param name="self">The key of the segment whose rule this is, so that a cycle through it is found.</param>
    public CompiledRule<T> Compile(JsonElement rule, string? self = null)
    {
        var pass = new RulePass(limits) { Items = typeof(T) };
        var item = Expression.Parameter(typeof(T), "c");
        pass.CheckText(rule, "");
        var tooLarge = rule.ValueKind != JsonValueKind.Undefined && Encoding.UTF8.GetByteCount(rule.GetRawText()) > limits.MaxBytes;
        if (tooLarge)
        {
            pass.Error("", $"A rule may take {limits.MaxBytes / 1024} KiB at most.");
        }

        RuleNode? root = null;
        if (!tooLarge && !pass.Unreadable)
        {
            root = new RuleScope<T>(catalog, pass, item, pass.Evaluation, segments, self is null ? [] : [self]).Root(rule, "");
        }

        return new CompiledRule<T>(root!, item, pass, pass.Errors);
    }
}

/// <summary>What one compilation shares: the errors, the counts that have limits, and what has been compiled of other segments.</summary>
internal sealed class RulePass(RuleLimits limits)
{
    // A rule that refers to a segment holds that segment's rules, too; without a bound, a ladder of diamonds would double at each step.
    private const int MaxExpandedRules = 2000;
    private const int MaxExpandedSegments = 2000;
    private const int MaxSegmentDepth = 20;
    private int rules, expanded, segments;

    public RuleLimits Limits => limits;

    /// <summary>What the rule is about; events that belong to it are another scope's.</summary>
    public required Type Items { get; init; }

    public List<RuleError> Errors { get; } = [];

    public ParameterExpression Evaluation { get; } = Expression.Parameter(typeof(Evaluation), "x");

    /// <summary>The evaluation of an earlier and of a later instant, in <see cref="Flips"/>.</summary>
    public ParameterExpression From { get; } = Expression.Parameter(typeof(Evaluation), "from");

    public ParameterExpression To { get; } = Expression.Parameter(typeof(Evaluation), "to");

    /// <summary>Tests of what the clock may change between those two, of the whole tree.</summary>
    public List<Expression> Flips { get; } = [];

    /// <summary>Whether an item's own time of day is asked for, which can change at every full quarter of an hour.</summary>
    public bool ReadsLocalTime { get; private set; }

    public Expression? FlipOf(Expression test)
    {
        ReadsLocalTime |= ClockFlips.ReadsLocalTime(test);
        return ClockFlips.Of(test, Evaluation, From, To);
    }

    public bool InSegment { get; set; }

    /// <summary>Whether a text or a name is not valid Unicode, so that .NET can't read it.</summary>
    public bool Unreadable { get; private set; }

    public void Error(string pointer, string message) => Errors.Add(new RuleError(pointer, message));

    public void CountRule(string pointer)
    {
        if (!InSegment && ++rules == limits.MaxRules + 1)
        {
            Error(pointer, $"A tree may hold {limits.MaxRules} rules at most.");
        }

        if (++expanded == MaxExpandedRules + 1)
        {
            Error(InSegment ? "" : pointer, $"With the rules of the segments that it refers to, a tree may hold {MaxExpandedRules} rules at most.");
        }
    }

    public void CountSegment(string pointer) =>
        Fails(++segments == MaxExpandedSegments + 1, pointer, $"With the segments that these refer to in turn, a tree may hold {MaxExpandedSegments} segments at most.");

    public bool TooDeep(int depth, string pointer) => Fails(depth > limits.MaxDepth, pointer, $"Groups may nest {limits.MaxDepth} deep at most, the root counted as 1.");

    public bool SegmentsTooDeep(int depth, string pointer) => Fails(depth > MaxSegmentDepth, pointer, $"Segments may refer to segments {MaxSegmentDepth} deep at most.");

    public bool Exhausted => expanded > MaxExpandedRules || segments > MaxExpandedSegments || rules > limits.MaxRules;

    /// <summary>Refuses what PostgreSQL can't hold or .NET can't read, even where it has no effect: NUL, surrogates without a partner, endless numbers.</summary>
    public void CheckText(JsonElement element, string pointer)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var seen = new HashSet<string>(StringComparer.Ordinal);
                foreach (var property in element.EnumerateObject())
                {
                    string name;
                    try
                    {
                        name = property.Name;
                    }
                    catch (InvalidOperationException)
                    {
                        Error(pointer, "A property's name here is not valid Unicode.");
                        Unreadable = true;
                        continue;
                    }

                    if (name.Contains('\0', StringComparison.Ordinal))
                    {
                        Error(pointer, "A property's name can't hold the character NUL.");
                        continue;
                    }

                    if (!seen.Add(name))
                    {
                        Error(RuleError.Below(pointer, name), "Stands here twice.");
                    }

                    CheckText(property.Value, RuleError.Below(pointer, name));
                }

                break;
            case JsonValueKind.Array:
                var index = 0;
                foreach (var item in element.EnumerateArray())
                {
                    CheckText(item, $"{pointer}/{index++}");
                }

                break;
            case JsonValueKind.String:
                try
                {
                    Fails(element.GetString()!.Contains('\0', StringComparison.Ordinal), pointer, "A text can't hold the character NUL.");
                }
                catch (InvalidOperationException)
                {
                    Error(pointer, "This text is not valid Unicode.");
                    Unreadable = true;
                }

                break;
            case JsonValueKind.Number:
                var number = element.GetRawText();
                var exponent = number.AsSpan(number.IndexOfAny(['e', 'E']) + 1);
                Fails(number.Length > 400 || (exponent.Length != number.Length && exponent.TrimStart("+-0").Length > 3), pointer, RuleNumber.Range);
                break;
        }
    }

    private bool Fails(bool fault, string pointer, string message)
    {
        if (fault)
        {
            Error(pointer, message);
        }

        return fault;
    }
}

/// <summary>Compiles nodes over one catalog: the customer's, or that of its events.</summary>
internal sealed class RuleScope<T>(
    FieldCatalog<T> catalog, RulePass pass, Expression item, Expression evaluation, Func<string, SegmentReference?>? segments, IReadOnlyList<string> path,
    string anything = "anyone")
{
    private static readonly string[] GroupProperties = ["combinator", "not", "rules", "id", "path", "disabled", "muted"];
    private static readonly string[] RuleProperties = ["field", "operator", "value", "valueSource", "match", "id", "path", "disabled", "muted"];

    public RuleNode? Root(JsonElement rule, string pointer, int depth = 1)
    {
        if (rule.ValueKind != JsonValueKind.Object || !rule.TryGetProperty("rules", out _))
        {
            pass.Error(pointer, "A rule tree starts with a group: {\"combinator\":\"and\",\"rules\":[…]}.");
            return null;
        }

        var root = Group(rule, pointer, depth);
        if (root is { Muted: true })
        {
            pass.Error(pointer, "The root is muted: nothing would be left to ask.");
        }

        return root;
    }

    private RuleNode? Node(JsonElement node, string pointer, int depth)
    {
        if (node.ValueKind == JsonValueKind.Object && node.TryGetProperty("rules", out _))
        {
            return Group(node, pointer, depth + 1);
        }

        if (node.ValueKind == JsonValueKind.Object && node.TryGetProperty("field", out _))
        {
            return Rule(node, pointer, depth);
        }

        pass.Error(pointer, "A node is a group (an object with \"rules\") or a rule (an object with \"field\").");
        return null;
    }

    private RuleNode? Group(JsonElement node, string pointer, int depth)
    {
        Properties(node, pointer, GroupProperties, "group");
        if (pass.TooDeep(depth, pointer))
        {
            return null;
        }

        var not = Flag(node, "not", pointer);
        var muted = Flag(node, "muted", pointer);
        var isAnd = true;
        if (!node.TryGetProperty("combinator", out var combinator) || combinator.ValueKind != JsonValueKind.String || combinator.GetString() is not ("and" or "or"))
        {
            pass.Error($"{pointer}/combinator", $"A combinator is \"and\" or \"or\"; got {ErrorText.DescribeActual(combinator)}.");
        }
        else
        {
            isAnd = combinator.ValueEquals("and");
        }

        var list = node.GetProperty("rules");
        if (list.ValueKind != JsonValueKind.Array)
        {
            pass.Error($"{pointer}/rules", $"rules takes a list; got {ErrorText.DescribeActual(list)}.");
            return null;
        }

        var children = new List<RuleNode>();
        var index = 0;
        foreach (var child in list.EnumerateArray())
        {
            if (pass.Exhausted)
            {
                return null;
            }

            if (Node(child, $"{pointer}/rules/{index++}", depth) is { } compiled)
            {
                children.Add(compiled);
            }
        }

        var live = children.Where(c => !c.Muted).ToList();
        if (index > 0 && list.EnumerateArray().All(IsMuted))
        {
            pass.Error(pointer, "Everything in this group is muted, so it would match everyone. Mute the group itself, or leave one rule.");
        }

        Expression Emit(bool negate)
        {
            // De Morgan: the complement of "and" is the "or" of the complements.
            var flip = negate != not;
            if (live.Count == 0)
            {
                return Splice.Truth(!flip);
            }

            Expression[] parts = [.. live.Select(c => c.Emit(flip))];
            return isAnd != flip ? Splice.And(parts) : Splice.Or(parts);
        }

        var words = live.Count switch
        {
            0 => anything,
            1 => live[0].Description,
            _ => string.Join(isAnd ? " and " : " or ", live.Select(c => c.Grouped)),
        };
        return new RuleNode(node, muted, not ? $"not ({words})" : words, children, Emit, null, compound: !not && (live.Count > 1 || live is [{ Compound: true }]));
    }

    private static bool IsMuted(JsonElement node) =>
        node.ValueKind == JsonValueKind.Object && node.TryGetProperty("muted", out var muted) && muted.ValueKind == JsonValueKind.True;

    private RuleNode? Rule(JsonElement node, string pointer, int depth)
    {
        pass.CountRule(pointer);
        Properties(node, pointer, RuleProperties, "rule");
        var muted = Flag(node, "muted", pointer);
        var fromField = ValueSource(node, pointer);
        var name = node.GetProperty("field");
        if (name.ValueKind != JsonValueKind.String)
        {
            pass.Error($"{pointer}/field", $"field takes a field's name; got {ErrorText.DescribeActual(name)}.");
            return null;
        }

        if (catalog.Find(name.GetString()!) is not { } field)
        {
            pass.Error($"{pointer}/field", catalog.DescribeUnknown(name.GetString()!));
            return null;
        }

        var value = node.TryGetProperty("value", out var v) ? v : default;
        var match = node.TryGetProperty("match", out var m) ? m : default;
        if (match.ValueKind != JsonValueKind.Undefined && field.Type != FieldType.Events)
        {
            pass.Error($"{pointer}/match", $"match goes with behavioral.events, not with {field.Name}.");
        }

        if (!node.TryGetProperty("operator", out var symbol) || symbol.ValueKind != JsonValueKind.String)
        {
            pass.Error($"{pointer}/operator", $"{field.Name} needs an operator: {Names(field.Type)}.");
            Subquery(field, value, match, pointer, depth);
            return null;
        }

        var (type, text) = (field.Type, symbol.GetString()!);

        // A property has the type of the rule's own value.
        if (type == FieldType.Property && text is not ("null" or "notNull") && Operators.ListFor(type).Any(o => o.Name == text))
        {
            if (value.ValueKind == JsonValueKind.Undefined)
            {
                pass.Error($"{pointer}/value", $"{field.Name} {text} needs a value: {ErrorText.DescribeExpected(type)}.");
                return null;
            }

            type = PropertyType(value, $"{pointer}/value", field.Name) ?? type;
            if (type == FieldType.Property)
            {
                return null;
            }
        }

        if (Operators.Find(type, text) is not { } found)
        {
            pass.Error($"{pointer}/operator", $"{field.Name} ({CaseNormalizer.Normalize(type.ToString())}) does not take {ErrorText.Quote(text)}. It takes {Names(type)}.{NearestName.Suggest(text, Operators.ListFor(type).Select(o => o.Name))}");
            Subquery(field, value, match, pointer, depth);
            return null;
        }

        var (op, negative) = found;
        RuleNode? Leaf(Func<bool, Expression> holds, string words, Expression? actual, bool own = true)
        {
            // Events and segments say themselves what the clock may change in them; so does a group over events of the rules in it.
            if (own && !muted && pass.Items == typeof(T) && pass.FlipOf(holds(false)) is { } flip)
            {
                pass.Flips.Add(flip);
            }

            return new(node, muted, words, [], negate => holds(negate != negative), actual);
        }

        if (fromField)
        {
            return CompareFields(field, op, value, pointer) is var (emit, other, actual)
                ? Leaf(emit, $"{field.Label} {Label(op, negative)} {other.Label}", actual)
                : null;
        }

        switch (field.Access)
        {
            case SubqueryAccess<T>:
                return Subquery(field, value, match, pointer, depth) is { } p ? Leaf(p.Emit, negative ? $"not ({p.Words})" : p.Words, p.Actual, own: false) : null;
            case SegmentAccess segment:
                return Segments(segment, value, $"{pointer}/value") is { } s ? Leaf(s.Emit, $"{Label(op, negative)} {s.Words}", s.Actual, own: false) : null;
        }

        if (op.Arity != Arity.None && value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
        {
            pass.Error($"{pointer}/value", $"{field.Name} {text} needs a value: {ErrorText.DescribeExpected(type)}.");
            return null;
        }

        var reader = new ValueReader(pass, field, type, evaluation);
        var errors = pass.Errors.Count;
        var values = reader.Read(op.Arity, value, $"{pointer}/value");
        if (pass.Errors.Count > errors)
        {
            return null;
        }

        var comparand = Comparand(field.Access, type);
        return Leaf(
            negate => negate ? op.Fails(comparand, values) : op.Holds(comparand, values),
            op.Arity == Arity.None ? $"{field.Label} {Label(op, negative)}" : $"{field.Label} {Label(op, negative)} {reader.Words}",
            Actual(field.Access, type));
    }

    private RuleParts? Subquery(Field field, JsonElement value, JsonElement match, string pointer, int depth) => (field.Access, field.Type) switch
    {
        (SubqueryAccess<T> access, FieldType.Events) => access.CompileMatch(pass, item, evaluation, value, match, pointer, depth),
        (SubqueryAccess<T> access, _) => access.CompileSequence(pass, item, evaluation, value, pointer, depth),
        _ => null,
    };

    private static string Label(Operator op, bool negative) => negative ? op.NegativeLabel : op.Label;

    private Comparand Comparand(FieldAccess access, FieldType type) => access switch
    {
        ScalarAccess scalar => new ScalarComparand(Of(scalar.Value)),
        OrderedAccess ordered => new OrderedComparand(ordered, item, evaluation),
        SetAccess set => new SetComparand(set, item, evaluation),
        YearlyAccess yearly => new YearlyComparand(Of(yearly.MonthDay)),
        PointAccess point => new PointComparand(Of(point.Latitude), Of(point.Longitude)),
        PropertyAccess property => type switch
        {
            FieldType.Text => new ScalarComparand(Of(property.Text)),
            FieldType.Decimal => new ScalarComparand(Of(property.Number)),
            FieldType.Boolean => new ScalarComparand(Of(property.Boolean)),
            _ => new ExistsComparand(Of(property.Exists)),
        },
        _ => throw new NotSupportedException(),
    };

    private Expression? Actual(FieldAccess access, FieldType type) => access switch
    {
        ScalarAccess scalar => Of(scalar.Value),
        OrderedAccess ordered => Of(ordered.Value),
        SetAccess set => Of(set.Value),
        YearlyAccess yearly => Of(yearly.Value),
        PointAccess point => Expression.NewArrayInit(typeof(double?), Of(point.Latitude), Of(point.Longitude)),
        PropertyAccess property => type switch { FieldType.Decimal => Of(property.Number), FieldType.Boolean => Of(property.Boolean), _ => Of(property.Text) },
        _ => null,
    };

    private Expression Of(LambdaExpression lambda) => Splice.Body(lambda, item, evaluation);

    private (Func<bool, Expression> Emit, Field Other, Expression Actual)? CompareFields(Field field, Operator op, JsonElement value, string pointer)
    {
        if (value.ValueKind != JsonValueKind.String || catalog.Find(value.GetString()!) is not { } other)
        {
            pass.Error($"{pointer}/value", value.ValueKind == JsonValueKind.String ? catalog.DescribeUnknown(value.GetString()!) : "With valueSource \"field\", value takes a field's name.");
            return null;
        }

        static bool Numeric(FieldType type) => type is FieldType.Integer or FieldType.Decimal;
        var comparable = field.Access is ScalarAccess or OrderedAccess && other.Access is ScalarAccess or OrderedAccess
            && (field.Type == other.Type || (Numeric(field.Type) && Numeric(other.Type)));
        if (!comparable)
        {
            pass.Error($"{pointer}/value", $"{field.Name} ({CaseNormalizer.Normalize(field.Type.ToString())}) can't be compared with {other.Name} ({CaseNormalizer.Normalize(other.Type.ToString())}).");
            return null;
        }

        (Func<Expression, Expression, Expression> Holds, Func<Expression, Expression, Expression> Fails)? compare = (op.Name, Ordered: !(field.Type is FieldType.Text or FieldType.Boolean)) switch
        {
            ("=", _) => (Expression.Equal, Expression.NotEqual),
            ("<", true) => (Expression.LessThan, Expression.GreaterThanOrEqual),
            ("<=", true) => (Expression.LessThanOrEqual, Expression.GreaterThan),
            (">", true) => (Expression.GreaterThan, Expression.LessThanOrEqual),
            (">=", true) => (Expression.GreaterThanOrEqual, Expression.LessThan),
            _ => null,
        };
        if (compare is not var (holds, fails))
        {
            pass.Error($"{pointer}/operator", "Two fields are compared by =, != and, for numbers and dates, <, <=, >, >=.");
            return null;
        }

        var (left, right) = Alike(Value(field), Value(other));
        var (l, r) = (new ScalarComparand(left), new ScalarComparand(right));
        return (
            negate => negate ? Splice.Or(l.Missing, r.Missing, fails(left, right)) : Splice.And(l.Present, r.Present, holds(left, right)),
            other,
            Expression.NewArrayInit(typeof(object), Expression.Convert(left, typeof(object)), Expression.Convert(right, typeof(object))));
    }

    private Expression Value(Field field) => Of(field.Access is OrderedAccess ordered ? ordered.Value : ((ScalarAccess)field.Access).Value);

    private static (Expression, Expression) Alike(Expression left, Expression right)
    {
        if (left.Type == right.Type)
        {
            return (left, right);
        }

        var (l, r) = (Nullable.GetUnderlyingType(left.Type) ?? left.Type, Nullable.GetUnderlyingType(right.Type) ?? right.Type);
        var common = typeof(Nullable<>).MakeGenericType(l == r ? l : typeof(decimal));
        return (Expression.Convert(left, common), Expression.Convert(right, common));
    }

    private (Func<bool, Expression> Emit, string Words, Expression Actual)? Segments(SegmentAccess access, JsonElement value, string pointer)
    {
        var keys = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!.Split(',').Select(k => (Key: (string?)k.Trim(), Pointer: pointer)).ToList(),
            JsonValueKind.Array => [.. value.EnumerateArray().Select((k, i) => (Key: k.ValueKind == JsonValueKind.String ? k.GetString() : null, Pointer: $"{pointer}/{i}"))],
            _ => [],
        };
        if (keys.Count == 0 || keys.Count > pass.Limits.MaxListLength)
        {
            pass.Error(pointer, keys.Count == 0 ? $"segment takes a list of segment keys; got {ErrorText.DescribeActual(value)}." : $"A list may hold {pass.Limits.MaxListLength} values at most.");
            return null;
        }

        var errors = pass.Errors.Count;
        var members = new List<(string Key, Func<bool, Expression> Emit)>();
        foreach (var (key, at) in keys)
        {
            if (key is null || string.IsNullOrWhiteSpace(key) || segments?.Invoke(key) is not { } segment)
            {
                if (key is not null && path.Contains(key))
                {
                    Cycle(key, pointer);
                }
                else
                {
                    pass.Error(at, string.IsNullOrWhiteSpace(key) ? "A segment's key is a text." : $"There is no segment {ErrorText.Quote(key)}.");
                }
            }
            else if (path.Contains(key))
            {
                Cycle(key, pointer);
            }
            else if ((segment.ManualId ?? segment.StoredId) is { } id)
            {
                var listed = Splice.Body(segment.ManualId is null ? access.Stored : access.Manual, item, evaluation, Literal<int>.Create(id));
                members.Add((key, negate => negate ? Expression.Not(listed) : listed));
            }
            else if (Nested(segment, pointer, at) is { } node)
            {
                members.Add((key, node.Emit));
            }
        }

        if (pass.Errors.Count > errors)
        {
            return null;
        }

        Expression Emit(bool negate) => negate ? Splice.And([.. members.Select(m => m.Emit(true))]) : Splice.Or([.. members.Select(m => m.Emit(false))]);
        var actual = Expression.Call(
            typeof(RuleScope<T>), nameof(KeysWhere), null,
            Expression.Constant(members.Select(m => m.Key).ToArray()),
            Expression.NewArrayInit(typeof(bool), members.Select(m => m.Emit(false))));
        return (Emit, string.Join(", ", members.Select(m => $"\"{m.Key}\"")), actual);
    }

    private static string[] KeysWhere(string[] keys, bool[] matched) => [.. keys.Where((_, i) => matched[i])];

    // A segment named by another keeps its own time zone. Its faults are reported here, at the place that names it.
    private RuleNode? Nested(SegmentReference segment, string pointer, string at)
    {
        pass.CountSegment(at);
        if (pass.Exhausted || pass.SegmentsTooDeep(path.Count + 1, pointer) || segment.Rule is not { } rule)
        {
            return null;
        }

        var (errors, inSegment) = (pass.Errors.Count, pass.InSegment);
        pass.InSegment = true;
        var clock = Expression.Call(evaluation, nameof(Evaluation.In), null, Literal<string>.Create(segment.TimeZone));
        var node = new RuleScope<T>(catalog, pass, item, clock, segments, [.. path, segment.Key]).Root(rule, "");
        pass.InSegment = inSegment;
        if (pass.Errors.Count == errors)
        {
            return node;
        }

        var found = pass.Errors[errors..];
        pass.Errors.RemoveRange(errors, pass.Errors.Count - errors);
        pass.Error(found[0] is CycleError ? pointer : at, found[0] is CycleError cycle ? cycle.Message : $"Segment \"{segment.Key}\" is invalid: {found[0].Message}");
        if (found[0] is CycleError)
        {
            pass.Errors[^1] = new CycleError(pointer, found[0].Message);
        }

        return null;
    }

    private void Cycle(string key, string pointer) =>
        pass.Errors.Add(new CycleError(pointer, $"Segments may not refer to each other in a circle: {string.Join(" → ", path.SkipWhile(k => k != key).Append(key))}."));

    private bool ValueSource(JsonElement node, string pointer)
    {
        if (!node.TryGetProperty("valueSource", out var source))
        {
            return false;
        }

        if (source.ValueKind == JsonValueKind.String && source.GetString() is "value" or "field")
        {
            return source.ValueEquals("field");
        }

        pass.Error($"{pointer}/valueSource", $"valueSource is \"value\" or \"field\"; got {ErrorText.DescribeActual(source)}.");
        return false;
    }

    private FieldType? PropertyType(JsonElement value, string pointer, string name)
    {
        static FieldType? Of(JsonElement v) => v.ValueKind switch
        {
            JsonValueKind.String => FieldType.Text,
            JsonValueKind.Number => FieldType.Decimal,
            JsonValueKind.True or JsonValueKind.False => FieldType.Boolean,
            _ => null,
        };
        if (value.ValueKind != JsonValueKind.Array)
        {
            if (Of(value) is { } single)
            {
                return single;
            }

            pass.Error(pointer, $"{name} takes a text, a number or a boolean, or a list of them; got {ErrorText.DescribeActual(value)}.");
            return null;
        }

        FieldType? type = null;
        var index = 0;
        foreach (var element in value.EnumerateArray())
        {
            if (Of(element) is not { } next || (type ?? next) != next)
            {
                pass.Error($"{pointer}/{index}", $"A list for {name} holds texts only, or numbers only; got {ErrorText.DescribeActual(element)}.");
                return null;
            }

            (type, index) = (next, index + 1);
        }

        if (type is null)
        {
            pass.Error(pointer, $"{name} takes {ErrorText.DescribeExpected(FieldType.Property)}; a list may not be empty.");
        }

        return type;
    }

    private void Properties(JsonElement node, string pointer, string[] known, string what)
    {
        foreach (var property in node.EnumerateObject().Where(p => !known.Contains(p.Name, StringComparer.Ordinal)))
        {
            pass.Error(RuleError.Below(pointer, property.Name), $"{ErrorText.Quote(property.Name)} is not a property of a {what}. {NearestName.Hint(property.Name, known)}");
        }
    }

    private bool Flag(JsonElement node, string name, string pointer)
    {
        if (!node.TryGetProperty(name, out var flag))
        {
            return false;
        }

        if (flag.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
        {
            pass.Error($"{pointer}/{name}", $"{name} takes true or false; got {ErrorText.DescribeActual(flag)}.");
            return false;
        }

        return flag.GetBoolean();
    }

        private static string Names(FieldType type) => string.Join(", ", Operators.ListFor(type).Select(o => o.Name));
}
