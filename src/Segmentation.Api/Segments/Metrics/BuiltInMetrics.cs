using System.Text.Json;
using Segmentation.Api.Events;

namespace Segmentation.Api.Segments;

/// <summary>THE table of metrics that are always there. Nobody can change them.</summary>
public sealed class BuiltInMetrics
{
    /// <summary>The metric where neither a request nor the segment names one.</summary>
    public const string Default = "revenue";

    private static readonly JsonElement any = JsonElement.Parse("""{"combinator":"and","rules":[]}""");

    private static readonly JsonElement felt = JsonElement.Parse(
        """{"combinator":"and","rules":[{"field":"sentiment","operator":"notNull"}]}""");

    public BuiltInMetrics(RevenueOptions revenue)
    {
        var orders = JsonSerializer.SerializeToElement(new
        {
            combinator = "and",
            rules = new[] { new { field = "type", @operator = "in", value = revenue.OrderTypes } },
        });
        All = new MetricResource[]
        {
            new() { Key = "active", Name = "Active customers", Kind = MetricKind.Conversion, Event = any },
            new() { Key = "buyers", Name = "Buyers", Kind = MetricKind.Conversion, Event = orders },
            new() { Key = "orders", Name = "Orders", Kind = MetricKind.Count, Event = orders },
            new()
            {
                Key = Default,
                Name = "Revenue: orders less refunds",
                Kind = MetricKind.Sum,
                Event = orders,
                Of = MetricEvents.Amount,
                Cap = new MetricCap(MetricCap.DefaultPercentile),
                Revenue = revenue,
            },
            new()
            {
                Key = "averageOrderValue",
                Name = "Average order value",
                Kind = MetricKind.Ratio,
                Event = orders,
                Of = MetricEvents.Amount,
                Denominator = new MetricDenominator(orders),
            },
            new()
            {
                Key = "sentiment",
                Name = "Average sentiment of feedback",
                Kind = MetricKind.Ratio,
                Event = felt,
                Of = MetricEvents.Sentiment,
                Denominator = new MetricDenominator(felt),
            },
        }.Select(m => m with { Goal = MetricGoal.Increase, BuiltIn = true }).ToDictionary(m => m.Key!, StringComparer.Ordinal);
    }

    /// <summary>By key.</summary>
    public IReadOnlyDictionary<string, MetricResource> All { get; }
}
