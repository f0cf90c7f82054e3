using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers.FastTree;

namespace Segmentation.Models.Propensities;

/// <summary>Fits a model: a generalized additive one of boosted stumps.</summary>
/// <remarks>Y. Lou, R. Caruana, J. Gehrke, "Intelligible models for classification and regression", KDD 2012.</remarks>
public static class PropensityTraining
{
    /// <summary>Customers trained on, at most; who they are is by <see cref="CustomerHash"/>.</summary>
    public const int MostCustomers = 200_000;

    /// <summary>Customers who are needed of each outcome.</summary>
    public const int LeastOfOutcome = 200;

    private const double HiddenPart = 0.2;

    // Every round moves all features at once along one gradient, whose curvature is at most ¼ for each: together they overshoot from
    // 8 / features on. A round costs as much as there are rows and features.
    private const double MostRate = 0.1, MostStep = 6;
    private const int Rounds = 800, LeastInStep = 20;

    // Terms are rounded, so that what a machine's arithmetic does in the last digits is not stored.
    private const int Digits = 9;

    /// <summary>Fits and calibrates a model.</summary>
    /// <param name="rows">At least 200 with the goal and 200 without; at most <see cref="MostCustomers"/> are useful.</param>
    /// <param name="seed">Who is hidden from the trainer, to say when it no longer gains and to calibrate.</param>
    public static PropensityModel Fit(FeatureRows rows, int seed)
    {
        var (shapes, intercept, _) = Train(rows, seed);
        var uncalibrated = new PropensityModel(intercept, shapes, new PlattCalibrator(1, 0));
        var scorer = uncalibrated.Bind(rows.Features);
        return uncalibrated with
        {
            Calibrator = Calibrator.Choose([.. rows.Rows.Where(r => IsHidden(seed, r)).OrderBy(r => CustomerHash.Share(seed, r.Customer))
                .Select(r => (scorer.Score(r.Values), r.Happened))]),
        };
    }

    /// <summary>The trainer's shape functions, and its own predictions of the rows in their order.</summary>
    internal static (ShapeFunction[] Shapes, double Intercept, Func<float[]> Predict) Train(FeatureRows rows, int seed)
    {
        // Ordered by who they are: sums of floating point depend on their order.
        FeatureRow[] ordered = [.. rows.Rows.OrderBy(r => r.Customer)];
        FeatureRow[] seen = [.. ordered.Where(r => !IsHidden(seed, r))], hidden = [.. ordered.Where(r => IsHidden(seed, r))];
        // The trainer numbers the features anew that it can divide, and tells them by those numbers: it is given no others.
        (int Place, FeatureBins Bins)[] features = [.. Enumerable.Range(0, rows.Features.Count)
            .Select(f => (f, FeatureBins.Create(seen.Select(r => r.Values[f]))))
            .Where(f => f.Item2.CanDivide(seen.Select(r => r.Values[f.f]), LeastInStep))];
        if (features.Length == 0)
        {
            var odds = (rows.Happened + 0.5) / (rows.Rows.Count - rows.Happened + 0.5);
            return ([], Math.Round(Math.Log(odds), Digits), () => [.. rows.Rows.Select(_ => (float)Math.Log(odds))]);
        }

        var ml = new MLContext(seed);
        var schema = SchemaDefinition.Create(typeof(BinnedRow));
        schema[nameof(BinnedRow.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, features.Length);
        var trainer = ml.BinaryClassification.Trainers.Gam(new GamBinaryTrainer.Options
        {
            NumberOfThreads = 1,
            Seed = seed,
            NumberOfIterations = Rounds,
            LearningRate = Math.Min(MostRate, MostStep / features.Length),
            MaximumBinCountPerFeature = FeatureBins.Most * 4,
            MinimumExampleCountPerLeaf = LeastInStep,
            EnablePruning = true,
            DiskTranspose = false,
        });
        var fitted = trainer.Fit(View(seen), View(hidden));
        var gam = fitted.Model.SubModel;
        var intercept = Math.Round(gam.Bias, Digits);
        if (gam.NumberOfShapeFunctions != features.Length)
        {
            throw new InvalidOperationException($"Of {features.Length} features the trainer took {gam.NumberOfShapeFunctions}.");
        }

        ShapeFunction[] shapes = [.. features
            .Select((f, i) => f.Bins.Shape(rows.Features[f.Place], Terms(gam, i, f.Bins.Count)).Shorten())
            .Where(s => s.Missing != 0 || s.Terms.Any(t => t != 0))];
        return (shapes, intercept, () => [.. fitted.Transform(View(rows.Rows)).GetColumn<float>("Score")]);

        IDataView View(IEnumerable<FeatureRow> of) => ml.Data.LoadFromEnumerable(of.Select(r => new BinnedRow
        {
            Label = r.Happened,
            Features = [.. features.Select(f => (float)f.Bins.Find(r.Values[f.Place]))],
        }), schema);
    }

    private static bool IsHidden(int seed, FeatureRow row) => CustomerHash.Share(seed, row.Customer) < HiddenPart;

    private static double[] Terms(GamModelParametersBase gam, int feature, int bins)
    {
        var (bounds, effects) = (gam.GetBinUpperBounds(feature), gam.GetBinEffects(feature));
        return [.. Enumerable.Range(0, bins)
            .Select(bin => Math.Round(effects[Math.Min(bounds.TakeWhile(b => b < bin).Count(), effects.Count - 1)], Digits))];
    }

    private sealed class BinnedRow
    {
        public bool Label { get; set; }

        public float[] Features { get; set; } = [];
    }
}
