using Segmentation.Rules.Values;

namespace Segmentation.Api.Events;

/// <summary>Setting <c>Revenue</c>: which events make up the <c>value.*</c> fields. Compared without regard to case.</summary>
public sealed class RevenueOptions
{
    /// <summary>Types whose amounts are orders.</summary>
    public string[] OrderTypes { get; set { field = [.. value.Select(CaseNormalizer.Normalize)!]; } } = ["order_completed"];

    /// <summary>Types whose amounts, whatever their sign, lower the lifetime value.</summary>
    public string[] RefundTypes { get; set { field = [.. value.Select(CaseNormalizer.Normalize)!]; } } = ["order_refunded"];
}
