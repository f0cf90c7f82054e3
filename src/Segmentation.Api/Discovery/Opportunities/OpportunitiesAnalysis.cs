using System.Globalization;
using System.Linq.Expressions;
using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Analyses;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;
using Segmentation.Models.Opportunities;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Discovery;

/// <summary>
/// Analysis <c>opportunities</c>: groups, found on one half of customers and tested on the other, whose target is unusually high or low.
/// </summary>
internal sealed class OpportunitiesAnalysis(
    SegmentationDb db, SegmentQuery query, MetricStore metrics, OpportunityCustomers customers, SegmentCovers covers,
    InsightOptions insight)
    : AnalysisType<OpportunitiesRequest>
{
    private const int LeastCustomers = 200, LeastOfOutcome = 20;
    private const int DefaultDays = 30, MaxDays = 3650;
    private const int DefaultConditions = 2;
    private const int DefaultTop = 20, MaxTop = 100;
    private const int LeastSize = 10, DefaultLeastSize = 50, MaxSize = 1_000_000_000;
    private const double DefaultLeastShare = 0.01;

    public override string Name => "opportunities";

    protected override async Task<OpportunitiesRequest> CheckAsync(OpportunitiesRequest request, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        List<RuleError> faults = [];
        var target = request.Target ?? new OpportunityTarget();
        Add((target.Metric is null) == (target.Rule is null), "/target", "A target is one of {\"metric\":KEY} and {\"rule\":{…}}.");
        if (target is { Rule: { } rule, Metric: null })
        {
            faults.AddRange(all.Compile(rule, Backend.Sql, historical: false).Errors
                .Select(e => e with { Pointer = "/target/rule" + e.Pointer }));
        }

        if (request.Within is { } within)
        {
            Add(!all.Segments.ContainsKey(within), "/within", SegmentKeys.DescribeUnknown(all, within));
            Add(all.FindErrors(within) is not [], "/within", "Its rule can't be evaluated: GET the segment for what is wrong.");
        }

        Add(request.Days is < 1 or > MaxDays, "/days", $"days must be an integer from 1 to {MaxDays}.");
        Add(
            request.Conditions is < 1 or > GroupSearch.MostConditions, "/conditions",
            $"conditions must be an integer from 1 to {GroupSearch.MostConditions}.");
        Add(request.Top is < 1 or > MaxTop, "/top", $"top must be an integer from 1 to {MaxTop}.");
        Add(
            request.MinimumSize is < LeastSize or > MaxSize, "/minimumSize",
            $"minimumSize must be an integer from {LeastSize} to {MaxSize}.");
        if (faults.Count > 0)
        {
            throw ApiProblem.Invalid(faults);
        }

        // Those that it is about are looked at as they were some days before.
        query.CheckInstant(all, request.Within is { } pool ? all.Find(pool).Rule : null, query.Clock(request.AsOf).At);
        query.CheckInstant(all, target.Rule, request.AsOf);
        if (target.Metric is { } metric)
        {
            await metrics.GetAsync(metric, "/target/metric", cancellation);
        }

        return request with
        {
            Days = request.Days ?? DefaultDays,
            Direction = request.Direction ?? GroupDirection.Both,
            Conditions = request.Conditions ?? DefaultConditions,
            Top = request.Top ?? DefaultTop,
            Seed = request.Seed ?? 1,
        };

        void Add(bool isWrong, string place, string message)
        {
            if (isWrong)
            {
                faults.Add(new RuleError(place, message));
            }
        }
    }

    protected override async Task<AnalysisOutcome> RunAsync(
        OpportunitiesRequest request, AnalysisRun run, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var now = new Evaluation(LocalTime.Truncate(request.AsOf ?? run.StartedAt), TimeZones.Default);
        var then = new Evaluation(OpportunityMoment.Before(now, request.Days!.Value), TimeZones.Default);
        var sides = new ProfileSides(db, then);
        var fields = new OpportunityFields(
            all.Catalog(Backend.Sql, query.Clock(then.AsOf).Historical), all, request.Target!.Rule, sides.ReadsCustomer);
        var pool = request.Within is { } within ? query.CreatePredicate(all, all.Find(within), then.AsOf).Predicate : _ => true;
        Expression<Func<Customer, bool>> member = request.Target.Rule is { } rule
            ? query.CreatePredicate(all, rule, TimeZones.Default, request.AsOf).Predicate
            : _ => false;
        var (members, others) = await sides.CreateAsync(pool, member, fields.Numbers, cancellation);
        run.Report(0.2);
        var (halves, newcomers) = await customers.DivideAsync(sides, request.Seed!.Value, then, cancellation);
        if (newcomers > 0)
        {
            run.Warn("came-since", string.Create(CultureInfo.InvariantCulture,
                $"{newcomers} customers were first seen, or signed up, after {then.AsOf:yyyy-MM-dd}. They count, and what stands in their "
                + $"profile describes them. A segment whose rule is temporal.firstSeenAt <= now, as within, leaves out who came later."));
        }

        var outcome = request.Target.Metric is { } key
            ? await customers.ReadMetricAsync(
                await metrics.GetAsync(key, "/target/metric", cancellation), halves, then.AsOf, now.AsOf, cancellation)
            : await customers.ReadMembersAsync(halves, cancellation);
        var size = request.MinimumSize ?? Math.Max(DefaultLeastSize, (int)(DefaultLeastShare * (members + others)));
        CheckEnough(halves, outcome, size);
        run.Report(0.3);

        var leastOfHalf = Math.Max((size + 1) / 2, insight.MinimumGroup);
        var conditions = new ConditionSet(halves, leastOfHalf);
        var reader = new ConditionReader(sides, fields, request.Days.Value, insight.MinimumGroup, conditions);
        await reader.ReadAsync(done => run.Report(0.3 + (0.4 * done)), cancellation);
        if (conditions.LeftOut > 0)
        {
            run.Warn("too-many-conditions", string.Create(CultureInfo.InvariantCulture,
                $"{ConditionSet.Most} conditions were searched; there was no room for {conditions.LeftOut} more. A larger minimumSize has ")
                + "fewer.");
        }

        var search = new GroupSearch(
            [.. conditions.Conditions.Select(c => c.Bits)], halves, outcome,
            new GroupSettings(request.Conditions!.Value, request.Top!.Value, leastOfHalf, request.Direction!.Value));
        var findings = new OpportunityFindings(all, conditions.Conditions, halves, outcome, request.Within);
        var found = findings.Test(search.Search(done => run.Report(0.7 + (0.2 * done)), cancellation), insight.MinimumGroup);
        var covered = await covers.FindAsync(
            all, [.. found.Select(f => findings.ListRules(f.Group))], request.AsOf, done => run.Report(0.9 + (0.1 * done)), cancellation);
        var told = found.Zip(covered, findings.Tell).ToList();
        var result = new OpportunitiesResult(
            then.AsOf, size, search.Searched, found.Count, findings.TellEveryone(), [.. told.Where(o => o.Confirmed)]);
        return new AnalysisOutcome(Write(result), Write(result with { Opportunities = told }));
    }

    private static void CheckEnough(CustomerHalves halves, Outcome outcome, int size)
    {
        var with = outcome.Count;
        var needed = new Dictionary<string, decimal>
        {
            ["customers"] = Math.Max(LeastCustomers, 2m * size),
            ["customersWithTheTarget"] = LeastOfOutcome,
        };
        var found = new Dictionary<string, decimal> { ["customers"] = halves.Count, ["customersWithTheTarget"] = with };
        if (outcome.IsShare)
        {
            (needed["customersWithoutTheTarget"], found["customersWithoutTheTarget"]) = (LeastOfOutcome, halves.Count - with);
        }

        if (needed.Any(n => found[n.Key] < n.Value))
        {
            throw AnalysisFailure.TooFewData(
                "Too few customers to divide into halves, or too few with the target, or without it. More days, a wider target or a "
                + "smaller minimumSize may do.",
                needed, found);
        }
    }

    private static JsonNode Write(OpportunitiesResult result) => JsonSerializer.SerializeToNode(result, Json.Options)!;
}
