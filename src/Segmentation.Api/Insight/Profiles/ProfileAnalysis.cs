using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Analyses;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>Analysis <c>profile</c>: what more or fewer of a segment's members have than of the others, tested and corrected.</summary>
internal sealed class ProfileAnalysis(
    SegmentationDb db, SegmentQuery query, MembershipReader memberships, RevenueOptions revenue, InsightOptions options)
    : AnalysisType<ProfileRequest>
{
    private const int MinimumSide = 30;
    private const int DefaultDays = 90;
    private const int MaxDays = 3650;
    private const int MaxProperties = 20;

    internal const string TypeName = "profile";

    public override string Name => TypeName;

    protected override async Task<ProfileRequest> CheckAsync(ProfileRequest request, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        List<RuleError> faults = [];
        CheckSegment(request.Segment ?? "", "/segment");
        foreach (var (key, place) in new[] { (request.Against, "/against"), (request.Within, "/within") })
        {
            if (key is not null)
            {
                CheckSegment(key, place);
                Add(key == request.Segment, place, "It must be another segment than the one that is compared.");
            }
        }

        Add(request.Days is < 1 or > MaxDays, "/days", $"days must be an integer from 1 to {MaxDays}.");
        Add(request.Properties?.Count > MaxProperties, "/properties", $"There can be at most {MaxProperties} properties.");
        foreach (var (i, property) in (request.Properties ?? []).Index())
        {
            Add(
                property is null || property.IndexOf('.', StringComparison.Ordinal) is < 1 || property.EndsWith('.')
                    || property.Contains("..", StringComparison.Ordinal) || property.Length > OpenProperty.NameMaxLength,
                $"/properties/{i}", "It must be a type of event and a property of it: \"order_completed.category\".");
        }

        if (faults.Count > 0)
        {
            throw ApiProblem.Invalid(faults);
        }

        foreach (var key in new[] { request.Segment, request.Against, request.Within }.OfType<string>())
        {
            query.CheckInstant(all, all.Find(key).Rule, request.AsOf);
        }

        return request with { Days = request.Days ?? DefaultDays, Properties = [.. (request.Properties ?? []).Distinct()] };

        void CheckSegment(string key, string place)
        {
            Add(key.Length == 0, place, "A profile needs the key of a segment.");
            Add(key.Length > 0 && !all.Segments.ContainsKey(key), place, SegmentKeys.DescribeUnknown(all, key));
            Add(all.FindErrors(key) is not [], place, "Its rule can't be evaluated: GET the segment for what is wrong.");
        }

        void Add(bool isWrong, string place, string message)
        {
            if (isWrong)
            {
                faults.Add(new RuleError(place, message));
            }
        }
    }

    protected override async Task<AnalysisOutcome> RunAsync(ProfileRequest request, AnalysisRun run, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var segment = all.Find(request.Segment!);
        var (_, historical) = query.Clock(request.AsOf);
        var at = new Evaluation(request.AsOf ?? run.StartedAt, segment.TimeZone);
        var against = request.Against is { } other ? all.Find(other) : null;
        var sides = new ProfileSides(db, at);
        var fields = new ProfileFields(
            all.Catalog(Backend.Sql, historical), all, against is null ? [segment] : [segment, against], revenue, sides.ReadsCustomer);
        var (members, others) = await DivideAsync(all, segment, against, request, sides, fields, cancellation);
        run.Report(0.2);

        var tests = new ProfileTestList(members, others, request.Days!.Value, at, fields, options.MinimumGroup);
        var values = new ProfileValues(sides, options.MinimumGroup);
        foreach (var (field, counts) in fields.Values.Zip(await values.CountAsync(fields.Values, cancellation)))
        {
            tests.AddValues(field, counts);
        }

        run.Report(0.4);
        foreach (var field in fields.Sets)
        {
            var (sent, folded, name) = ProfileFields.ToSql(field);
            tests.AddElements(field, await values.CountElementsAsync(sent, folded, name, cancellation));
        }

        const string consents = "c.consents_granted";
        tests.AddConsents(await values.CountElementsAsync(consents, consents, null, cancellation));
        run.Report(0.5);
        var numbers = new ProfileNumbers(sides);
        foreach (var (i, field) in fields.Numbers.Index())
        {
            tests.AddNumbers(field, await numbers.ReadAsync(i, cancellation));
            run.Report(0.5 + (0.2 * (i + 1) / fields.Numbers.Count));
        }

        var events = new ProfileEvents(sides, at.From(new DateValue.Relative(DateAnchor.Now, -request.Days.Value, DateUnit.Day)));
        await events.CreateAsync(cancellation);
        var types = await events.CountTypesAsync(cancellation);
        types.ForEach(tests.AddEvents);
        run.Report(0.8);
        foreach (var property in request.Properties!)
        {
            var (type, path) = Split(property, types);
            tests.AddProperty(type, path, await events.CountPropertyAsync(
                CaseNormalizer.Normalize(type), path.Split('.'), options.MinimumGroup, cancellation));
        }

        run.Report(0.9);
        var habits = await new ProfileHabits(sides, events, all.Sensitive, options.MinimumGroup).ReadAsync(cancellation);
        var (findings, whole) = new ProfileFindings(tests, rule => Describe(all, rule)).Tell(habits);
        return new AnalysisOutcome(Write(findings), Write(whole));
    }

    private async Task<(long Members, long Others)> DivideAsync(
        DefinitionSet all, SegmentDefinition segment, SegmentDefinition? against, ProfileRequest request, ProfileSides sides,
        ProfileFields fields, CancellationToken cancellation)
    {
        var member = await EvaluateAsync(segment);
        var pool = against is null ? null : Join(await EvaluateAsync(against), member, isAnd: false);
        if (request.Within is { } within)
        {
            var inside = await EvaluateAsync(all.Find(within));
            pool = pool is null ? inside : Join(inside, pool, isAnd: true);
        }

        var (members, others) = await sides.CreateAsync(pool ?? (_ => true), member, fields.Numbers, cancellation);
        return members >= MinimumSide && others >= MinimumSide ? (members, others) : throw AnalysisFailure.TooFewData(
            $"A profile compares {MinimumSide} members or more with {MinimumSide} others or more.",
            new Dictionary<string, decimal> { ["members"] = MinimumSide, ["others"] = MinimumSide },
            new Dictionary<string, decimal> { ["members"] = members, ["others"] = others });

        async Task<System.Linq.Expressions.Expression<Func<Customers.Customer, bool>>> EvaluateAsync(SegmentDefinition of) =>
            (await memberships.CreatePredicateAsync(all, of, request.AsOf, live: null, cancellation)).Predicate;
    }

    private static System.Linq.Expressions.Expression<Func<Customers.Customer, bool>> Join(
        System.Linq.Expressions.Expression<Func<Customers.Customer, bool>> a,
        System.Linq.Expressions.Expression<Func<Customers.Customer, bool>> b,
        bool isAnd)
    {
        var (first, second) = (a.Body, Splice.Body(b, a.Parameters[0]));
        return System.Linq.Expressions.Expression.Lambda<Func<Customers.Customer, bool>>(
            isAnd ? Splice.And(first, second) : Splice.Or(first, second), a.Parameters[0]);
    }

    // Both may have dots: the longest type that there is, else up to the first.
    private static (string Type, string Path) Split(string property, List<EventCounts> types)
    {
        var known = types.Where(t => property.StartsWith(t.Type + ".", StringComparison.OrdinalIgnoreCase)).MaxBy(t => t.Type.Length);
        var end = known?.Type.Length ?? property.IndexOf('.', StringComparison.Ordinal);
        return (property[..end], property[(end + 1)..]);
    }

    private static string? Describe(DefinitionSet all, JsonObject rule)
    {
        var compiled = all.Compile(JsonSerializer.SerializeToElement(rule), Backend.Sql, historical: false);
        return compiled.IsValid ? compiled.Root.Description : null;
    }

    private static JsonNode Write(ProfileResult result) => JsonSerializer.SerializeToNode(result, Json.Options)!;
}
