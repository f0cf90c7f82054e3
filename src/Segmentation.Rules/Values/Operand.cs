using System.Linq.Expressions;

namespace Segmentation.Rules.Values;

/// <summary>A rule's value as expressions: a date-only value is a span of instants, any other has one.</summary>
internal sealed record Operand(Expression From, Expression To)
{
    public Operand(Expression only) : this(only, only)
    {
    }

    public bool IsSpan => From != To;
}

/// <summary>A list of values; <paramref name="Array"/> where they can be bound as one parameter.</summary>
internal sealed record ManyOperands(IReadOnlyList<Operand> Each, Expression? Array)
{
    /// <summary>Those that are numbers past what a decimal holds, as strings of digits.</summary>
    public ManyOperands? Large { get; init; }
}

/// <summary>The bounds of a yearly window as month × 100 + day.</summary>
internal sealed record YearlyWindow(Operand FirstLow, Operand FirstHigh, Operand SecondHigh, bool CanCross);

/// <summary>The values of a rule, as many as its operator's arity.</summary>
internal sealed record Operands
{
    public Operand One { get; init; } = null!;

    public Operand Low => One;

    public Operand High { get; init; } = null!;

    public ManyOperands Many { get; init; } = null!;

    public YearlyWindow Window { get; init; } = null!;

    public Area Area { get; init; } = null!;
}
