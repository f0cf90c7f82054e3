namespace Segmentation.Api.Predictions;

/// <summary>
/// What models of lifetime value read of a customer at the end of a day. Occasions are days with at least one order.
/// </summary>
/// <param name="Repeats">x: occasions after the first.</param>
/// <param name="RecencyDays">t_x: days from the first occasion to the last.</param>
/// <param name="AgeDays">T: days from the first occasion to the day.</param>
/// <param name="PaidRepeats">n: occasions after the first whose amounts together are above 0.</param>
/// <param name="MeanAmount">m: their mean amount, six decimals; 0 without any.</param>
internal readonly record struct CustomerPurchases(int Repeats, int RecencyDays, int AgeDays, int PaidRepeats, decimal MeanAmount);

/// <summary>What a model of lifetime value says of a customer, not rounded.</summary>
/// <param name="Alive">P(alive).</param>
/// <param name="Churn">P(no order within the model's <c>churnDays</c>).</param>
/// <param name="Orders30">Expected orders in 30 days.</param>
/// <param name="Orders90">In 90.</param>
/// <param name="Orders365">In 365.</param>
/// <param name="AverageOrderValue">Expected amount of an order; null where amounts have no model.</param>
/// <param name="LifetimeValue">Expected value of twelve months, discounted; null likewise.</param>
internal readonly record struct LifetimeValueScores(
    double Alive, double Churn, double Orders30, double Orders90, double Orders365, double? AverageOrderValue,
    double? LifetimeValue);
