using System.Linq.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Catalog;

/// <summary>How many values an operator needs.</summary>
public enum Arity { None, One, List, Range }

/// <summary>An operator on some types of field, and its exact complement.</summary>
/// <param name="Name">As written in a rule.</param>
/// <param name="Label">Reads on after a field's label: "is one of".</param>
/// <param name="Negative">The complement's name; null where the language has none.</param>
/// <param name="NegativeLabel">The complement's label, which descriptions need in any case.</param>
/// <param name="Arity">How many values it needs.</param>
/// <param name="Types">The types of field it is for.</param>
public sealed record Operator(string Name, string Label, string? Negative, string NegativeLabel, Arity Arity, params FieldType[] Types)
{
    /// <summary>True where the rule holds; the complement is written out, since an index serves no NOT.</summary>
    internal Func<Comparand, Operands, Expression> Holds { get; init; } = (_, _) => throw new NotSupportedException();

    internal Func<Comparand, Operands, Expression> Fails { get; init; } = (_, _) => throw new NotSupportedException();
}
