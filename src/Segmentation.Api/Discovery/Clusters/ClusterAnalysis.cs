using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Analyses;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Models.Clusters;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Discovery;

/// <summary>Analysis <c>clusters</c>: whether customers are in groups, and each group as a rule.</summary>
internal sealed class ClusterAnalysis(
    SegmentationDb db, SegmentQuery query, MembershipReader memberships, RevenueOptions revenue, InsightOptions options)
    : AnalysisType<ClustersRequest>
{
    private const int LeastK = 2;
    private const int MostK = 12;
    private const int MostTried = 10;
    private const int LeastFields = 2;
    private const int MostFields = 100;
    private const int LeastCustomers = 100;
    private const double Learned = 0.7;
    private const double LeastAccuracy = 0.8;

    public override string Name => "clusters";

    protected override async Task<ClustersRequest> CheckAsync(ClustersRequest request, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        List<RuleError> faults = [];
        if (request.Within is { } key)
        {
            if (!all.Segments.ContainsKey(key))
            {
                faults.Add(new("/within", SegmentKeys.DescribeUnknown(all, key)));
            }
            else if (all.FindErrors(key) is not [])
            {
                faults.Add(new("/within", "Its rule can't be evaluated: GET the segment for what is wrong."));
            }
        }

        if (request.K is < LeastK or > MostK)
        {
            faults.Add(new("/k", $"k must be an integer from {LeastK} to {MostK}."));
        }

        var (_, historical) = query.Clock(request.AsOf);
        var catalog = all.Catalog(Backend.Sql, historical);
        var known = new ClusterFields(catalog, all, null, revenue, _ => true).All.Select(f => f.Name).ToList();
        foreach (var (i, name) in (request.Fields ?? []).Index().Where(f => !known.Contains(f.Item)))
        {
            var nearest = NearestName.Find(name ?? "", known);
            var fault = catalog.All.Any(f => f.Name == name)
                ? "Customers can't be grouped by it: only by numbers, dates, texts, booleans and sets that are traits."
                : $"There is no field {ErrorText.Quote(name ?? "")}." + (nearest is null ? "" : $" Did you mean \"{nearest}\"?");
            faults.Add(new(string.Create(CultureInfo.InvariantCulture, $"/fields/{i}"), fault));
        }

        string[]? fields = request.Fields is null ? null : [.. request.Fields.Distinct().Order(StringComparer.Ordinal)];
        if (fields?.Length is < LeastFields or > MostFields)
        {
            faults.Add(new("/fields", $"There must be {LeastFields} to {MostFields} fields."));
        }

        if (faults.Count > 0)
        {
            throw ApiProblem.Invalid(faults);
        }

        query.CheckInstant(all, request.Within is { } within ? all.Find(within).Rule : null, request.AsOf);
        return request with { Fields = fields, Seed = request.Seed ?? 1 };
    }

    protected override async Task<AnalysisOutcome> RunAsync(ClustersRequest request, AnalysisRun run, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var within = request.Within is { } key ? all.Find(key) : null;
        var (_, historical) = query.Clock(request.AsOf);
        var at = new Evaluation(request.AsOf ?? run.StartedAt, within?.TimeZone ?? TimeZones.Default);
        var sides = new ProfileSides(db, at);
        var chosen = new ClusterFields(all.Catalog(Backend.Sql, historical), all, within, revenue, sides.ReadsCustomer);
        var (fields, customers, of) = await ReadAsync(all, within, chosen, request, sides, run, cancellation);
        run.Report(0.1);

        var encoding = new ClusterEncoding([.. fields.Select(f => f.Values)]);
        var trials = ClusterSearch.Try(
            encoding, request.K is { } k ? [k] : [.. Enumerable.Range(LeastK, MostTried - LeastK + 1)], request.Seed!.Value,
            done => run.Report(0.1 + (0.8 * done)), cancellation);
        run.Report(0.9);
        var found = request.K is null ? ClusterSearch.Choose(trials) : trials[0];
        if (request.K is not null)
        {
            WarnOfGiven(trials[0], run);
        }

        IReadOnlyList<string> names = [.. fields.Select(f => f.Field.Name)];
        IReadOnlyList<TriedResult> tried = [.. trials.Select(TriedResult.From)];
        if (found is null)
        {
            return Answer(new(null, ClusterWords.ExplainNone(trials), customers, of, names, null, null, [], null, [], 0, tried));
        }

        var traits = new ClusterTraits(fields, found.Clustering.Labels, chosen.Profile, at, options.MinimumGroup, Describe);
        var (accuracy, clusters) = Tell(fields, found, traits, within, Describe);
        if (clusters.Count < found.K)
        {
            run.Warn("fewer-groups", string.Create(
                CultureInfo.InvariantCulture, $"By these fields, customers differ in too few ways for {found.K} groups."));
        }

        if (accuracy < LeastAccuracy)
        {
            run.Warn("rules-differ", string.Create(CultureInfo.InvariantCulture, $"The rules are not the clusters: of {accuracy:0 %} of ")
                + "customers only, the rule that they satisfy is that of their cluster. Look at what a rule counts before it is used.");
        }

        var listed = clusters.Where(c => c.Customers >= options.MinimumGroup).OrderByDescending(c => c.Customers).ToList();
        return Answer(new(
            found.K, null, customers, of, names, found.Silhouette, new(found.ReferenceMean, found.ReferenceDeviation),
            [.. listed.Select(c => c.Jaccard)], accuracy, listed, customers - listed.Sum(c => c.Customers), tried));

        string? Describe(JsonObject rule)
        {
            var compiled = all.Compile(JsonSerializer.SerializeToElement(rule), Backend.Sql, historical: false);
            return compiled.IsValid ? compiled.Root.Description : null;
        }
    }

    private async Task<(List<GroupedField> Fields, int Customers, long Of)> ReadAsync(
        DefinitionSet all, SegmentDefinition? within, ClusterFields chosen, ClustersRequest request, ProfileSides sides, AnalysisRun run,
        CancellationToken cancellation)
    {
        var pool = within is null
            ? null
            : (await memberships.CreatePredicateAsync(all, within, request.AsOf, live: null, cancellation)).Predicate;
        var reader = new ClusterReader(sides);
        var (customers, of) = await reader.ChooseAsync(pool, request.Seed!.Value, cancellation);
        var named = chosen.Choose(request.Fields);
        var read = customers < LeastCustomers ? [] : await reader.ReadAsync(named, customers, cancellation);
        var fields = read.OfType<GroupedField>().Where(f => f.IsVaried).ToList();
        if (customers < LeastCustomers || fields.Count < LeastFields)
        {
            throw AnalysisFailure.TooFewData(
                $"Clusters need {LeastCustomers} customers and {LeastFields} fields in which they differ.",
                new Dictionary<string, decimal> { ["customers"] = LeastCustomers, ["fields"] = LeastFields },
                new Dictionary<string, decimal> { ["customers"] = customers, ["fields"] = fields.Count });
        }

        if (customers < of)
        {
            run.Warn("sampled", string.Create(CultureInfo.InvariantCulture, $"{customers:N0} of {of:N0} customers were looked at."));
        }

        if (request.Fields is not null && named.Where(f => fields.All(g => g.Field != f)).Select(f => f.Name).ToList() is [_, ..] left)
        {
            run.Warn("fields-left-out", $"Not grouped by, as they have one value only, or are texts of more than "
                + $"{ClusterReader.MostValues}: {string.Join(", ", left)}.");
        }

        return (fields, customers, of);
    }

    private (double Accuracy, List<ClusterResult> Clusters) Tell(
        List<GroupedField> fields, ClusterTrial found, ClusterTraits traits, SegmentDefinition? within, Func<JsonObject, string?> describe)
    {
        // The order is that of a hash: the last are any.
        var labels = found.Clustering.Labels;
        var learned = (int)(Learned * labels.Length);
        var tree = new DecisionTree([.. fields.Select(f => f.Values)], labels, found.K, learned, options.MinimumGroup);
        var (leaves, rules) = (tree.Leaves.ToLookup(l => l.Group), new ClusterRules(fields, within?.Key));
        var told = new int[found.K, found.K];
        for (var i = learned; i < labels.Length; i++)
        {
            told[labels[i], tree.Predict(i)]++;
        }

        var groups = Enumerable.Range(0, found.K).ToList();
        List<ClusterResult> clusters = [];
        foreach (var (group, size) in found.Clustering.Sizes(found.K).Index().Where(s => s.Item > 0))
        {
            var rule = leaves[group].Any() ? rules.Write([.. leaves[group]]) : null;
            var (marks, name) = traits.Tell(group);
            clusters.Add(new(
                rule, rule is null ? null : describe(rule), ClusterWords.Shorten(name), size, (double)size / labels.Length,
                Share(told[group, group], groups.Sum(g => told[g, group])), Share(told[group, group], groups.Sum(g => told[group, g])),
                found.Stability![group], marks));
        }

        return ((double)groups.Sum(g => told[g, g]) / (labels.Length - learned), clusters);

        static double? Share(int part, int whole) => whole == 0 ? null : (double)part / whole;
    }

    private static void WarnOfGiven(ClusterTrial trial, AnalysisRun run)
    {
        if (!trial.IsDistinct)
        {
            run.Warn("no-groups", "Customers without any groups are divided as well: they are parts of one whole.");
        }

        if (!trial.IsStable)
        {
            run.Warn("unstable", "Of other samples of the customers, other groups would have come.");
        }
    }

    private static AnalysisOutcome Answer(ClustersResult result) => new(JsonSerializer.SerializeToNode(result, Json.Options)!);
}
