using Segmentation.Api.Insight;
using Segmentation.Models.Clusters;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Discovery;

/// <summary>A field of the customers who are grouped.</summary>
/// <param name="Field">The field.</param>
/// <param name="Values">What they have of it.</param>
/// <param name="Bounds">Of numbers, what <see cref="NumberField.Cuts"/> are in rules.</param>
/// <param name="Names">Of values and elements, how most spell them.</param>
internal sealed record GroupedField(
    Field Field, ClusterField Values, IReadOnlyList<ProfileBound> Bounds, IReadOnlyList<string> Names)
{
    /// <summary>Whether somebody differs from somebody.</summary>
    public bool IsVaried => Values switch
    {
        NumberField { Values: var numbers } => Array.Exists(numbers, n => !n.Equals(numbers[0])),
        ValueField { Values: var values } => Array.Exists(values, v => v != values[0]),
        SetField { Elements: var elements } => Array.Exists(elements, e => e != elements[0]),
        _ => false,
    };

    /// <summary>Whether it can be missing at all, whoever comes.</summary>
    public bool CanBeMissing => Field.Access switch
    {
        ScalarAccess { Value.ReturnType: var type } => !type.IsValueType || Nullable.GetUnderlyingType(type) is not null,
        _ => true,
    };
}
