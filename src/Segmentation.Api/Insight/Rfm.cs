using System.Text.Json;
using System.Text.Json.Serialization;

namespace Segmentation.Api.Insight;

/// <summary>Customers with an order, by how recent, how many and how valuable their orders are.</summary>
/// <param name="ComputedAt">The instant of the data that the thresholds are from; null before the first analysis <c>rfm</c>, when nobody
/// has a score.</param>
/// <param name="Customers">How many have an order.</param>
/// <param name="Thresholds">From which values on there are 2, 3, 4 and 5.</param>
/// <param name="Cells">All 25 combinations, the most recent first.</param>
/// <param name="Groups">All eleven groups, the best first.</param>
public sealed record Rfm(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? ComputedAt,
    long Customers,
    RfmScale Thresholds,
    IReadOnlyList<RfmCell> Cells,
    IReadOnlyList<RfmGroupCount> Groups);

/// <summary>
/// The least values that have at least 2, 3, 4 and 5; null where none has: with many equal values scores are skipped, and before the first
/// analysis there are none.
/// </summary>
/// <param name="LastOrderAt">Of recency.</param>
/// <param name="OrderCount">Of frequency.</param>
/// <param name="LifetimeValue">Of monetary value, in account currency.</param>
public sealed record RfmScale(
    IReadOnlyList<DateTimeOffset?> LastOrderAt, IReadOnlyList<int?> OrderCount, IReadOnlyList<decimal?> LifetimeValue);

/// <summary>Customers of one combination of scores.</summary>
/// <param name="Recency">1 to 5.</param>
/// <param name="FrequencyMonetary">1 to 5: the mean of both scores, rounded up from a half.</param>
/// <param name="Group">What they are called.</param>
/// <param name="Customers">How many there are.</param>
/// <param name="LifetimeValue">Their lifetime values' sum, in account currency.</param>
public sealed record RfmCell(int Recency, int FrequencyMonetary, string Group, long Customers, decimal LifetimeValue);

/// <summary>Customers of one group.</summary>
/// <param name="Group">What they are called.</param>
/// <param name="Customers">How many there are.</param>
/// <param name="Share">0 to 1 of all that have an order; 0 where there are none.</param>
/// <param name="LifetimeValue">Their lifetime values' sum, in account currency.</param>
/// <param name="Rule">The rule that they satisfy, to be saved as a segment's.</param>
public sealed record RfmGroupCount(string Group, long Customers, decimal Share, decimal LifetimeValue, JsonElement Rule);
