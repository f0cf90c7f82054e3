using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Checking;

/// <summary>Compiles rules on membership of other segments, whose own rules become part of the tree.</summary>
internal sealed class SegmentMembership<T>(RuleScope<T> scope)
{
    private readonly Compilation compilation = scope.Compilation;

    public CompiledTest? Compile(SegmentAccess access, string label, bool isNegative, JsonElement value, string pointer)
    {
        var keys = ReadKeys(value, pointer);
        if (keys.Count == 0)
        {
            var isIncomplete = value.ValueKind is JsonValueKind.Array or JsonValueKind.Undefined;
            var fault = value.ValueKind == JsonValueKind.Array
                ? "segment must be a list of segment keys; a list must not be empty."
                : ErrorText.DescribeMismatch("segment", "a list of segment keys", value);
            compilation.Errors.Add(new RuleError(pointer, fault) { IsIncomplete = isIncomplete });
            return null;
        }

        var max = compilation.Limits.MaxListLength;
        if (compilation.AddErrorIf(keys.Count > max, pointer, $"A list may have {max} values at most."))
        {
            return null;
        }

        var errors = compilation.Errors.Count;
        var members = new List<Member>();
        foreach (var (key, keyPointer) in keys)
        {
            if (CompileMember(access, key, pointer, keyPointer) is { } member)
            {
                members.Add(member);
            }
        }

        if (compilation.Errors.Count > errors)
        {
            return null;
        }

        var actual = Expression.Call(
            typeof(SegmentMembership<T>), nameof(SelectMatched), null,
            Expression.Constant(members.Select(m => m.Key).ToArray()),
            Expression.NewArrayInit(typeof(bool), members.Select(m => m.Emit(false))));
        var listed = string.Join(", ", members.Select(m => $"\"{m.Key}\""));
        var words = members.Count > 1 ? label : isNegative ? "is not in" : "is in";
        return new CompiledTest(Emit, $"{words} {listed}", actual);

        Expression Emit(bool negate)
        {
            Expression[] parts = [.. members.Select(m => m.Emit(negate))];
            return negate ? Splice.And(parts) : Splice.Or(parts);
        }
    }

    private static List<(string? Key, string Pointer)> ReadKeys(JsonElement value, string pointer) => value.ValueKind switch
    {
        JsonValueKind.String => [.. value.GetString()!.Split(',').Select(k => ((string?)k.Trim(), pointer))],
        JsonValueKind.Array => [.. value.EnumerateArray().Select((k, i) =>
            (k.ValueKind == JsonValueKind.String ? k.GetString()!.Trim() : null, $"{pointer}/{i}"))],
        _ => [],
    };

    private Member? CompileMember(SegmentAccess access, string? key, string pointer, string keyPointer)
    {
        var segment = string.IsNullOrWhiteSpace(key) ? null : scope.FindSegment?.Invoke(key);
        if (key is not null && scope.SegmentPath.Contains(key))
        {
            AddCycle(key, pointer);
            return null;
        }

        if (segment is null)
        {
            var missing = string.IsNullOrWhiteSpace(key)
                ? "A segment key must be a string that is not empty."
                : $"There is no segment {ErrorText.Quote(key)}.";
            compilation.Errors.Add(new RuleError(keyPointer, missing) { IsIncomplete = key is not null && string.IsNullOrWhiteSpace(key) });
            return null;
        }

        if ((segment.ManualId ?? segment.StoredId) is { } id)
        {
            var lambda = segment.ManualId is null ? access.Stored : access.Manual;
            var isMember = Splice.Body(lambda, scope.Item, scope.Evaluation, Literal<int>.Create(id));
            return Guard(segment, segment.ManualId is null, negate => negate ? Expression.Not(isMember) : isMember);
        }

        return CompileRule(segment, pointer, keyPointer) is { } node ? Guard(segment, isStored: false, node.Emit) : null;
    }

    // A segment's gate holds wherever it is named. What is stored has passed it.
    private Member Guard(SegmentReference segment, bool isStored, Func<bool, Expression> emit)
    {
        if (segment.Gate is not { } lambda || isStored)
        {
            return new Member(segment.Key, emit);
        }

        var gate = compilation.AddGate(lambda, scope.Item);
        return new Member(
            segment.Key, negate => negate ? Splice.Or(emit(true), Expression.Not(gate)) : Splice.And(emit(false), gate));
    }

    // A segment named by another is evaluated in its own time zone. Its errors are reported here, at the key that names it.
    private RuleNode? CompileRule(SegmentReference segment, string pointer, string keyPointer)
    {
        compilation.Size.CountSegment(keyPointer);
        if (compilation.Size.Exhausted || compilation.Size.AreSegmentsTooDeep(scope.SegmentPath.Count + 1, pointer))
        {
            return null;
        }

        if (segment.Rule is not { } rule)
        {
            return null;
        }

        var errors = compilation.Errors.Count;
        var inSegment = compilation.Size.InSegment;
        compilation.Size.InSegment = true;
        var clock = Expression.Call(scope.Evaluation, nameof(Evaluation.In), null, Literal<string>.Create(segment.TimeZone));
        var inner = scope with { Evaluation = clock, SegmentPath = [.. scope.SegmentPath, segment.Key] };
        var node = new GroupCompiler<T>(inner).CompileRoot(rule, "");
        compilation.Size.InSegment = inSegment;
        if (compilation.Errors.Count == errors)
        {
            return node;
        }

        var first = compilation.Errors[errors];
        compilation.Errors.RemoveRange(errors, compilation.Errors.Count - errors);
        compilation.Errors.Add(first is CycleError
            ? new CycleError(pointer, first.Message)
            : new RuleError(keyPointer, $"Segment \"{segment.Key}\" is invalid: {first.Message}"));
        return null;
    }

    private void AddCycle(string key, string pointer)
    {
        var circle = string.Join(" → ", scope.SegmentPath.SkipWhile(k => k != key).Append(key));
        compilation.Errors.Add(new CycleError(pointer, $"Segments may not refer to each other in a circle: {circle}."));
    }

    private static string[] SelectMatched(string[] keys, bool[] matched) => [.. keys.Where((_, i) => matched[i])];

    private sealed record Member(string Key, Func<bool, Expression> Emit);
}
