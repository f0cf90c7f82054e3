using Segmentation.Models.Clusters;

namespace Segmentation.Models.Tests;

/// <summary>Each step by a second way.</summary>
public sealed class ClusterFormulaTests
{
    [Fact]
    public void MidRanks_AreHowManyAreSmaller_AndHalfOfTheEqual()
    {
        var random = new Random(1);
        double[] values = [.. Enumerable.Range(0, 300).Select(_ => random.Next(4) == 0 ? double.NaN : random.Next(40))];
        double[] known = [.. values.Where(v => !double.IsNaN(v))];
        var ranks = ClusterEncoding.MidRanks(values);
        for (var i = 0; i < values.Length; i++)
        {
            var right = double.IsNaN(values[i])
                ? 0.5
                : (known.Count(v => v < values[i]) + (known.Count(v => v == values[i]) / 2.0)) / known.Length;
            Assert.Equal(right, ranks[i], 6);
        }
    }

    [Fact]
    public void Fields_WeighTheSame()
    {
        var random = new Random(2);
        List<ClusterField> fields =
        [
            ClusterWorlds.Numbers(Enumerable.Range(0, 500).Select(i => Math.Exp(i))),
            ClusterWorlds.Numbers(Enumerable.Range(0, 500).Select(i => i % 3 == 0 ? double.NaN : i % 50)),
            ClusterWorlds.Values(500, random, 12, 0.2),
            new SetField([.. Enumerable.Range(0, 500).Select(_ => random.Next(64))], 6),
            new ValueField([.. Enumerable.Range(0, 500).Select(i => (sbyte)(i < 5 ? 0 : -1))], 1),
        ];
        var points = new ClusterEncoding(fields).Points;
        var variances = new double[points.Width];
        for (var j = 0; j < points.Width; j++)
        {
            var column = Enumerable.Range(0, 500).Select(i => (double)points[i][j]).ToList();
            variances[j] = column.Average(v => v * v) - (column.Average() * column.Average());
        }

        Assert.Equal(1 + 2 + 13 + 6 + 1, points.Width); // Numbers with gaps and texts with gaps have a mark for these.
        Assert.Equal(1, variances[0], 3);
        Assert.Equal(1, variances[1..3].Sum(), 3);
        Assert.Equal(1, variances[3..16].Sum(), 3);
        Assert.Equal(1, variances[16..22].Sum(), 3);
        Assert.Equal(12 * 0.01 * 0.99, variances[22], 3); // What few have counts for little.
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(9, 3)]
    public void KMeans_OfFewPoints_IsTheBestThereIs(int k, int seed)
    {
        var random = new Random(seed);
        var count = k == 9 ? 9 : 11;
        var points = new ClusterPoints([.. Enumerable.Range(0, count * 3).Select(_ => (float)random.NextDouble())], 3);
        var found = KMeans.Divide(points, k, seed);
        Assert.Equal(k == 9 ? 0 : Best(0, []), found.Inertia, 4);

        double Best(int at, int[] labels) => at == count
            ? Enumerable.Range(0, k).Sum(c => Spread([.. labels.Index().Where(l => l.Item == c).Select(l => l.Index)]))
            : Enumerable.Range(0, Math.Min(k, labels.Length == 0 ? 1 : labels.Max() + 2)).Min(c => Best(at + 1, [.. labels, c]));

        double Spread(int[] members) =>
            members.Length == 0 ? 0 : members.Sum(i => members.Sum(j => (double)points.SquaredDistance(i, j))) / (2 * members.Length);
    }

    [Fact]
    public void KMeans_WhereFewDiffer_LeavesGroupsEmpty()
    {
        var points = new ClusterPoints([.. Enumerable.Range(0, 120).Select(i => (float)(i % 3))], 1);
        var sizes = KMeans.Divide(points, 12, 1).Sizes(12);
        Assert.Equal((120, 3), (sizes.Sum(), sizes.Count(s => s > 0)));
    }

    [Theory]
    [InlineData(50, 2)]
    [InlineData(2_100, 5)]
    public void Silhouette_IsThatOfEachPoint(int count, int k)
    {
        var random = new Random(count);
        var points = new ClusterPoints([.. Enumerable.Range(0, count * 4).Select(_ => (float)random.NextDouble())], 4);
        byte[] labels = [.. Enumerable.Range(0, count).Select(i => (byte)(i == 7 ? k - 1 : random.Next(k - 1)))];
        var shown = Math.Min(count, 2_000);
        var sum = 0.0;
        for (var i = 0; i < shown; i++)
        {
            var means = Enumerable.Range(0, shown).Where(j => j != i)
                .GroupBy(j => labels[j], j => Math.Sqrt(Enumerable.Range(0, 4).Sum(d => Math.Pow(points[i][d] - (double)points[j][d], 2))))
                .ToDictionary(g => g.Key, g => g.Average());
            if (means.TryGetValue(labels[i], out var own))
            {
                var next = means.Where(m => m.Key != labels[i]).Min(m => m.Value);
                sum += (next - own) / Math.Max(own, next);
            }
        }

        Assert.Equal(sum / shown, new Silhouette(points).Mean(labels, k), 6);
    }

