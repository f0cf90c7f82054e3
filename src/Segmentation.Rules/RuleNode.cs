using System.Linq.Expressions;
using System.Text.Json;

namespace Segmentation.Rules;

/// <summary>A node of a checked rule: a group with children, or a rule.</summary>
public sealed class RuleNode
{
    private readonly Func<bool, Expression> emit;

    internal RuleNode(
        JsonElement source,
        bool muted,
        string description,
        IReadOnlyList<RuleNode> children,
        Func<bool, Expression> emit,
        Expression? actual,
        bool compound = false)
    {
        Source = source;
        Muted = muted;
        Description = description;
        Children = children;
        this.emit = emit;
        Actual = actual;
        Compound = compound;
    }

    /// <summary>The original node.</summary>
    public JsonElement Source { get; }

    /// <summary>Whether it is left out of the predicate.</summary>
    public bool Muted { get; }

    /// <summary>The node in plain English.</summary>
    public string Description { get; }

    /// <summary>A group's nodes, in order; empty for a rule.</summary>
    public IReadOnlyList<RuleNode> Children { get; }

    /// <summary>What the rule tests: the customer's value, a count, an aggregate. Null for groups.</summary>
    internal Expression? Actual { get; }

    /// <summary>Whether the description joins several, by "and", "or" or "where".</summary>
    internal bool Compound { get; }

    /// <summary>The description as one thing within another.</summary>
    internal string Grouped => Compound ? $"({Description})" : Description;

    /// <summary>The node as an expression that is never null; its exact complement with <paramref name="negate"/>.</summary>
    internal Expression Emit(bool negate) => emit(negate);
}
