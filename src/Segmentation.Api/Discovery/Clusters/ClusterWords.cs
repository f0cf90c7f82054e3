using System.Globalization;
using Segmentation.Api.Segments;
using Segmentation.Models.Clusters;

namespace Segmentation.Api.Discovery;

/// <summary>What is said of clusters in words.</summary>
internal static class ClusterWords
{
    /// <summary>A name that a segment can have.</summary>
    public static string Shorten(string name) => name.Length <= Segment.NameMaxLength ? name : name[..(Segment.NameMaxLength - 1)] + "…";

    /// <summary>Why there are no groups.</summary>
    public static string ExplainNone(IReadOnlyList<ClusterTrial> trials)
    {
        if (trials.Where(t => t.IsDistinct).MaxBy(t => t.Gain) is not { } best)
        {
            return $"No number of groups from {trials[0].K} to {trials[^1].K} divides these customers better than customers are divided "
                + "who have the same values and correlations but no groups.";
        }

        var found = trials.Where(t => t is { IsDistinct: true, IsLarge: true }).MaxBy(t => t.Gain);
        return found is null
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{best.K} groups stand out, but the smallest has {best.Smallest:0.0 %} of the customers; {ClusterSearch.LeastShare:0 %} ")
                + "are needed."
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{found.K} groups stand out, but samples of the customers don't find them all again: a mean Jaccard similarity of ")
                + string.Create(
                    CultureInfo.InvariantCulture,
                    $"{ClusterSearch.LeastStability} is needed, the least is {found.Stability!.Min():0.00}.");
    }
}
