using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Checking;

/// <summary>Compiles groups, and what is in them, over one scope.</summary>
internal sealed class GroupCompiler<T>(RuleScope<T> scope)
{
    private readonly Compilation compilation = scope.Compilation;
    private readonly LeafCompiler<T> leaves = new(scope);

    /// <summary>Compiles the group that a tree starts with; null where it has errors.</summary>
    /// <param name="rule">The group.</param>
    /// <param name="pointer">Where it is.</param>
    /// <param name="depth">How deep it is in the whole tree, 1 for the root.</param>
    public RuleNode? CompileRoot(JsonElement rule, string pointer, int depth = 1)
    {
        if (!NodeJson.IsGroup(rule))
        {
            if (!HasOtherRules(rule, pointer))
            {
                const string fault = "A rule tree starts with a group: {\"combinator\":\"and\",\"rules\":[…]}.";
                compilation.Errors.Add(new RuleError(pointer, fault) { IsIncomplete = rule.ValueKind == JsonValueKind.Undefined });
            }

            return null;
        }

        var root = CompileGroup(rule, pointer, depth);
        if (root is { Muted: true })
        {
            compilation.AddError(pointer, "The root is muted: nothing would be left to evaluate.");
        }

        return root;
    }

    private RuleNode? CompileNode(JsonElement node, string pointer, int depth)
    {
        if (NodeJson.IsGroup(node))
        {
            return CompileGroup(node, pointer, depth + 1);
        }

        if (NodeJson.IsRule(node))
        {
            return leaves.Compile(node, pointer, depth);
        }

        if (!HasOtherRules(node, pointer))
        {
            compilation.AddError(pointer, "A node is a group (an object with \"rules\") or a rule (an object with \"field\").");
        }

        return null;
    }

    // A group that is meant to be one.
    private bool HasOtherRules(JsonElement node, string pointer)
    {
        var rules = NodeJson.Find(node, "rules");
        return compilation.AddErrorIf(
            rules.ValueKind != JsonValueKind.Undefined, $"{pointer}/rules", ErrorText.DescribeMismatch("rules", "a list", rules));
    }

    private RuleNode? CompileGroup(JsonElement node, string pointer, int depth)
    {
        compilation.CheckPropertyNames(node, pointer, "a group", NodeJson.GroupProperties);
        if (compilation.Size.IsTooDeep(depth, pointer))
        {
            return null;
        }

        var not = NodeJson.ReadFlag(node, "not", pointer, compilation);
        var muted = NodeJson.ReadFlag(node, "muted", pointer, compilation);
        var isAnd = ReadCombinator(node, pointer);
        var list = node.GetProperty("rules");
        var children = new List<RuleNode>();
        var index = 0;
        foreach (var child in list.EnumerateArray())
        {
            if (compilation.Size.Exhausted)
            {
                return null;
            }

            if (CompileNode(child, $"{pointer}/rules/{index++}", depth) is { } compiled)
            {
                children.Add(compiled);
            }
        }

        if (index > 0 && list.EnumerateArray().All(NodeJson.IsMuted))
        {
            compilation.AddError(
                pointer, "Everything in this group is muted, so it would match everyone. Mute the group itself, or leave one rule.");
        }

        return Join(node, children, isAnd, not, muted);
    }

    private bool ReadCombinator(JsonElement node, string pointer)
    {
        var combinator = NodeJson.Find(node, "combinator");
        if (combinator.ValueKind == JsonValueKind.String && combinator.GetString() is "and" or "or")
        {
            return combinator.ValueEquals("and");
        }

        compilation.AddError($"{pointer}/combinator", ErrorText.DescribeMismatch("combinator", "\"and\" or \"or\"", combinator));
        return true;
    }

    private RuleNode Join(JsonElement node, List<RuleNode> children, bool isAnd, bool not, bool muted)
    {
        var active = children.Where(c => !c.Muted).ToList();
        var joined = active.Count switch
        {
            0 => scope.Anything,
            1 => active[0].Description,
            _ => string.Join(isAnd ? " and " : " or ", active.Select(c => c.Grouped)),
        };
        var compound = !not && (active.Count > 1 || active is [{ Compound: true }]);
        var description = !not ? joined : active.Count == 0 ? scope.Nothing : $"not ({joined})";
        return new RuleNode(node, muted, description, children, Emit, null, compound);

        Expression Emit(bool negate)
        {
            // De Morgan: the complement of "and" is the "or" of the complements.
            var complement = negate != not;
            if (active.Count == 0)
            {
                return Splice.Truth(!complement);
            }

            Expression[] parts = [.. active.Select(c => c.Emit(complement))];
            return isAnd != complement ? Splice.And(parts) : Splice.Or(parts);
        }
    }
}
