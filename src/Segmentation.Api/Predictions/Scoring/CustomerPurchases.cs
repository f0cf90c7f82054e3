using Segmentation.Models.Purchases;

namespace Segmentation.Api.Predictions;

/// <summary>
/// What models of lifetime value read of a customer at the end of a day. Occasions are days with at least one order.
/// </summary>
/// <param name="Repeats">x: occasions after the first.</param>
/// <param name="RecencyDays">t_x: days from the first occasion to the last.</param>
/// <param name="AgeDays">T: days from the first occasion to the day.</param>
/// <param name="PaidRepeats">n: occasions after the first whose amounts together are above 0.</param>
/// <param name="MeanAmount">m: their mean amount, six decimals; 0 without any.</param>
internal readonly record struct CustomerPurchases(int Repeats, int RecencyDays, int AgeDays, int PaidRepeats, decimal MeanAmount)
{
    /// <summary>The same in weeks, as the formulas have it.</summary>
    public PurchaseHistory History => new(Repeats, RecencyDays / LifetimeValueModel.Week, AgeDays / LifetimeValueModel.Week);
}
