using System.Linq.Expressions;
using System.Runtime.InteropServices;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Events;

namespace Segmentation.Rules;

/// <summary>
/// Compiles a rule tree into one predicate, or into all its errors: checking is compiling, so the two can't drift apart.
/// </summary>
/// <param name="catalog">The fields that the rule may name.</param>
/// <param name="limits">How large it may be.</param>
/// <param name="segments">Finds a segment by its key for a rule that refers to it; null where rules can't.</param>
public sealed class RuleCompiler<T>(FieldCatalog<T> catalog, RuleLimits limits, Func<string, SegmentReference?>? segments = null)
{
    /// <summary>Compiles a rule. Never throws for what is in it: errors are in the result.</summary>
    /// <param name="rule">The root group.</param>
    /// <param name="self">The key of the segment whose rule this is, so that a cycle through it is found.</param>
    /// <param name="gate">What whoever matches needs besides, whatever the rule says: <c>(T, Evaluation) → bool</c>, never null; null for
    /// nothing. It is no part of the tree, nor of its size.</param>
    public CompiledRule<T> Compile(JsonElement rule, string? self = null, LambdaExpression? gate = null)
    {
        var compilation = new Compilation(limits, typeof(T));
        var item = Expression.Parameter(typeof(T), "c");
        var check = new JsonCheck(compilation);
        check.Check(rule, "");
        var tooLarge = compilation.AddErrorIf(
            Measure(rule) + check.Expansion > limits.MaxBytes, "", $"A rule may have {limits.MaxBytes / 1024} KiB at most.");

        JsonElement? source = tooLarge || check.Unreadable ? null : RuleSpelling.Correct(rule);
        RuleNode? root = null;
        if (source is { } corrected)
        {
            var scope = new RuleScope<T>(
                catalog, compilation, item, compilation.Evaluation, segments, self is null ? [] : [self], DescribeUnknown);
            root = new GroupCompiler<T>(scope).CompileRoot(corrected, "");
        }

        return new CompiledRule<T>(source, root!, item, compilation, gate is null ? null : compilation.AddGate(gate, item));
    }

    // Without blanks between its parts: PostgreSQL puts some in, and what could be saved must be readable.
    private int Measure(JsonElement rule)
    {
        if (rule.ValueKind == JsonValueKind.Undefined)
        {
            return 0;
        }

        var json = JsonMarshal.GetRawUtf8Value(rule);
        if (json.Length <= limits.MaxBytes)
        {
            return json.Length;
        }

        var (size, isInString) = (0, false);
        for (var i = 0; i < json.Length; i++)
        {
            size += isInString || json[i] > (byte)' ' ? 1 : 0;
            if (isInString && json[i] == (byte)'\\')
            {
                i++;
                size++;
            }
            else if (json[i] == (byte)'"')
            {
                isInString = !isInString;
            }
        }

        return size;
    }

    // A name may be that of a field of the events that a field holds.
    private string DescribeUnknown(string name) =>
        catalog.All.FirstOrDefault(f => f.Access is SubqueryAccess<T> events && events.HasField(name)) is { } owner
            ? $"{ErrorText.Quote(name)} belongs inside {owner.Name}."
            : catalog.DescribeUnknown(name);
}
