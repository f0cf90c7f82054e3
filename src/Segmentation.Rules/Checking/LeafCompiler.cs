using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Events;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Checking;

/// <summary>Compiles single rules: a field, an operator and what it is compared with.</summary>
internal sealed class LeafCompiler<T>(RuleScope<T> scope)
{
    private readonly Compilation compilation = scope.Compilation;

    public RuleNode? Compile(JsonElement node, string pointer, int depth)
    {
        compilation.Size.CountRule(pointer);
        compilation.CheckPropertyNames(node, pointer, "a rule", NodeJson.RuleProperties);
        var muted = NodeJson.ReadFlag(node, "muted", pointer, compilation);
        var comparesFields = ReadsValueFromField(node, pointer);
        if (FindField(node.GetProperty("field"), $"{pointer}/field") is not { } field)
        {
            return null;
        }

        var value = NodeJson.Find(node, "value");
        var match = NodeJson.Find(node, "match");
        if (match.ValueKind != JsonValueKind.Undefined && field.Type != FieldType.Events)
        {
            compilation.AddError($"{pointer}/match", $"match is only for behavioral.events, not for {field.Name}.");
        }

        if (FindOperator(node, field, value, pointer) is not { } chosen)
        {
            // For the errors within.
            CompileSubquery(field, value, match, pointer, depth);
            return null;
        }

        var test = comparesFields ? new FieldComparison<T>(scope).Compile(field, chosen.Operator, chosen.Label, value, pointer)
            : field.Access switch
            {
                SubqueryAccess<T> => Negate(CompileSubquery(field, value, match, pointer, depth), chosen.Negative),
                SegmentAccess access => new SegmentMembership<T>(scope).Compile(
                    access, chosen.Label, chosen.Negative, value, $"{pointer}/value"),
                _ => CompileConstants(field, chosen, value, $"{pointer}/value"),
            };
        if (test is null)
        {
            return null;
        }

        // Events and segments add themselves what the clock may change in them; a group over events does so for the rules in it.
        var addsTransitions = !comparesFields && field.Access is SubqueryAccess<T> or SegmentAccess;
        if (!addsTransitions && !muted && compilation.ItemType == typeof(T)
            && compilation.FindTransition(test.Emit(false)) is { } transition)
        {
            compilation.Transitions.Add(transition);
        }

        return new RuleNode(
            node, muted, test.Description, [], negate => test.Emit(negate != chosen.Negative), test.Actual, test.Compound);
    }

    private bool ReadsValueFromField(JsonElement node, string pointer)
    {
        var source = NodeJson.Find(node, "valueSource");
        compilation.AddErrorIf(
            source.ValueKind != JsonValueKind.Undefined && NodeJson.FindText(node, "valueSource") is not ("value" or "field"),
            $"{pointer}/valueSource",
            ErrorText.DescribeMismatch("valueSource", "\"value\" or \"field\"", source));
        return NodeJson.ComparesFields(node);
    }

    private Field? FindField(JsonElement name, string pointer)
    {
        if (name.ValueKind != JsonValueKind.String)
        {
            compilation.AddError(pointer, ErrorText.DescribeMismatch("field", "the name of a field", name));
            return null;
        }

        var field = scope.Catalog.Find(name.GetString()!);
        if (field is null)
        {
            compilation.AddError(pointer, scope.DescribeUnknown(name.GetString()!));
        }

        return field;
    }

    private ChosenOperator? FindOperator(JsonElement node, Field field, JsonElement value, string pointer)
    {
        if (NodeJson.FindText(node, "operator") is not { } name)
        {
            compilation.AddError($"{pointer}/operator", $"{field.Name} needs an operator: {string.Join(", ", ListNames(field))}.");
            return null;
        }

        var type = field.Type;
        var typedByValue = type == FieldType.Property && name is not ("null" or "notNull");
        if (typedByValue && ListNames(field).Contains(name))
        {
            if (value.ValueKind == JsonValueKind.Undefined)
            {
                AddMissingValue(field, name, type, $"{pointer}/value");
                return null;
            }

            if (new PropertyTypeReader(compilation, field).Read(value, $"{pointer}/value") is not { } valueType)
            {
                return null;
            }

            type = valueType;
        }

        if (Operators.Find(type, name) is var (found, negative) && (field.Check is null || ListNames(field).Contains(name)))
        {
            return new ChosenOperator(found, negative, name, type);
        }

        var supported = field.Type == type ? ListNames(field) : Operators.ListFor(type).Select(o => o.Name);
        var typeName = field.Check is null ? CaseNormalizer.Normalize(type.ToString()) : "a closed list";
        compilation.AddError(
            $"{pointer}/operator",
            $"{field.Name} ({typeName}) does not support the operator {ErrorText.Quote(name)}. It supports {string.Join(", ", supported)}."
            + NearestName.Suggest(name, supported));
        return null;
    }

