using System.Linq.Expressions;
using System.Text;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;

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
    public CompiledRule<T> Compile(JsonElement rule, string? self = null)
    {
        var compilation = new Compilation(limits, typeof(T));
        var item = Expression.Parameter(typeof(T), "c");
        var check = new JsonCheck(compilation);
        check.Check(rule, "");
        var size = rule.ValueKind == JsonValueKind.Undefined ? 0 : Encoding.UTF8.GetByteCount(rule.GetRawText());
        var tooLarge = compilation.AddErrorIf(size > limits.MaxBytes, "", $"A rule may have {limits.MaxBytes / 1024} KiB at most.");

        RuleNode? root = null;
        if (!tooLarge && !check.Unreadable)
        {
            var scope = new RuleScope<T>(catalog, compilation, item, compilation.Evaluation, segments, self is null ? [] : [self]);
            root = new GroupCompiler<T>(scope).CompileRoot(rule, "");
        }

        return new CompiledRule<T>(root!, item, compilation);
    }
}
