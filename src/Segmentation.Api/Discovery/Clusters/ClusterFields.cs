using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Discovery;

/// <summary>By which fields customers are grouped: those that a profile compares.</summary>
internal sealed class ClusterFields(
    FieldCatalog<Customer> catalog, DefinitionSet all, SegmentDefinition? within, RevenueOptions revenue, Func<Field, bool> readsCustomer)
{
    // They follow from other fields, which would count twice.
    private static readonly string[] Scores = ["predicted.", "value.rfm"];

    /// <summary>As a profile chooses them.</summary>
    public ProfileFields Profile { get; } = new(catalog, all, within is null ? [] : [within], revenue, readsCustomer);

    /// <summary>All that can be chosen, in the catalog's order.</summary>
    public IEnumerable<Field> All => catalog.All.Where(f => Profile.Values.Contains(f) || Profile.Sets.Contains(f)
        || Profile.Numbers.Contains(f));

    /// <summary>Those that are chosen, in the catalog's order.</summary>
    /// <param name="named">Those that a request names; null for all but scores and what is a function of another.</param>
    public IReadOnlyList<Field> Choose(IReadOnlyList<string>? named) => named is not null
        ? [.. All.Where(f => named.Contains(f.Name))]
        : [.. All.Where(f => !Scores.Any(s => f.Name.StartsWith(s, StringComparison.Ordinal)) && ProfileKin.Find(f.Name) == f.Name)];
}
