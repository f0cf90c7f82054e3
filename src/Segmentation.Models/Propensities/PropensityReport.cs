using Segmentation.Models.Statistics;

namespace Segmentation.Models.Propensities;

/// <summary>A model held against what came, among customers of another time than it was fitted at.</summary>
/// <param name="Calibration">How good its probabilities were.</param>
/// <param name="BestFeature">The best that one feature alone would have done; null where there is none.</param>
public sealed record PropensityReport(Calibration Calibration, SingleFeature? BestFeature)
{
    /// <summary>Whether the model tells more than the base rate: a lower Brier score, and an area under the curve above ½ for certain.
    /// </summary>
    public bool HasSkill => Calibration.Brier < Calibration.BaseBrier && Calibration.Auc?.Interval.Low > 0.5;
}

/// <summary>Customers in the order of one feature: of the share with the goal that each step of it had at the fit.</summary>
/// <param name="Feature">Its name.</param>
/// <param name="Auc">How often one with the goal was before one without.</param>
public sealed record SingleFeature(string Feature, Superiority Auc);

/// <summary>Takes customers one after the other, since all are tested, and holds the model against what came to them.</summary>
public sealed class PropensityTest
{
    private readonly PropensityScorer scorer;
    private readonly FeatureBins[] bins;
    private readonly double[][] rates;
    private readonly (long Happened, long Others)[][] counts;
    private readonly IReadOnlyList<string> features;
    private readonly Dictionary<double, (long Customers, long Happened)> told = [];

    /// <param name="model">The model.</param>
    /// <param name="fitted">What it was fitted on: single features learn from it too.</param>
    public PropensityTest(PropensityModel model, FeatureRows fitted)
    {
        features = fitted.Features;
        scorer = model.Bind(features);
        bins = [.. Enumerable.Range(0, features.Count).Select(f => FeatureBins.Create(fitted.Rows.Select(r => r.Values[f])))];
        rates = [.. bins.Select((b, f) => Rates(b, f, fitted))];
        counts = [.. bins.Select(b => new (long, long)[b.Count])];
    }

    /// <summary>Customers taken, and how many of them had the goal.</summary>
    public (long Customers, long Happened) Found { get; private set; }

    /// <summary>Takes a customer.</summary>
    public void Add(ReadOnlySpan<float> values, bool happened)
    {
        // Rounded as it is stored.
        var probability = Math.Round(scorer.Tell(values), 6);
        var (customers, before) = told.GetValueOrDefault(probability);
        told[probability] = (customers + 1, before + (happened ? 1 : 0));
        Found = (Found.Customers + 1, Found.Happened + (happened ? 1 : 0));
        for (var f = 0; f < bins.Length; f++)
        {
            ref var count = ref counts[f][bins[f].Find(values[f])];
            count = happened ? (count.Happened + 1, count.Others) : (count.Happened, count.Others + 1);
        }
    }

    /// <summary>What was found; at least one customer was taken.</summary>
    public PropensityReport Report() => new(
        Calibration.Measure(told.Select(t => (t.Key, t.Value.Customers, t.Value.Happened))),
        features.Select((name, f) => (name, Auc: Superiority.Compare([.. counts[f].Select((c, bin) => (c, Rate: rates[f][bin]))
                .OrderBy(b => b.Rate).GroupBy(b => b.Rate).Select(g => (g.Sum(b => b.c.Happened), g.Sum(b => b.c.Others)))])))
            .Where(f => f.Auc is not null).OrderByDescending(f => f.Auc!.Value.Value).ThenBy(f => f.name, StringComparer.Ordinal)
            .Select(f => new SingleFeature(f.name, f.Auc!.Value)).FirstOrDefault());

    // A bin in which there was nobody is told the base rate.
    private static double[] Rates(FeatureBins bins, int feature, FeatureRows fitted)
    {
        var rate = (double)fitted.Happened / Math.Max(1, fitted.Rows.Count);
        var found = new (double Happened, double Customers)[bins.Count];
        foreach (var row in fitted.Rows)
        {
            ref var bin = ref found[bins.Find(row.Values[feature])];
            bin = (bin.Happened + (row.Happened ? 1 : 0), bin.Customers + 1);
        }

        return [.. found.Select(b => (b.Happened + rate) / (b.Customers + 1))];
    }
}
