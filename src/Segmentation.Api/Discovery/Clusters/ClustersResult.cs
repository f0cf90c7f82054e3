using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Segmentation.Api.Insight;
using Segmentation.Models.Clusters;

namespace Segmentation.Api.Discovery;

/// <summary>The groups that there are.</summary>
/// <param name="K">How many; null where there are none.</param>
/// <param name="Why">Why there are none; null where there are some.</param>
/// <param name="Customers">How many customers were looked at.</param>
/// <param name="Of">How many there are.</param>
/// <param name="Fields">The fields by which they were grouped.</param>
/// <param name="Silhouette">How much nearer they are to their own group than to the next, -1 to 1.</param>
/// <param name="Reference">The same of customers without groups.</param>
/// <param name="Stability">How well each group is found again in samples, 0 to 1, in the order of the clusters.</param>
/// <param name="Accuracy">Whose rule is that of their group: the share of those who the rules were not made from.</param>
/// <param name="Clusters">The groups, the largest first; without those that fewer than 5 customers are in.</param>
/// <param name="Other">How many customers are in groups that are not listed.</param>
/// <param name="Tried">What each number of groups came to.</param>
internal sealed record ClustersResult(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] int? K,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Why,
    int Customers,
    long Of,
    IReadOnlyList<string> Fields,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Silhouette,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] ReferenceResult? Reference,
    IReadOnlyList<double> Stability,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Accuracy,
    IReadOnlyList<ClusterResult> Clusters,
    int Other,
    IReadOnlyList<TriedResult> Tried);

internal sealed record ReferenceResult(double Mean, double Deviation);

/// <summary>A group.</summary>
/// <param name="Rule">Who is in it, as a rule; each customer satisfies exactly one of the clusters'. Null where none leads to it.</param>
/// <param name="Text">The rule in words.</param>
/// <param name="Name">What marks it most.</param>
/// <param name="Customers">How many of those looked at are in it.</param>
/// <param name="Precision">Of those who satisfy its rule, the share that is in it; null where nobody does.</param>
/// <param name="Recall">Of those in it, the share that satisfies its rule; null where nobody was left to tell.</param>
/// <param name="Jaccard">How well it is found again in samples.</param>
/// <param name="Traits">What marks it, as a profile against all the others has it: five at most.</param>
internal sealed record ClusterResult(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] JsonNode? Rule,
    string? Text,
    string Name,
    int Customers,
    double Share,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Precision,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Recall,
    double Jaccard,
    IReadOnlyList<TraitResult> Traits);

/// <summary>What a number of groups came to.</summary>
/// <param name="Above">How many of the 20 references it is above.</param>
/// <param name="Distance">How many deviations it is above their mean.</param>
/// <param name="Gain">How much of what a silhouette could have more than theirs it has.</param>
/// <param name="Smallest">The smallest group's share.</param>
/// <param name="Stability">The least of the groups'; left out where it was not asked, as the rest had told.</param>
internal sealed record TriedResult(
    int K, double Silhouette, ReferenceResult Reference, int Above, double Distance, double Gain, double Smallest, double? Stability)
{
    public static TriedResult From(ClusterTrial trial) => new(
        trial.K, trial.Silhouette, new(trial.ReferenceMean, trial.ReferenceDeviation), trial.Above, trial.Distance, trial.Gain,
        trial.Smallest, trial.Stability?.Min());
}
