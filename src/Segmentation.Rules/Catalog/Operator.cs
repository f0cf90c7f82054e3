using System.Linq.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Catalog;

/// <summary>
/// How many values an operator needs. Only <c>List</c> and <c>Range</c> take a builder's text with commas for several; <c>OneOrMany</c>
/// takes a text for one value, whatever is in it, and a JSON list for several.
/// </summary>
public enum Arity { None, One, OneOrMany, List, Range }

/// <summary>An operator on some types of field, and its exact complement.</summary>
/// <param name="Name">As written in a rule.</param>
/// <param name="Label">Reads on after a field's label: "is one of".</param>
/// <param name="Negative">The complement's name; null where the language has none.</param>
/// <param name="NegativeLabel">The complement's label; null where it has no name.</param>
/// <param name="Arity">How many values it needs.</param>
/// <param name="Types">The types of field it is for.</param>
public sealed record Operator(string Name, string Label, string? Negative, string? NegativeLabel, Arity Arity, params FieldType[] Types)
{
    /// <summary>Whether blanks around its text are part of it: it asks for a piece of a text, not for a whole one.</summary>
    internal bool KeepsBlanks { get; init; }

    /// <summary>True where the rule holds; the complement is written out, since an index serves no NOT.</summary>
    internal Func<Comparand, Operands, Expression> Holds { get; init; } = (_, _) => throw new NotSupportedException();

    internal Func<Comparand, Operands, Expression> Fails { get; init; } = (_, _) => throw new NotSupportedException();
}
