namespace Segmentation.Models.Purchases;

/// <summary>What a customer is expected to do and to be worth. Times of its histories are in weeks.</summary>
/// <param name="Frequency">How often customers buy, and when they stop.</param>
/// <param name="Spend">How much they spend; null where that can't be told: then no amount is.</param>
/// <param name="ChurnDays">Without an order for so long a customer has churned.</param>
/// <param name="DiscountRate">What the same is worth less in a year, from 0: 0.1 is 10 %.</param>
/// <param name="Margin">The share of an amount that is earned, above 0.</param>
/// <param name="NetFactor">The share of amounts that is not refunded, 0 to 1.</param>
public sealed record LifetimeValueModel(
    FrequencyModel Frequency, SpendModel? Spend, int ChurnDays, double DiscountRate, double Margin, double NetFactor)
{
    /// <summary>Days in a week, the unit of the models' times.</summary>
    public const double Week = 7;

    private const double MonthDays = 30.4375;
    private const int Months = 12;

    /// <summary>Scores a customer.</summary>
    /// <param name="h">Its days with an order.</param>
    /// <param name="count">How many of those after the first have an amount above 0.</param>
    /// <param name="mean">The mean of these amounts.</param>
    public LifetimeScore Score(PurchaseHistory h, double count, double mean)
    {
        var amount = Spend?.Expect(count, mean);
        return new LifetimeScore(
            Frequency.Alive(h), Frequency.None(h, ChurnDays / Week), Frequency.Orders(h, 30 / Week), Frequency.Orders(h, 90 / Week),
            Frequency.Orders(h, 365 / Week), amount, amount is { } each ? SumOrders(h) * each * NetFactor * Margin : null);
    }

    // A year's expected orders, each month's discounted to today.
    private double SumOrders(PurchaseHistory h)
    {
        double sum = 0, before = 0;
        for (var month = 1; month <= Months; month++)
        {
            var orders = Frequency.Orders(h, month * MonthDays / Week);
            sum += (orders - before) / Math.Pow(1 + DiscountRate, month / (double)Months);
            before = orders;
        }

        return sum;
    }
}

/// <summary>A customer's score.</summary>
/// <param name="Alive">The probability that it has not stopped buying.</param>
/// <param name="ChurnRisk">The probability of no order within the days that make a churned customer.</param>
/// <param name="Orders30">Orders expected within 30 days.</param>
/// <param name="Orders90">Within 90.</param>
/// <param name="Orders365">Within 365.</param>
/// <param name="AverageOrderValue">The amount expected of its next orders, gross; null where amounts can't be told.</param>
/// <param name="LifetimeValue">What it is worth within twelve months: net of refunds, times margin, discounted; null likewise.</param>
public readonly record struct LifetimeScore(
    double Alive, double ChurnRisk, double Orders30, double Orders90, double Orders365, double? AverageOrderValue, double? LifetimeValue);
