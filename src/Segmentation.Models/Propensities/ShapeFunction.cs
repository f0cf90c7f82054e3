namespace Segmentation.Models.Propensities;

/// <summary>What a feature's value adds to the score: a step function.</summary>
/// <param name="Feature">The feature's name.</param>
/// <param name="Missing">Added where it has no value.</param>
/// <param name="Edges">The greatest value of each step but the last, ascending.</param>
/// <param name="Terms">Added on each step: one more than edges.</param>
public sealed record ShapeFunction(string Feature, double Missing, IReadOnlyList<double> Edges, IReadOnlyList<double> Terms)
{
    private readonly double[] edges = [.. Edges];

    /// <summary>What the value adds.</summary>
    public double Find(float value) => float.IsNaN(value) ? Missing : Terms[FindStep(edges, value)];

    /// <summary>The first step that reaches up to the value.</summary>
    internal static int FindStep(double[] edges, float value)
    {
        var found = Array.BinarySearch(edges, value);
        return found < 0 ? ~found : found;
    }

    /// <summary>The same function without edges between equal terms.</summary>
    internal ShapeFunction Shorten()
    {
        var kept = Enumerable.Range(0, Edges.Count).Where(i => Terms[i] != Terms[i + 1]).ToList();
        return new ShapeFunction(Feature, Missing, [.. kept.Select(i => Edges[i])], [.. kept.Select(i => Terms[i]), Terms[^1]]);
    }
}
