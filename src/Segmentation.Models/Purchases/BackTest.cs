using Segmentation.Models.Statistics;

namespace Segmentation.Models.Purchases;

/// <summary>A customer of a back-test: what was known at its cut, and what came after it.</summary>
/// <param name="History">As of the cut.</param>
/// <param name="Count">How many amounts are known of it then, for the model of spend.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="Orders">Days with an order that came.</param>
/// <param name="Amount">Their amounts' sum, gross.</param>
public readonly record struct BackTestCustomer(PurchaseHistory History, int Count, double Mean, int Orders, double Amount);

/// <summary>A model held against what came after the time that it was fitted on.</summary>
/// <param name="Customers">Those who had an order before.</param>
/// <param name="Orders">Days with an order: expected and actual.</param>
/// <param name="Revenue">Gross amounts; null where the model tells none.</param>
/// <param name="ByFrequency">By repeated orders before: 0 to 6, then 7 and more.</param>
/// <param name="Calibration">Of the probability of an order.</param>
/// <param name="MeanAbsoluteError">Of a customer's expected orders.</param>
/// <param name="OwnRateError">The same of whoever expects each customer to go on at its own rate, x / T.</param>
public sealed record BackTest(
    long Customers, Outcome Orders, Outcome? Revenue, IReadOnlyList<FrequencyOutcome> ByFrequency, Calibration Calibration,
    double MeanAbsoluteError, double OwnRateError)
{
    private const int MostFrequency = 7;

    /// <summary>Holds a model against what came.</summary>
    /// <param name="frequency">Fitted on what was known at the cut.</param>
    /// <param name="spend">Likewise; null where there is none.</param>
    /// <param name="customers">At least one.</param>
    /// <param name="time">From the cut to the end.</param>
    public static BackTest Run(FrequencyModel frequency, SpendModel? spend, IReadOnlyList<BackTestCustomer> customers, double time)
    {
        var told = new Dictionary<PurchaseHistory, Told>();
        double error = 0, ownError = 0, expectedRevenue = 0, actualRevenue = 0;
        foreach (var customer in customers)
        {
            var history = customer.History;
            if (!told.TryGetValue(history, out var group))
            {
                told.Add(history, group = new Told(frequency.Orders(history, time), 1 - frequency.None(history, time)));
            }

            group.Customers++;
            group.Buyers += customer.Orders > 0 ? 1 : 0;
            group.Actual += customer.Orders;
            error += Math.Abs(group.Orders - customer.Orders);
            ownError += Math.Abs((history.Age > 0 ? history.Repeats / history.Age * time : 0) - customer.Orders);
            expectedRevenue += spend is null ? 0 : group.Orders * spend.Expect(customer.Count, customer.Mean);
            actualRevenue += customer.Amount;
        }

        var byFrequency = told.GroupBy(t => Math.Min(t.Key.Repeats, MostFrequency)).OrderBy(g => g.Key)
            .Select(g => new FrequencyOutcome(
                (int)g.Key, g.Sum(t => t.Value.Customers), g.Sum(t => t.Value.Orders * t.Value.Customers), g.Sum(t => t.Value.Actual)))
            .ToList();
        return new BackTest(
            customers.Count,
            new Outcome(byFrequency.Sum(f => f.Expected), byFrequency.Sum(f => f.Actual)),
            spend is null ? null : new Outcome(expectedRevenue, actualRevenue),
            byFrequency,
            Calibration.Measure(told.Values.Select(t => (t.Probability, t.Customers, t.Buyers))),
            error / customers.Count,
            ownError / customers.Count);
    }

    /// <summary>The orders expected until each of some times, of all customers together.</summary>
    public static double[] Expect(FrequencyModel frequency, IEnumerable<BackTestCustomer> customers, double[] times)
    {
        var sums = new double[times.Length];
        foreach (var group in customers.GroupBy(c => c.History))
        {
            var count = group.Count();
            for (var i = 0; i < times.Length; i++)
            {
                sums[i] += count * frequency.Orders(group.Key, times[i]);
            }
        }

        return sums;
    }

    private sealed class Told(double orders, double probability)
    {
        public double Orders => orders;
        public double Probability => probability;
        public long Customers { get; set; }
        public long Buyers { get; set; }
        public long Actual { get; set; }
    }
}

/// <summary>What was expected, and what came.</summary>
public sealed record Outcome(double Expected, double Actual);

/// <summary>The same of customers with as many repeated orders before.</summary>
/// <param name="Frequency">0 to 6; 7 is 7 and more.</param>
/// <param name="Customers">How many they are.</param>
/// <param name="Expected">Days with an order that were expected.</param>
/// <param name="Actual">Those that came.</param>
public sealed record FrequencyOutcome(int Frequency, long Customers, double Expected, double Actual);
