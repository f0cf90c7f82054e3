using System.Text.Json;
using Segmentation.Models.Propensities;

namespace Segmentation.Models.Tests;

/// <summary>The probability of a goal, on customers drawn here whose true probabilities are known.</summary>
public sealed class PropensityTests
{
    private static readonly string[] names = ["steps", "line", "wave", "missing", "constant", "infinite", "noise"];

    // Steps, a line, a curve, and "missing" that tells something.
    private static double Truth(float[] x) =>
        -1.2 + (x[0] > 5 ? 1.3 : -0.9) + (0.5 * x[1]) + Math.Sin(x[2]) + (float.IsNaN(x[3]) ? 0.8 : -0.4) +
        (float.IsInfinity(x[5]) ? 0.7 : 0);

    [Fact]
    public void Fit_OnAnAdditiveTruth_FindsIt()
    {
        var fitted = Draw(20_000, 1, Truth);
        var model = PropensityTraining.Fit(fitted, seed: 1);
        var came = Draw(20_000, 2, Truth);
        var test = Test(model, fitted, came);
        var truth = came.Rows.Average(r => Math.Pow(Logistic(Truth(r.Values)) - (r.Happened ? 1 : 0), 2));
        Assert.True(test.HasSkill);
        Assert.InRange(test.Calibration.Brier, truth - 0.0005, truth + 0.0025);
        Assert.InRange(test.Calibration.BaseBrier - truth, 0.02, 0.2);
        Assert.All(test.Calibration.Bins, b => Assert.InRange(b.Expected - b.Actual, -0.05, 0.05));
        Assert.Equal(10, test.Calibration.Bins.Count);
        Assert.True(test.Calibration.Auc!.Value.Interval.Low > test.BestFeature!.Auc.Interval.High);
        Assert.Equal("steps", test.BestFeature.Feature);

        // The shapes are the truth's, up to what is taken from all: each feature's mean is in the intercept.
        var steps = model.Shapes.Single(s => s.Feature == "steps");
        Assert.InRange(steps.Find(9) - steps.Find(1), 1.8, 2.6);
        var missing = model.Shapes.Single(s => s.Feature == "missing");
        Assert.InRange(missing.Find(float.NaN) - missing.Find(0.5f), 0.9, 1.5);
        Assert.DoesNotContain(model.Shapes, s => s.Feature == "constant");
        var infinite = model.Shapes.Single(s => s.Feature == "infinite");
        Assert.InRange(infinite.Find(float.PositiveInfinity) - infinite.Find(0), 0.4, 1.0);
        Assert.Equal(infinite.Find(float.MaxValue), infinite.Find(float.PositiveInfinity));
    }

    [Fact]
    public void Fit_OnNoise_HasNoSkill()
    {
        var fitted = Draw(4_000, 3, _ => -1);
        var test = Test(PropensityTraining.Fit(fitted, seed: 1), fitted, Draw(4_000, 4, _ => -1));
        Assert.False(test.HasSkill);
        Assert.InRange(test.Calibration.Auc!.Value.Value, 0.45, 0.55);
        Assert.InRange(test.Calibration.Brier - test.Calibration.BaseBrier, -0.001, 0.003);
    }

    [Fact]
    public void Fit_WhoseTruthTurns_HasNoSkill()
    {
        var fitted = Draw(4_000, 5, Truth);
        var test = Test(PropensityTraining.Fit(fitted, seed: 1), fitted, Draw(4_000, 6, x => -Truth(x)));
        Assert.False(test.HasSkill);
        Assert.True(test.Calibration.Auc!.Value.Value < 0.5);
    }

    // Twenty features that say the same: together they would overshoot.
    [Fact]
    public void Fit_OnManyFeaturesThatAreOne_FindsTheTruth()
    {
        var random = new Random(7);
        FeatureRows rows = new([.. Enumerable.Range(0, 90).Select(i => $"f{i}")]), came = new(rows.Features);
        foreach (var part in new[] { rows, came })
        {
            for (var i = 0; i < 3_000; i++)
            {
                var x = (float)(random.NextDouble() * 4) - 2;
                part.Add(new FeatureRow(i, [.. Enumerable.Repeat(x, rows.Features.Count)], random.NextDouble() < Logistic(x)));
            }
        }

        var truth = came.Rows.Average(r => Math.Pow(Logistic(r.Values[0]) - (r.Happened ? 1 : 0), 2));
        var test = Test(PropensityTraining.Fit(rows, seed: 1), rows, came);
        Assert.InRange(test.Calibration.Brier, truth - 0.001, truth + 0.004);
    }

