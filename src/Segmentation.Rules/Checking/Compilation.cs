using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Time;

namespace Segmentation.Rules.Checking;

/// <summary>What one compilation shares: the errors, the sizes that have limits, and the tests of what the clock may change.</summary>
internal sealed class Compilation
{
    public Compilation(RuleLimits limits, Type itemType)
    {
        Limits = limits;
        ItemType = itemType;
        Size = new RuleSize(this);
    }

    public RuleLimits Limits { get; }

    /// <summary>What the rule is about; events that belong to it are another scope's.</summary>
    public Type ItemType { get; }

    public RuleSize Size { get; }

    public List<RuleError> Errors { get; } = [];

    public ParameterExpression Evaluation { get; } = Expression.Parameter(typeof(Evaluation), "x");

    /// <summary>The evaluation of an earlier instant, in <see cref="Transitions"/>.</summary>
    public ParameterExpression From { get; } = Expression.Parameter(typeof(Evaluation), "from");

    /// <summary>The evaluation of a later instant, in <see cref="Transitions"/>.</summary>
    public ParameterExpression To { get; } = Expression.Parameter(typeof(Evaluation), "to");

    /// <summary>Tests of what the clock may change between those two, of the whole tree.</summary>
    public List<Expression> Transitions { get; } = [];

    /// <summary>Whether the rule reads an item's own time of day, which can change at every full quarter of an hour.</summary>
    public bool ReadsLocalTime { get; private set; }

    public Expression? FindTransition(Expression test)
    {
        ReadsLocalTime |= TimeTransitions.ReadsLocalTime(test);
        return TimeTransitions.Find(test, Evaluation, From, To);
    }

    /// <summary>What a gate tests; what the clock changes of it is added to <see cref="Transitions"/>.</summary>
    /// <param name="gate"><c>(T, Evaluation) → bool</c>.</param>
    public Expression AddGate(LambdaExpression gate, Expression item)
    {
        // It reads no time zone, so that it is the same on any segment's clock.
        var test = Splice.Body(gate, item, Evaluation);
        if (FindTransition(test) is { } transition)
        {
            Transitions.Add(transition);
        }

        return test;
    }

    public void AddError(string pointer, string message) => Errors.Add(new RuleError(pointer, message));

    /// <summary>Adds the error of a value that is yet to be filled in.</summary>
    public void AddIncomplete(string pointer, string message) =>
        Errors.Add(new RuleError(pointer, message) { IsIncomplete = true });

    /// <summary>Adds the error if there is a fault, and returns whether there is.</summary>
    public bool AddErrorIf(bool fault, string pointer, string message)
    {
        if (fault)
        {
            AddError(pointer, message);
        }

        return fault;
    }

    /// <summary>Adds an error for each property of an object that is not known.</summary>
    /// <param name="value">The object.</param>
    /// <param name="pointer">Where it is.</param>
    /// <param name="owner">What it is: "a group".</param>
    /// <param name="known">The names that it may have.</param>
    public void CheckPropertyNames(JsonElement value, string pointer, string owner, string[] known)
    {
        foreach (var property in value.EnumerateObject().Where(p => !known.Contains(p.Name, StringComparer.Ordinal)))
        {
            AddError(RuleError.Below(pointer, property.Name), ErrorText.DescribeUnknownProperty(property.Name, owner, known));
        }
    }
}
