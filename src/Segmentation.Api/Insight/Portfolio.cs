using System.Text.Json.Serialization;

namespace Segmentation.Api.Insight;

/// <summary>By what a portfolio is sorted, the largest first; what is not known comes last.</summary>
public enum PortfolioSort
{
    /// <summary>By <c>value.value</c>.</summary>
    Value,

    /// <summary>By <c>value.perMember</c>.</summary>
    PerMember,

    /// <summary>By <c>growth.net</c>.</summary>
    Growth,

    /// <summary>By <c>predicted.lifetimeValue</c>.</summary>
    Predicted,

    /// <summary>By <c>atRisk.customers</c>.</summary>
    AtRisk,
}

/// <summary>Every active segment in one table: its size, growth and value.</summary>
/// <param name="Metric">The key of the metric that is the value.</param>
/// <param name="Days">How many days are looked back.</param>
/// <param name="From">The first instant of these days.</param>
/// <param name="AsOf">Their last.</param>
/// <param name="Membership">Whose membership: that which was stored, or the rules'.</param>
/// <param name="Note">What the shares mean.</param>
/// <param name="Everyone">All customers together.</param>
/// <param name="Items">The segments.</param>
/// <param name="NextCursor">Asks for the next page; null on the last.</param>
/// <param name="Warnings">What should be known besides.</param>
public sealed record Portfolio(
    string Metric,
    int Days,
    DateTimeOffset From,
    DateTimeOffset AsOf,
    MembershipSource Membership,
    string Note,
    PortfolioEveryone Everyone,
    IReadOnlyList<PortfolioItem> Items,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? NextCursor,
    IReadOnlyList<InsightWarning> Warnings);

/// <summary>All customers together.</summary>
/// <param name="Members">How many there are.</param>
/// <param name="Value">What they were worth in the period.</param>
/// <param name="Predicted">What they are expected to be worth; null without a model of lifetime value.</param>
public sealed record PortfolioEveryone(
    long Members,
    PortfolioValue Value,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] PortfolioPrediction? Predicted);

/// <summary>A segment in a portfolio.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Name">Its name.</param>
/// <param name="Members">How many are in it at <c>asOf</c>; null where nobody knows.</param>
/// <param name="Share">Of all customers, 0 to 1.</param>
/// <param name="KeptSince">From when on it is stored who was a member; null where nothing ever was.</param>
/// <param name="Growth">Who came and went in the period; null where it began before <c>keptSince</c>.</param>
/// <param name="Value">What those are worth who were in when the period began; null where it began before <c>keptSince</c>.</param>
/// <param name="Predicted">What those are expected to be worth who are in; null without a model of lifetime value.</param>
/// <param name="AtRisk">How many of those who are in are likely to be lost: <c>predicted.aliveProbability</c> below 0.5 and the last order
/// within 365 days, or the members of the segment that <c>atRisk</c> names; null without either.</param>
/// <param name="Position">What to do with it: <c>invest</c> where both <c>value.index</c> and <c>predicted.index</c> are at least 1,
/// <c>grow</c> where only predicted is, <c>protect</c> where only value is, else <c>maintain</c>; null where one of them is.</param>
public sealed record PortfolioItem(
    string Key,
    string Name,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? Members,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Share,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? KeptSince,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] PortfolioGrowth? Growth,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] PortfolioValue? Value,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] PortfolioPrediction? Predicted,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] PortfolioRisk? AtRisk,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] PortfolioPosition? Position);

/// <summary>Who came and went.</summary>
/// <param name="Days">In how many days.</param>
/// <param name="Joined">How often a customer joined (of <c>membership=rule</c>: how many are in who were not).</param>
/// <param name="Left">How often a customer left (of <c>membership=rule</c>: how many were in who are not).</param>
/// <param name="Net">joined - left.</param>
/// <param name="Rate">net by how many were in at the beginning; null where nobody was.</param>
public sealed record PortfolioGrowth(
    int Days, long Joined, long Left, long Net, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Rate);

/// <summary>What a group is worth by the metric.</summary>
/// <param name="Value">The total; of a conversion how many customers; of a ratio the quotient of the totals.</param>
/// <param name="PerMember">value by how many they are; of a ratio its value. Null where they are none.</param>
/// <param name="Share">Of everyone's total; null where that is 0, and of a ratio.</param>
/// <param name="Index">perMember by everyone's; null where that is 0.</param>
public sealed record PortfolioValue(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Value,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? PerMember,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Share,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Index);

/// <summary>What a group is expected to be worth: by <c>predicted.lifetimeValue</c>, that of who has none being 0.</summary>
/// <param name="LifetimeValue">All of them together.</param>
/// <param name="PerMember">Each on average; null where there are none.</param>
/// <param name="Index">perMember by everyone's; null where one of them is null, or everyone's is 0.</param>
public sealed record PortfolioPrediction(
    double LifetimeValue,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? PerMember,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Index);

/// <summary>Who is likely to be lost.</summary>
/// <param name="Customers">How many.</param>
/// <param name="Share">Of the segment's members, 0 to 1; null where there are none.</param>
/// <param name="LifetimeValue">What they are expected to be worth; null without a model of lifetime value.</param>
public sealed record PortfolioRisk(
    long Customers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Share,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? LifetimeValue);

/// <summary>What to do with a segment.</summary>
public enum PortfolioPosition { Invest, Grow, Protect, Maintain }