    [Fact]
    public void StoredModel_ScoresAsItsTrainer_AndIsTheSameAgain()
    {
        var rows = Draw(3_000, 8, Truth);
        var (shapes, intercept, predict) = PropensityTraining.Train(rows, seed: 1);
        var predicted = predict();
        var scorer = Store(new PropensityModel(intercept, shapes, new PlattCalibrator(1, 0))).Bind(rows.Features);
        Assert.Equal(rows.Rows.Count, predicted.Length);
        Assert.All(rows.Rows.Zip(predicted), r => Assert.Equal(r.Second, scorer.Score(r.First.Values), 1e-6));

        // In any order, and in columns of any order.
        var model = PropensityTraining.Fit(rows, seed: 1);
        var json = JsonSerializer.Serialize(model);
        var turned = new FeatureRows(rows.Features);
        foreach (var row in rows.Rows.Reverse())
        {
            turned.Add(row);
        }

        Assert.Equal(json, JsonSerializer.Serialize(PropensityTraining.Fit(turned, seed: 1)));
        Assert.NotEqual(json, JsonSerializer.Serialize(PropensityTraining.Fit(turned, seed: 2)));
        Assert.Equal(json, JsonSerializer.Serialize(Store(model)));
        var backwards = Store(model).Bind([.. rows.Features.Reverse()]);
        Assert.All(rows.Rows, r => Assert.Equal(
            model.Bind(rows.Features).Tell(r.Values), backwards.Tell(r.Values.Reverse().ToArray())));
        Assert.Throws<ArgumentException>(() => model.Bind(["other"]));
    }

    [Fact]
    public void Explain_GivesTheGreatestTerms_WhichMakeTheScore()
    {
        var rows = Draw(3_000, 9, Truth);
        var model = PropensityTraining.Fit(rows, seed: 1);
        var scorer = model.Bind(rows.Features);
        foreach (var row in rows.Rows.Take(200))
        {
            var all = scorer.Explain(row.Values, int.MaxValue);
            var score = model.Intercept + all.Sum(t => Math.Log(t.OddsRatio) / model.Calibrator.Slope);
            Assert.Equal(scorer.Score(row.Values), score, 1e-9);
            var five = scorer.Explain(row.Values, 5);
            Assert.Equal(all.Take(5), five);
            Assert.Equal(five.OrderByDescending(t => Math.Abs(Math.Log(t.OddsRatio))), five);
            Assert.All(five, t => Assert.Equal(row.Values[names.IndexOf(t.Feature)], t.Value ?? float.NaN));
        }
    }

    // All, none, and a feature that says everything.
    [Theory]
    [InlineData(1000)]
    [InlineData(-1000)]
    [InlineData(0)]
    public void Fit_OnWhatIsCertain_StaysWithinBounds(double level)
    {
        var rows = Draw(1_000, 10, x => level == 0 ? 1000 * (x[1] - 0.1) : level);
        var scorer = Store(PropensityTraining.Fit(rows, seed: 1)).Bind(rows.Features);
        Assert.All(rows.Rows, r => Assert.InRange(scorer.Tell(r.Values), 0, 1));
        Assert.True(rows.Rows.Average(r => Math.Abs(scorer.Tell(r.Values) - (r.Happened ? 1 : 0))) < 0.05);
    }

    [Fact]
    public void CustomerHash_IsEven_AndItsOwnForEachSeed()
    {
        Assert.Equal(0.2, Enumerable.Range(0, 100_000).Count(i => CustomerHash.Share(1, i) < 0.2) / 100_000.0, 0.005);
        Assert.Equal(0.04, Enumerable.Range(0, 100_000)
            .Count(i => CustomerHash.Share(1, i) < 0.2 && CustomerHash.Share(2, i) < 0.2) / 100_000.0, 0.003);
        Assert.All(Enumerable.Range(-1000, 2000), i => Assert.InRange(CustomerHash.Share(1, i), 0, 0.9999999999999999));
    }

    private static PropensityReport Test(PropensityModel model, FeatureRows fitted, FeatureRows came)
    {
        var test = new PropensityTest(model, fitted);
        foreach (var row in came.Rows)
        {
            test.Add(row.Values, row.Happened);
        }

        Assert.Equal((came.Rows.Count, came.Happened), test.Found);
        return test.Report();
    }

    private static PropensityModel Store(PropensityModel model) =>
        JsonSerializer.Deserialize<PropensityModel>(JsonSerializer.Serialize(model))!;

    private static FeatureRows Draw(int count, int seed, Func<float[], double> truth)
    {
        var random = new Random(seed);
        var rows = new FeatureRows(names);
        for (var i = 0; i < count; i++)
        {
            float[] x =
            [
                random.Next(11), (float)((random.NextDouble() * 4) - 2), (float)(random.NextDouble() * 6),
                random.Next(3) == 0 ? float.NaN : (float)random.NextDouble(), 7,
                random.Next(4) == 0 ? float.PositiveInfinity : random.Next(4) == 0 ? float.NegativeInfinity : (float)random.NextDouble(),
                random.Next(1000),
            ];
            x[5] = float.IsNegativeInfinity(x[5]) ? float.MinValue : x[5];
            rows.Add(new FeatureRow((seed * 100_000L) + i, x, random.NextDouble() < Logistic(truth(x))));
        }

        return rows;
    }

    private static double Logistic(double z) => 1 / (1 + Math.Exp(-z));
}
