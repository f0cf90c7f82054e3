namespace Segmentation.Models.Statistics;

/// <summary>How well probabilities that were told hold against what came.</summary>
/// <param name="Customers">How many were told.</param>
/// <param name="BaseRate">The share to whom it happened, 0 to 1.</param>
/// <param name="Brier">The mean squared difference of probability and outcome: 0 is perfect.</param>
/// <param name="BaseBrier">What that is of whoever tells everyone the base rate.</param>
/// <param name="LogLoss">The mean of −ln of the probability told to what happened; probabilities are cut at 1e-15.</param>
/// <param name="Auc">How often one to whom it happened was told more than one to whom it did not, with DeLong's interval; null where there
/// are not two of each.</param>
/// <param name="Bins">At most ten of equal size, by probability; equal ones are in one, so that with many there are fewer.</param>
public sealed record Calibration(
    long Customers, double BaseRate, double Brier, double BaseBrier, double LogLoss, Superiority? Auc, IReadOnlyList<CalibrationBin> Bins)
{
    private const int MostBins = 10;
    private const double Least = 1e-15;

    /// <summary>Measures.</summary>
    /// <param name="told">Probabilities, with how many were told it, and to how many of these it happened; at least one.</param>
    public static Calibration Measure(IEnumerable<(double Probability, long Customers, long Happened)> told)
    {
        var all = told.GroupBy(t => t.Probability)
            .Select(g => (Probability: g.Key, Customers: g.Sum(t => t.Customers), Happened: g.Sum(t => t.Happened)))
            .OrderBy(t => t.Probability).ToList();
        var (customers, happened) = (all.Sum(t => t.Customers), all.Sum(t => t.Happened));
        var rate = (double)happened / customers;
        double squares = 0, losses = 0;
        long below = 0;
        var bins = new List<List<(double Probability, long Customers, long Happened)>>();
        var last = -1;
        foreach (var (p, n, k) in all)
        {
            squares += (k * (1 - p) * (1 - p)) + ((n - k) * p * p);
            losses -= (k * Math.Log(Math.Max(p, Least))) + ((n - k) * Math.Log(Math.Max(1 - p, Least)));
            var bin = (int)(MostBins * below / customers);
            if (bin != last)
            {
                bins.Add([]);
                last = bin;
            }

            bins[^1].Add((p, n, k));
            below += n;
        }

        return new Calibration(
            customers, rate, squares / customers, rate * (1 - rate), losses / customers,
            Superiority.Compare([.. all.Select(t => (t.Happened, t.Customers - t.Happened))]), [.. bins.Select(CalibrationBin.Create)]);
    }
}

/// <summary>Customers who were told about the same.</summary>
/// <param name="From">The least probability.</param>
/// <param name="To">The greatest.</param>
/// <param name="Customers">How many they are.</param>
/// <param name="Expected">The mean probability.</param>
/// <param name="Actual">The share to whom it happened.</param>
public sealed record CalibrationBin(double From, double To, long Customers, double Expected, double Actual)
{
    internal static CalibrationBin Create(List<(double Probability, long Customers, long Happened)> told)
    {
        double customers = told.Sum(t => t.Customers);
        return new(
            told[0].Probability, told[^1].Probability, (long)customers, told.Sum(t => t.Probability * t.Customers) / customers,
            told.Sum(t => t.Happened) / customers);
    }
}
