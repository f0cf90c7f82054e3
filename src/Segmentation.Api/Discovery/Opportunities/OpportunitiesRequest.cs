using System.Text.Json;
using Segmentation.Api.Analyses;
using Segmentation.Models.Opportunities;

namespace Segmentation.Api.Discovery;

/// <summary>Groups of customers, described by what was known some days ago, whose target since then is unusual.</summary>
/// <param name="Target">What is looked at: a metric, or a rule.</param>
/// <param name="Days">So many days before <c>asOf</c> customers are described; the metric's events since then count, and so do, in what
/// describes them, the events of as many days before: 1 to 3,650; 30 when left out.</param>
/// <param name="Direction"><c>high</c>, <c>low</c> or <c>both</c>: whether the target is to be unusually high or low; both when left out.
/// </param>
/// <param name="Within">The key of a segment that everybody is restricted to, as of <c>days</c> ago; nobody is left out without it.</param>
/// <param name="Conditions">How many conditions a group has at most, 1 to 3; 2 when left out.</param>
/// <param name="Top">How many groups are taken at most, to be tested on the half of customers that was not searched: 1 to 100; 20 when
/// left out. The more, the stronger each has to be.</param>
/// <param name="MinimumSize">How many customers a group has at least, 10 to a billion; when left out a hundredth of all, and 50 at least.
/// </param>
/// <param name="Seed">By it and their ids customers are divided into halves; 1 when left out.</param>
public sealed record OpportunitiesRequest(
    [property: Http.Needed] OpportunityTarget? Target = null,
    int? Days = null,
    GroupDirection? Direction = null,
    string? Within = null,
    int? Conditions = null,
    int? Top = null,
    int? MinimumSize = null,
    int? Seed = null)
    : AnalysisRequest;

/// <summary>What opportunities are about: one of the two.</summary>
/// <param name="Metric">A metric's key: its sum where its kind is <c>sum</c>, else its conversion, since <c>days</c> ago.</param>
/// <param name="Rule">A rule: whether it holds now.</param>
public sealed record OpportunityTarget(string? Metric = null, JsonElement? Rule = null);
