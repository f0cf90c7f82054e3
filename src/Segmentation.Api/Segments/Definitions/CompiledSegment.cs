using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>A stored segment, compiled for loaded customers.</summary>
public sealed class CompiledSegment
{
    private readonly CompiledRule<Customer> whole;
    private readonly Lazy<Func<Customer, Evaluation, bool>> contains;

    internal CompiledSegment(SegmentDefinition segment, DefinitionSet definitions, bool historical)
    {
        whole = definitions.Compile(segment, Backend.Memory, historical);
        if (segment.Rule is { } rule)
        {
            Rule = whole;
            NeedsRank = RuleReferences.Fields(rule).Contains("value.percentile")
                || RuleReferences.Segments(rule)
                    .Any(k => k != segment.Key && Rule.IsValid && definitions.Compile(definitions.Segments[k], historical).NeedsRank);
        }

        contains = new(() => whole.IsValid ? whole.ToFunc() : (_, _) => false);
    }

    /// <summary>The checked rule; null for a manual segment.</summary>
    public CompiledRule<Customer>? Rule { get; }

    /// <summary>Whether it reads a percentile, which needs more than the customer's own data.</summary>
    public bool NeedsRank { get; }

    /// <summary>Why it can't be evaluated, and so matches nobody; pointers are relative to the rule.</summary>
    public IReadOnlyList<RuleError> Errors => Rule?.Errors ?? [];

    public bool Contains(Customer customer, Evaluation at) => contains.Value(customer, at);
}
