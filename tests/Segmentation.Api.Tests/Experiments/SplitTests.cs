using Segmentation.Api.Experiments;

namespace Segmentation.Api.Tests.Experiments;

/// <summary>The split, by the published table and by its laws.</summary>
public sealed class SplitTests
{
    [Theory]
    [InlineData("seed", "a", 717764279, 505)]
    [InlineData("seed", "b", 734541898, 2696)]
    [InlineData("hero-copy", "c-17", 2963668565, 7469)]
    [InlineData("hero-copy", "grün", 3818161486, 8311)]
    [InlineData("hero-copy~2", "c-17", 1374887537, 852)]
    [InlineData("layer:checkout", "c-17", 540417360, 2403)]
    [InlineData("explore:hero-copy", "c-17", 4280800796, 1901)]
    public void Bucket_OfThePublishedTable_IsTheSame(string seed, string unit, uint hash, int bucket)
    {
        Assert.Equal(hash, Split.Fnv(seed + unit));
        Assert.Equal(bucket, Split.Bucket(seed, unit));
    }

    [Fact]
    public void Assign_SecondRun_HasASeedOfItsOwn()
    {
        Assert.Equal(7469, Create(1, 1).Assign("c-17").Bucket);
        Assert.Equal(852, Create(2, 1).Assign("c-17").Bucket);
    }

    [Fact]
    public void Assign_LargerCoverage_AddsUnitsAndMovesNone()
    {
        var (small, large) = (Create(1, 0.3), Create(1, 0.8));
        var units = Enumerable.Range(0, 5000).Select(i => $"u-{i}").ToList();
        var before = units.Where(u => small.Assign(u).Variant is not null).ToList();
        Assert.All(before, u => Assert.Equal(small.Assign(u), large.Assign(u)));
        Assert.InRange(before.Count, 1350, 1650);
        Assert.InRange(units.Count(u => large.Assign(u).Variant is not null), 3850, 4150);
        Assert.All(units.Except(before), u => Assert.Equal(AssignmentReason.OutsideCoverage, small.Assign(u).Reason));
    }

    [Fact]
    public void Assign_PartsOfALayer_ShareNoUnit()
    {
        var (first, second) = (
            new Split("a", 1, [1, 1], 1, new LayerRange("checkout", 0, 0.3)),
            new Split("b", 1, [1, 1], 1, new LayerRange("checkout", 0.3, 1)));
        var units = Enumerable.Range(0, 3000).Select(i => $"u-{i}").ToList();
        Assert.All(units, u => Assert.Equal(1, (first.Assign(u).Variant is null ? 0 : 1) + (second.Assign(u).Variant is null ? 0 : 1)));
        Assert.All(units.Where(u => first.Assign(u).Variant is null), u =>
            Assert.Equal(AssignmentReason.OutsideLayer, first.Assign(u).Reason));

        // In by 0.2403.
        Assert.NotNull(first.Assign("c-17").Variant);
    }

    [Fact]
    public void Assign_NoCoverage_IsNobody() =>
        Assert.All(Enumerable.Range(0, 1000), i => Assert.Null(Create(1, 0).Assign($"u-{i}").Variant));

    /// <summary>Units of six forms and forty seeds: the parts are even, and what two seeds give is independent. <c>SPLIT_UNITS=1000000</c>
    /// looks at as many of each form.</summary>
    [Fact]
    public void Bucket_ManyFormsAndSeeds_IsEven()
    {
        Func<int, string>[] forms =
        [
            i => $"{i}",
            i => $"c-{i}",
            i => $"{i:x8}",
            i => $"user{i}@example.com",
            i => new Guid(i, 7, 9, [1, 2, 3, 4, 5, 6, 7, 8]).ToString(),
            i => $"grün-{i}-日",
        ];
        var count = int.TryParse(Environment.GetEnvironmentVariable("SPLIT_UNITS"), out var asked) ? asked : 20_000;
        foreach (var form in forms)
        {
            var units = Enumerable.Range(0, count).Select(form).ToArray();
            var worst = 0d;
            for (var seed = 0; seed < 40; seed++)
            {
                var (parts, pairs, each) = (new int[100], new int[100], new int[Split.Buckets]);
                foreach (var unit in units)
                {
                    var (bucket, other) = (Split.Bucket($"seed-{seed}", unit), Split.Bucket($"seed-{seed + 1}", unit));
                    parts[bucket / 100]++;
                    each[bucket]++;
                    pairs[(bucket / 1000 * 10) + (other / 1000)]++;
                }

                worst = Math.Max(worst, Math.Max(ChiSquare(parts), ChiSquare(pairs)));

                // 9,999 degrees of freedom: 141 is their standard deviation.
                Assert.InRange(ChiSquare(each), 9999 - (5 * 141), 9999 + (5 * 141));
            }

            // 99 degrees of freedom, 80 looks: more than 170 has a chance of 1 in 2,000.
            Assert.InRange(worst, 0, 175);
        }

        static double ChiSquare(int[] counts)
        {
            var expected = counts.Sum() / (double)counts.Length;
            return counts.Sum(c => (c - expected) * (c - expected) / expected);
        }
    }

    private static Split Create(int run, double coverage) => new("hero-copy", run, [1, 2, 1], coverage, null);
}
