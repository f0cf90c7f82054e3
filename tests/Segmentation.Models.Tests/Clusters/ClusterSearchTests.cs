using Segmentation.Models.Clusters;

namespace Segmentation.Models.Tests;

/// <summary>Groups are found where there are some, as many as there are, and nowhere else.</summary>
public sealed class ClusterSearchTests
{
    private static readonly int[] Counts = [2, 3, 4, 5, 6, 7, 8, 9, 10];

    [Theory]
    [InlineData("uniform")]
    [InlineData("gaussian")]
    [InlineData("correlated")]
    [InlineData("skewed")]
    [InlineData("mixed")]
    public void Noise_IsRefused(string kind) =>
        Assert.All(Enumerable.Range(1, 4), seed => Assert.Null(Search(ClusterWorlds.Noise(kind, 800, seed), seed)));

    // Blobs that lie over each other in ranks are told as one: not always can all be told apart.
    [Fact]
    public void Blobs_AreFound_AsManyAsThereAre()
    {
        (int Groups, int Width)[] worlds = [(2, 4), (3, 3), (4, 5), (5, 4), (6, 6)];
        var found = worlds.SelectMany(w => Enumerable.Range(0, 3).Select(
            seed => (w.Groups, Search(ClusterWorlds.Blobs(1_000, w.Groups, w.Width, seed), seed)?.K))).ToList();
        Assert.All(found, f => Assert.NotNull(f.K));
        Assert.InRange(found.Count(f => f.Groups == f.K), 12, 15);
    }

    [Fact]
    public void PlantedGroups_AreFound_AndSaidByTheTree_AtTheirStrength()
    {
        var (fields, groups) = ClusterWorlds.Planted(2_000, 7);
        var found = Search(fields, 1)!;
        Assert.Equal(3, found.K);
        var labels = found.Clustering.Labels;
        for (var group = 0; group < 3; group++)
        {
            var own = groups.Index().Where(g => g.Item == group).Select(g => labels[g.Index]).ToList();
            var (label, size) = own.CountBy(l => l).MaxBy(l => l.Value);
            Assert.True(size > 0.93 * own.Count, $"{group}: {size} of {own.Count}");
            Assert.InRange(labels.Count(l => l == label) / 2_000.0, new[] { 0.46, 0.26, 0.16 }[group], new[] { 0.54, 0.34, 0.24 }[group]);
        }

        var tree = new DecisionTree(fields, labels, 3, 1_400, 5);
        Assert.InRange(Enumerable.Range(1_400, 600).Count(i => tree.Predict(i) == labels[i]) / 600.0, 0.9, 1);
    }

    [Fact]
    public void SameSeed_SameAnswer()
    {
        var (fields, _) = ClusterWorlds.Planted(600, 3);
        var (one, two) = (Search(fields, 5)!, Search(fields, 5)!);
        Assert.Equal(one.Clustering.Labels, two.Clustering.Labels);
        Assert.Equal(
            (one.Silhouette, one.ReferenceMean, one.ReferenceDeviation), (two.Silhouette, two.ReferenceMean, two.ReferenceDeviation));
        Assert.Equal(one.Stability, two.Stability);
    }

    // A group that is smaller is not said to be one, however far away it lies.
    [Fact]
    public void FewFarAway_AreNoGroup()
    {
        var random = new Random(9);
        var fields = ClusterWorlds.Rows(1_000, () => random.Next(100) == 0
            ? [.. Enumerable.Range(0, 4).Select(_ => 30 + ClusterWorlds.Normal(random))]
            : [.. Enumerable.Range(0, 4).Select(_ => ClusterWorlds.Normal(random))]);
        Assert.Null(Search(fields, 1));
    }

    private static ClusterTrial? Search(List<ClusterField> fields, int seed) =>
        ClusterSearch.Choose(ClusterSearch.Try(new ClusterEncoding(fields), Counts, seed));
}
