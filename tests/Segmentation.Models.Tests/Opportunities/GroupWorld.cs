using Segmentation.Models.Opportunities;

namespace Segmentation.Models.Tests.Opportunities;

/// <summary>Drawn customers, with conditions that each satisfies by chance, and a group that does better, if one is planted.</summary>
internal sealed class GroupWorld
{
    private readonly bool[][] satisfied;
    private readonly double[] values;
    private readonly int[] firstHalf;

    public GroupWorld(int seed, int customers, int conditions, bool isSum, int[]? planted = null, double strength = 0)
    {
        var random = new Random(seed);
        satisfied = [.. Enumerable.Range(0, conditions).Select(c => Draw(customers, random, 0.1 + (0.6 * c / conditions)))];
        var isIn = Enumerable.Range(0, customers).Select(i => planted?.All(c => satisfied[c][i]) == true).ToArray();

        // A sum is what some buy, by a distribution with a long tail: its mean is 20 √e.
        double Amount() => 20 * Math.Exp(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        values = [.. isIn.Select(i => random.NextDouble() < 0.2 + (i ? strength : 0) ? isSum ? Amount() : 1 : 0)];
        PlantedMean = (0.2 + strength) * (isSum ? 20 * Math.Exp(0.5) : 1);
        Halves = new CustomerHalves(
            [.. Enumerable.Range(0, customers)], [.. Enumerable.Range(0, customers).Select(_ => random.NextDouble())]);
        firstHalf = [.. Enumerable.Range(0, customers).Where(i => Halves.Find(i) < Halves.FirstWords * CustomerHalves.WordSize)];
        Bits = [.. satisfied.Select(s => Collect(i => s[i]))];
        var byPlace = new double[Halves.Words * CustomerHalves.WordSize];
        for (var i = 0; i < customers; i++)
        {
            byPlace[Halves.Find(i)] = values[i];
        }

        Outcome = isSum ? Outcome.FromValues(byPlace) : new Outcome(Collect(i => values[i] > 0));

        ulong[] Collect(Func<int, bool> which)
        {
            var bits = new ulong[Halves.Words];
            foreach (var i in Enumerable.Range(0, customers).Where(which))
            {
                BitSets.Set(bits, Halves.Find(i));
            }

            return bits;
        }
    }

    public CustomerHalves Halves { get; }

    public IReadOnlyList<ulong[]> Bits { get; }

    public Outcome Outcome { get; }

    /// <summary>The true mean of the group that was planted.</summary>
    public double PlantedMean { get; }

    /// <summary>Searches the one half, and tests on the other.</summary>
    public List<(FoundGroup Group, TestedGroup Tested)> Test(GroupSettings settings)
    {
        var found = new GroupSearch(Bits, Halves, Outcome, settings).Search();
        var second = Halves.FirstWords..Halves.Words;
        var comparisons = found.Select(g => (
            GroupTest.Compare(BitSets.Intersect([.. g.Conditions.Select(c => Bits[c])]), Halves.CreateAll(), Outcome, second), g.Quality));
        return [.. found.Zip(GroupTest.Test([.. comparisons], Outcome.IsShare))];
    }

    /// <summary>The same as the search by its definition: every group of up to two conditions, customer by customer.</summary>
    public List<FoundGroup> SearchAll(GroupSettings settings)
    {
        var sorted = firstHalf.Concat(Enumerable.Range(0, values.Length).Except(firstHalf)).Select(i => values[i]).Where(v => v != 0)
            .Order().ToArray();
        var cap = Outcome.IsShare ? 1 : sorted[(int)(0.995 * sorted.Length)];
        var own = firstHalf.ToDictionary(i => i, i => Math.Min(values[i], cap));
        var mean = own.Values.Average();
        var deviation = Math.Sqrt(own.Values.Sum(v => (v - mean) * (v - mean)) / (own.Count - 1));
        var n = satisfied.Length;
        var groups = Enumerable.Range(0, n).Select(c => new[] { c }).ToList();
        if (settings.Conditions > 1)
        {
            groups.AddRange(from a in Enumerable.Range(0, n) from b in Enumerable.Range(a + 1, n - a - 1) select new[] { a, b });
        }

        var judged = groups.Select(g => (Conditions: g, Members: firstHalf.Where(i => g.All(c => satisfied[c][i])).ToHashSet()))
            .Where(g => g.Members.Count >= settings.LeastSize)
            .Select(g => (g.Members, Group: Judge(g.Conditions, g.Members)))
            .OrderByDescending(g => g.Group.Strength).ToList();
        var singles = judged.Where(g => g.Group.Conditions.Length == 1).ToDictionary(g => g.Group.Conditions[0], g => g.Group.Strength);
        List<(HashSet<int> Members, FoundGroup Group)> taken = [];
        foreach (var g in judged)
        {
            var isBetter = g.Group.Conditions.Length == 1 || g.Group.Conditions.All(c => g.Group.Strength > singles[c]);
            var isNew = taken.All(t => (double)t.Members.Intersect(g.Members).Count() / t.Members.Union(g.Members).Count() <= 0.8);
            if (g.Group.Strength > 0 && isBetter && isNew && taken.Count < settings.Top)
            {
                taken.Add(g);
            }
        }

        return [.. taken.Select(t => t.Group)];

        FoundGroup Judge(int[] conditions, HashSet<int> members)
        {
            var quality = Math.Sqrt(members.Count) * (members.Average(i => own[i]) - mean) / deviation;
            var side = settings.Direction == GroupDirection.Low ? -quality : quality;
            return new FoundGroup(
                conditions, members.Count, quality, settings.Direction == GroupDirection.Both ? Math.Abs(quality) : side);
        }
    }

    private static bool[] Draw(int customers, Random random, double share) =>
        [.. Enumerable.Range(0, customers).Select(_ => random.NextDouble() < share)];
}
