using Segmentation.Models.Clusters;

namespace Segmentation.Models.Tests;

/// <summary>Customers with groups, and without.</summary>
internal static class ClusterWorlds
{
    public static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    public static NumberField Numbers(IEnumerable<double> values)
    {
        double[] all = [.. values];
        double[] known = [.. all.Where(v => !double.IsNaN(v)).Order()];
        return new(all, [.. Enumerable.Range(1, 99).Select(i => known[i * known.Length / 100]).Where(c => c > known[0]).Distinct()]);
    }

    /// <summary>Fields of rows.</summary>
    public static List<ClusterField> Rows(int customers, Func<double[]> draw)
    {
        double[][] rows = [.. Enumerable.Range(0, customers).Select(_ => draw())];
        return [.. Enumerable.Range(0, rows[0].Length).Select(j => Numbers(rows.Select(r => r[j])))];
    }

    public static ValueField Values(int customers, Random random, int kinds, double missing) => new(
        [.. Enumerable.Range(0, customers).Select(_ => (sbyte)(random.NextDouble() < missing ? -1 : random.Next(kinds)))], kinds);

    /// <summary>Four kinds of noise.</summary>
    public static List<ClusterField> Noise(string kind, int customers, int seed)
    {
        var random = new Random(seed);
        double Bell() => Normal(random);
        switch (kind)
        {
            case "uniform":
                return Rows(customers, () => [random.NextDouble(), random.NextDouble(), random.NextDouble(), random.NextDouble()]);
            case "gaussian":
                return Rows(customers, () => [Bell(), Bell(), Bell(), Bell(), Bell()]);
            case "correlated":
                return Rows(customers, () => Bell() is var common
                    ? [.. Enumerable.Range(0, 5).Select(_ => (0.8 * common) + (0.6 * Bell()))] : []);
            case "skewed":
                return Rows(customers, () => Bell() is var common
                    ? [Math.Exp(2 * (common + Bell())), Math.Exp(common + Bell()), Math.Pow(Bell(), 3), 1 / random.NextDouble()] : []);
            default:
                return
                [
                    .. Rows(customers, () => Bell() is var common
                        ? [common + Bell(), common + Bell(), random.Next(5) == 0 ? double.NaN : Bell(), random.Next(3)] : []),
                    Values(customers, random, 5, 0.1), Values(customers, random, 3, 0), Values(customers, random, 1, 0.5),
                    new SetField([.. Enumerable.Range(0, customers).Select(_ => random.Next(256) & random.Next(256))], 8),
                ];
        }
    }

    /// <summary>Bells around centers, none nearer to another than six deviations.</summary>
    public static List<ClusterField> Blobs(int customers, int groups, int width, int seed)
    {
        var random = new Random(seed);
        double[][] centers;
        do
        {
            centers =
            [
                .. Enumerable.Range(0, groups).Select(_ => Enumerable.Range(0, width).Select(_ => 12 * random.NextDouble()).ToArray()),
            ];
        }
        while (Enumerable.Range(0, groups).Any(i => Enumerable.Range(0, i).Any(
            j => centers[i].Zip(centers[j], (a, b) => (a - b) * (a - b)).Sum() < 36)));
        return Rows(customers, () => [.. centers[random.Next(groups)].Select(c => c + Normal(random))]);
    }

    /// <summary>Three groups (half, three tenths, a fifth), seen in numbers, gaps, a text and a set, among what tells nothing.</summary>
    public static (List<ClusterField> Fields, int[] Groups) Planted(int customers, int seed)
    {
        var random = new Random(seed);
        int[] groups = [.. Enumerable.Range(0, customers).Select(_ => random.NextDouble() switch { < 0.5 => 0, < 0.8 => 1, _ => 2 })];
        return ([
            Numbers(groups.Select(g => (2.5 * g) + Normal(random))),
            Numbers(groups.Select(g => (g == 1 ? 3 : 0) + Normal(random))),
            Numbers(groups.Select(g => random.NextDouble() < (g == 2 ? 0.7 : 0.05) ? double.NaN : Math.Exp(Normal(random)))),
            new ValueField([.. groups.Select(g => (sbyte)(random.NextDouble() < 0.8 ? g : random.Next(3)))], 3),
            new SetField([.. groups.Select(g => random.NextDouble() < 0.8 ? 1 << g : random.Next(8))], 3),
            Numbers(groups.Select(_ => Normal(random))),
            Values(customers, random, 4, 0.1),
        ], groups);
    }
}
