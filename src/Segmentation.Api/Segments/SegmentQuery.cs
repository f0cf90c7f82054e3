using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules;

namespace Segmentation.Api.Segments;

/// <summary>How many customers match.</summary>
/// <param name="Share">0 to 1 of all customers; 0 when there are none.</param>
public sealed record SegmentCount(long Count, long Total, decimal Share, DateTimeOffset EvaluatedAt);

/// <summary>A rule at an instant, as a query's predicate.</summary>
public sealed record Question(Expression<Func<Customer, bool>> Predicate, DateTimeOffset EvaluatedAt);

/// <summary>
/// Who is in a segment: compiles rules against the definitions of now, and asks PostgreSQL in one statement. Looking at the past
/// means that what events add up to is counted again.
/// </summary>
public sealed class SegmentQuery(SegmentationDb db, DefinitionCache cache, TimeProvider time)
{
    public Task<Definitions> DefinitionsAsync(CancellationToken cancellation) => cache.GetAsync(db, cancellation);

    /// <summary>A stored segment's definition.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public async Task<(Definitions All, SegmentDefinition Segment)> FindAsync(string key, CancellationToken cancellation)
    {
        var all = await DefinitionsAsync(cancellation);
        return all.Segments.TryGetValue(key, out var segment) ? (all, segment) : throw ApiProblem.NotFound("segment");
    }

    /// <summary>Who is in a stored segment. One that can't be evaluated matches nobody.</summary>
    public Question Ask(Definitions all, SegmentDefinition segment, DateTimeOffset? asOf)
    {
        var (at, historical) = Clock(asOf);
        if (segment.Kind == SegmentKind.Manual)
        {
            return new Question(c => c.ManualMemberships.Any(m => m.SegmentId == segment.Id), at);
        }

        var rule = all.Compile(segment.Rule!.Value, Backend.Sql, historical, segment.Key);
        return new Question(rule.IsValid ? rule.ToQuery(new Evaluation(at, segment.TimeZone), Source) : _ => false, at);
    }

    /// <summary>Whom a rule matches.</summary>
    /// <exception cref="ApiProblem">400: the rule has errors.</exception>
    public Question Ask(Definitions all, JsonElement rule, string timeZone, DateTimeOffset? asOf)
    {
        var (at, historical) = Clock(asOf);
        var compiled = all.Compile(rule, Backend.Sql, historical);
        return compiled.IsValid
            ? new Question(compiled.ToQuery(new Evaluation(at, timeZone), Source), at)
            : throw ApiProblem.Invalid(AtRule(compiled.Errors));
    }

    /// <summary>The members, to be paged, filtered or streamed.</summary>
    public IQueryable<Customer> Members(Question question) => db.Customers.AsNoTracking().Where(question.Predicate);

    /// <summary>Counts members and customers, both from one snapshot.</summary>
    public async Task<SegmentCount> CountAsync(Question question, CancellationToken cancellation)
    {
        var members = db.Customers.Where(question.Predicate);
        var row = await db.CustomerTotals.Select(t => new { Total = t.Customers, Count = members.LongCount() }).SingleAsync(cancellation);
        return Share(row.Count, row.Total, question.EvaluatedAt);
    }

    public static SegmentCount Share(long count, long total, DateTimeOffset at) => new(count, total, total == 0 ? 0 : Math.Round((decimal)count / total, 6), at);

    /// <summary>The errors of a rule, at their place in a request that holds it as <c>rule</c>.</summary>
    public static IEnumerable<RuleError> AtRule(IEnumerable<RuleError> errors) => errors.Select(e => new RuleError("/rule" + e.Pointer, e.Message));

    /// <summary>The instant to look at, and whether it is in the past.</summary>
    public (DateTimeOffset At, bool Historical) Clock(DateTimeOffset? asOf)
    {
        // No event is later than now, so only an instant before it hides any.
        var now = time.GetUtcNow();
        return (LocalTime.Truncate(asOf ?? now), asOf < now);
    }

    private IQueryable Source(Type rows) => rows == typeof(CustomerTotal) ? db.CustomerTotals : db.Events;
}
