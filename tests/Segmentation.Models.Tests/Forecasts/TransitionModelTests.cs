using MathNet.Numerics.Distributions;
using MathNet.Numerics.LinearAlgebra;
using Segmentation.Models.Forecasts;

namespace Segmentation.Models.Tests;

public class TransitionModelTests
{
    private static readonly double[][] Chances = [[0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.05, 0.15, 0.8]];

    [Fact]
    public void Sizes_FollowThePowersOfTheMatrix()
    {
        var steps = Simulate(new Random(1), [400, 300, 200], 8, _ => Chances);
        var model = new TransitionModel(3, steps);
        var matrix = Matrix<double>.Build.Dense(3, 3, (i, j) => steps.Sum(s => s[i][j]) / (double)steps.Sum(s => s[i].Sum()));
        var arrivals = Vector<double>.Build.Dense(3, j => steps.Average(s => s[3][j]));
        var sizes = Vector<double>.Build.Dense([10, 20, 70]);
        foreach (var (k, followed) in model.Follow([10, 20, 70], 12).Index())
        {
            // n Mᵏ + a (1 + M + … + Mᵏ⁻¹)
            var expected = sizes * matrix.Power(k + 1);
            for (var power = 0; power <= k; power++)
            {
                expected += arrivals * matrix.Power(power);
            }

            for (var j = 0; j < 3; j++)
            {
                Assert.Equal(expected[j], followed[j], 1e-9);
            }
        }
    }

    [Fact]
    public void Homogeneous_HalvesOfOneChain_AreFoundToDifferOneTimeInTwenty()
    {
        var found = 0;
        const int Runs = 400;
        for (var run = 0; run < Runs; run++)
        {
            var steps = Simulate(new Random(run), [300, 300, 300], 6, _ => Chances);
            found += Compare(steps)!.Value.P < 0.05 ? 1 : 0;
        }

        Assert.InRange(found / (double)Runs, 0.02, 0.09);
        var changed = Simulate(new Random(1), [300, 300, 300], 6, step => step < 3 ? Chances : [[0.5, 0.4, 0.1], Chances[1], Chances[2]]);
        Assert.True(Compare(changed)!.Value.P < 1e-4);

        static Homogeneity? Compare(IReadOnlyList<long[][]> steps) =>
            new TransitionModel(3, [.. steps.Take(3)]).Compare(new TransitionModel(3, [.. steps.Skip(3)]));
    }

    [Fact]
    public void Homogeneity_TwoTables_IsPearsons()
    {
        // R: chisq.test(rbind(c(10, 20), c(20, 15)), correct = FALSE) gives 3.71994, and one degree of freedom.
        var compared = new TransitionModel(2, [[[10, 20], [0, 0], [0, 0]]])
            .Compare(new TransitionModel(2, [[[20, 15], [0, 5], [0, 0]]]))!.Value;
        Assert.Equal(1, compared.Degrees);
        Assert.Equal(65.0 * Math.Pow((10 * 15) - (20 * 20), 2) / (30.0 * 35 * 30 * 35), compared.Statistic, 1e-12);
        Assert.Equal(1 - ChiSquared.CDF(1, compared.Statistic), compared.P, 1e-12);
    }

    [Fact]
    public void NothingSeen_HasNoChances_AndStays()
    {
        var model = new TransitionModel(2, []);
        Assert.Null(model.Find(0, 1));
        Assert.Equal([5.0, 7.0], model.Follow([5, 7], 3)[2]);
        Assert.Null(model.Compare(model));

        // One way out of each state: nothing can differ.
        var fixedModel = new TransitionModel(2, [[[0, 3], [4, 0], [0, 2]]]);
        Assert.Null(fixedModel.Compare(fixedModel));
        Assert.Equal(1, fixedModel.Find(0, 1)!.Value.Share);
    }

    private static List<long[][]> Simulate(Random random, long[] sizes, int steps, Func<int, double[][]> chances)
    {
        List<long[][]> counts = [];
        for (var step = 0; step < steps; step++)
        {
            var rows = Enumerable.Range(0, sizes.Length)
                .Select(i => Array.ConvertAll(Multinomial.Sample(random, chances(step)[i], (int)sizes[i]), n => (long)n))
                .Append(Array.ConvertAll(Multinomial.Sample(random, [0.6, 0.3, 0.1], 25), n => (long)n)).ToArray();
            counts.Add(rows);
            sizes = [.. Enumerable.Range(0, sizes.Length).Select(j => rows.Sum(r => r[j]))];
        }

        return counts;
    }
}
