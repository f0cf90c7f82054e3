using System.Text.Json;

namespace Segmentation.Api.Customers;

/// <summary>
/// What is reckoned of a customer from its events: for everybody once a day, and of one soon after its own events. Beside the customer, so
/// that writing a million of them touches no profile.
/// </summary>
public sealed class CustomerScores
{
    public long CustomerKey { get; set; }

    /// <summary>The day whose scores they are: models count in whole days.</summary>
    public DateOnly ScoredOn { get; set; }

    /// <summary>The version of the model of lifetime value; null without one, or without an order.</summary>
    public int? Version { get; set; }

    /// <summary>Days since the last active day by the mean days between active days; null below four of these.</summary>
    public decimal? Silence { get; set; }

    /// <summary>The probability that further orders are to come at all.</summary>
    public decimal? AliveProbability { get; set; }

    /// <summary>The probability that no order comes within the model's <c>churnDays</c>.</summary>
    public decimal? ChurnRisk { get; set; }

    /// <summary>Expected orders in 30 days.</summary>
    public decimal? Orders30 { get; set; }

    /// <summary>Expected orders in 90 days.</summary>
    public decimal? Orders90 { get; set; }

    /// <summary>Expected orders in 365 days.</summary>
    public decimal? Orders365 { get; set; }

    /// <summary>Expected amount of an order.</summary>
    public decimal? AverageOrderValue { get; set; }

    /// <summary>Expected value of the next twelve months, discounted.</summary>
    public decimal? LifetimeValue { get; set; }

    /// <summary>100 × those with a smaller expected value / (those with one − 1), when it was scored.</summary>
    public decimal? ValuePercentile { get; set; }

    /// <summary>The probabilities of the models of propensity, by their keys; null without any.</summary>
    public JsonElement? Propensities { get; set; }

    /// <summary>What the model of lifetime value was asked: days with an order after the first.</summary>
    public int? Repeats { get; set; }

    /// <summary>Days from the first day with an order to the last.</summary>
    public int? RecencyDays { get; set; }

    /// <summary>Days from the first day with an order to the day of scoring.</summary>
    public int? AgeDays { get; set; }

    /// <summary>Days with orders after the first whose amount together is above 0.</summary>
    public int? PaidRepeats { get; set; }

    /// <summary>The mean amount of such a day; 0 without any.</summary>
    public decimal? MeanAmount { get; set; }
}
