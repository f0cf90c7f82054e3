using FsCheck;
using FsCheck.Fluent;
using Segmentation.Models.Statistics;

namespace Segmentation.Models.Tests;

/// <summary>Corrections for many tests: a published example, their definitions, and what they promise over noise.</summary>
public sealed class MultipleTestsTests
{
    // Benjamini and Hochberg 1995, section 3.2: fifteen p-values; at 0.05 their procedure rejects four, Holm's three.
    private static readonly double[] Published =
        [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000];

    [Fact]
    public void Published_RejectsAsManyAsTheySay()
    {
        Assert.Equal(4, MultipleTests.BenjaminiHochberg(Published).Count(q => q <= 0.05));
        Assert.Equal(3, MultipleTests.Holm(Published).Count(p => p <= 0.05));
        Assert.Equal(0.0095 * 15 / 4, MultipleTests.BenjaminiHochberg(Published)[3], 12);
        Assert.Equal(0.0004 * 14, MultipleTests.Holm(Published)[1], 12);
    }

    [Fact]
    public void Both_AreAsDefined_InAnyOrder() => Prop.ForAll(
        Gen.Choose(0, 1000).Select(i => i / 1000.0).ListOf().Select(list => list.ToArray()).ToArbitrary(),
        p =>
        {
            var m = p.Length;
            var (q, holm) = (MultipleTests.BenjaminiHochberg(p), MultipleTests.Holm(p));
            for (var i = 0; i < m; i++)
            {
                // The least bound of any threshold that would reject it; the greatest of those before it.
                Assert.Equal(p.Where(x => x >= p[i]).Min(x => Math.Min(1, x * m / p.Count(y => y <= x))), q[i], 12);
                Assert.Equal(p.Where(x => x <= p[i]).Max(x => Math.Min(1, x * (m - p.Count(y => y < x)))), holm[i], 12);
                Assert.True(p[i] <= q[i] + 1e-15 && q[i] <= holm[i] + 1e-12);
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void OverNoise_OneFamilyInTwentyHasAFinding()
    {
        var random = new Random(4);
        var (byQ, byHolm) = (0, 0);
        for (var family = 0; family < 4000; family++)
        {
            var p = Enumerable.Range(0, 30).Select(_ => random.NextDouble()).ToArray();
            byQ += MultipleTests.BenjaminiHochberg(p).Min() <= 0.05 ? 1 : 0;
            byHolm += MultipleTests.Holm(p).Min() <= 0.05 ? 1 : 0;
        }

        Assert.InRange(byQ, 150, 250);
        Assert.InRange(byHolm, 145, 245);
    }
}
