namespace Segmentation.Models.Purchases;

/// <summary>What models of purchases know of a customer: days with an order. Times are in any one unit, from the first order on.</summary>
/// <param name="Repeats">x: how many such days there are after the first, from 0.</param>
/// <param name="Last">t_x: the time from the first to the last of them; 0 without repeats.</param>
/// <param name="Age">T: the time from the first to now, at least <paramref name="Last"/>.</param>
public readonly record struct PurchaseHistory(double Repeats, double Last, double Age);