    [Fact]
    public void Jaccard_IsThatOfSets()
    {
        var random = new Random(4);
        byte[] labels = [.. Enumerable.Range(0, 80).Select(_ => (byte)random.Next(3))];
        int[] drawn = [.. Enumerable.Range(0, 80).Select(_ => random.Next(80))];
        byte[] found = [.. drawn.Select(d => (byte)(d % 5 == 0 ? 2 : labels[d]))];
        var groups = Enumerable.Range(0, 3).Select(c => drawn.Where(d => labels[d] == c).ToHashSet()).ToList();
        var others = Enumerable.Range(0, 3).Select(c => drawn.Where((_, i) => found[i] == c).ToHashSet()).ToList();
        Assert.Equal(
            groups.Select(g => (double?)others.Max(o => (double)g.Intersect(o).Count() / g.Union(o).Count())),
            ClusterStability.Compare(labels, drawn, found, 3));
    }

    [Fact]
    public void Jaccard_OfWhomNobodyWasDrawn_IsUnknown() =>
        Assert.Equal([1, null], ClusterStability.Compare([0, 0, 1], [0, 1, 0], [1, 1, 1], 2));

    [Fact]
    public void Reference_HasTheSameValuesAndCorrelations()
    {
        var (fields, _) = ClusterWorlds.Planted(5_000, 5);
        var encoding = new ClusterEncoding(fields);
        var drawn = new GaussianReference(encoding, 1).Draw(2);
        var (real, made) = (GaussianReference.Correlate(encoding.Points), GaussianReference.Correlate(drawn));
        for (var i = 0; i < encoding.Width; i++)
        {
            var column = i;
            Assert.Equal(Mean(encoding.Points), Mean(drawn), 0.05);
            for (var j = 0; j < i; j++)
            {
                Assert.True(Math.Abs(real[i, j] - made[i, j]) < 0.08, $"{i} {j}: {real[i, j]:0.000} {made[i, j]:0.000}");
            }

            double Mean(ClusterPoints points) => Enumerable.Range(0, points.Count).Average(n => (double)points[n][column]);
        }

        // One value a customer, and a number or the mark that there is none.
        Assert.All(Enumerable.Range(0, 5_000), n => Assert.Equal(
            1, drawn[n].Slice(4, 3).ToArray().Count(v => v > 0)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Tree_AsksFirst_WhatIsBestOfAll(int seed)
    {
        var random = new Random(seed);
        var (fields, groups) = ClusterWorlds.Planted(200, seed);
        byte[] labels = [.. groups.Select(g => (byte)(random.Next(4) == 0 ? random.Next(3) : g))];
        var tree = new DecisionTree(fields, labels, 3, 200, 5);

        // Each split, and each side for those without a value.
        var best = double.PositiveInfinity;
        foreach (var field in fields)
        {
            for (var split = 0; split < field.Splits; split++)
            {
                foreach (var takes in new[] { false, true })
                {
                    var sides = Enumerable.Range(0, 200).ToLookup(i => field.IsOn(split, i) ?? takes);
                    best = sides[true].Count() >= 5 && sides[false].Count() >= 5 ? Math.Min(best, sides.Sum(Impurity)) : best;
                }
            }
        }

        var step = tree.Leaves[0].Way[0];
        Assert.Equal(best, Enumerable.Range(0, 200)
            .GroupBy(i => fields[step.Field].IsOn(step.Split, i) is { } on ? on == step.IsOn : step.TakesMissing).Sum(Impurity), 9);

        double Impurity(IEnumerable<int> customers)
        {
            var all = customers.ToList();
            return all.Count * (1 - all.CountBy(i => labels[i]).Sum(g => Math.Pow((double)g.Value / all.Count, 2)));
        }
    }

    [Fact]
    public void Tree_EveryCustomer_IsInOneLeaf_ThatOfItsPrediction()
    {
        var (fields, groups) = ClusterWorlds.Planted(900, 6);
        var tree = new DecisionTree(fields, [.. groups.Select(g => (byte)g)], 3, 600, 5);
        Assert.True(tree.Leaves.Count > 3 && tree.Leaves.All(l => l.Way.Count is > 0 and <= 4));
        var counts = new Dictionary<TreeLeaf, int>();
        for (var i = 0; i < 900; i++)
        {
            var leaf = Assert.Single(tree.Leaves, l => l.Way.All(
                s => fields[s.Field].IsOn(s.Split, i) is { } on ? on == s.IsOn : s.TakesMissing));
            Assert.Equal(leaf.Group, tree.Predict(i));
            counts[leaf] = counts.GetValueOrDefault(leaf) + (i < 600 ? 1 : 0);
        }

        Assert.All(counts.Values, c => Assert.True(c >= 6));
    }
}