    private static IEnumerable<string> ListNames(Field field) => Operators.ListFor(field).Select(o => o.Name);

    private void AddMissingValue(Field field, string operatorName, FieldType type, string pointer) =>
        compilation.AddIncomplete(pointer, $"{field.Name} {operatorName} needs a value: {ErrorText.DescribeExpected(type)}.");

    private CompiledTest? CompileSubquery(Field field, JsonElement value, JsonElement match, string pointer, int depth) =>
        (field.Access, field.Type) switch
        {
            (SubqueryAccess<T> access, FieldType.Events) => access.CompileMatch(scope, value, match, pointer, depth),
            (SubqueryAccess<T> access, _) => access.CompileSequence(scope, value, pointer, depth),
            _ => null,
        };

    private static CompiledTest? Negate(CompiledTest? test, bool negative) =>
        test is null || !negative ? test : test with { Description = $"not ({test.Description})", Compound = false };

    private CompiledTest? CompileConstants(Field field, ChosenOperator chosen, JsonElement value, string pointer)
    {
        var op = chosen.Operator;
        if (op.Arity != Arity.None && value.ValueKind == JsonValueKind.Undefined)
        {
            AddMissingValue(field, chosen.Name, chosen.Type, pointer);
            return null;
        }

        var reader = new ValueReader(compilation, field, chosen.Type, op, scope.Evaluation);
        if (reader.Read(value, pointer) is not { } read)
        {
            return null;
        }

        var comparand = CreateComparand(field.Access, chosen.Type, read.HasLargeNumber);
        var subject = $"{field.Label} {chosen.Label}";
        return new CompiledTest(
            negate => negate ? op.Fails(comparand, read.Operands) : op.Holds(comparand, read.Operands),
            op.Arity == Arity.None ? subject : $"{subject} {read.Description}",
            ReadActual(field.Access, chosen.Type));
    }

    private Comparand CreateComparand(FieldAccess access, FieldType type, bool hasLargeNumber) => access switch
    {
        ScalarAccess scalar => new ScalarComparand(scope.Read(scalar.Value)),
        OrderedAccess ordered => new OrderedComparand(ordered, scope.Item, scope.Evaluation),
        SetAccess set => new SetComparand(set, scope.Item, scope.Evaluation),
        YearlyAccess yearly => new YearlyComparand(scope.Read(yearly.MonthDay)),
        PointAccess point => new PointComparand(scope.Read(point.Latitude), scope.Read(point.Longitude)),
        PropertyAccess property => type switch
        {
            FieldType.Text => new ScalarComparand(scope.Read(property.Text)),
            FieldType.Decimal when hasLargeNumber =>
                new LargeNumberComparand(scope.Read(property.Number), scope.Read(property.LargeNumber)),
            FieldType.Decimal => new ScalarComparand(scope.Read(property.Number)),
            FieldType.Boolean => new ScalarComparand(scope.Read(property.Boolean)),
            _ => new ExistsComparand(scope.Read(property.Exists)),
        },
        _ => throw new NotSupportedException(),
    };

    private Expression? ReadActual(FieldAccess access, FieldType type) => access switch
    {
        ScalarAccess scalar => scope.Read(scalar.Value),
        OrderedAccess ordered => scope.Read(ordered.Value),
        SetAccess set => scope.Read(set.Value),
        YearlyAccess yearly => scope.Read(yearly.Value),
        PointAccess point => Expression.NewArrayInit(typeof(double?), scope.Read(point.Latitude), scope.Read(point.Longitude)),
        PropertyAccess property => scope.Read(type switch
        {
            FieldType.Decimal => property.Number,
            FieldType.Boolean => property.Boolean,
            _ => property.Text,
        }),
        _ => null,
    };

    /// <summary>The operator of a rule, on the type that its value has.</summary>
    private sealed record ChosenOperator(Operator Operator, bool Negative, string Name, FieldType Type)
    {
        public string Label => Negative ? Operator.NegativeLabel! : Operator.Label;
    }
}
