using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>
/// Who is in a segment, evaluated: compiles rules against the definitions of now, and queries PostgreSQL in one statement. For an instant
/// in the past, what events add up to is counted again.
/// </summary>
/// <param name="requests">Whose request it is; null for nobody's.</param>
public sealed class SegmentQuery(SegmentationDb db, DefinitionCache cache, TimeProvider time, IHttpContextAccessor? requests = null)
{
    public Task<DefinitionSet> DefinitionsAsync(CancellationToken cancellation) => cache.GetAsync(db, cancellation);

    /// <summary>A stored segment's definition.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public async Task<(DefinitionSet All, SegmentDefinition Segment)> FindAsync(string key, CancellationToken cancellation)
    {
        var all = await DefinitionsAsync(cancellation);
        return (all, all.Find(key));
    }

    /// <summary>
    /// Whether the caller may ask whom a rule matches at an instant that is not now. By halving, the instants tell a date or an age that
    /// the rule compares with the clock: where one is sensitive, that needs the scope <c>privacy</c>. Who is in a segment now stays
    /// readable.
    /// </summary>
    public bool MayChooseInstant(DefinitionSet all, JsonElement? rule) =>
        requests?.HttpContext is not { } context || context.Caller.Has(Scopes.Privacy) || !all.ReadsSensitive(rule)
        || !all.ReadsClock(rule!.Value);

    /// <summary>Refuses an instant that the caller may not choose.</summary>
    /// <param name="asOf">Null for now.</param>
    /// <exception cref="ApiProblem">403.</exception>
    public void CheckInstant(DefinitionSet all, JsonElement? rule, DateTimeOffset? asOf)
    {
        if (asOf is not null && !MayChooseInstant(all, rule))
        {
            throw AccessProblems.Forbidden(
                Scopes.Privacy,
                "A rule here reads a sensitive field, which whoever chooses the instant could find out: ask of now, or call with a key "
                + $"that has the scope {Scopes.Privacy}.");
        }
    }

    /// <summary>Who is in a defined segment. One that can't be evaluated matches nobody.</summary>
    /// <param name="customer">The only customer to evaluate: no other's events are read.</param>
    public MemberPredicate CreatePredicate(DefinitionSet all, SegmentDefinition segment, DateTimeOffset? asOf, long? customer = null)
    {
        CheckInstant(all, segment.Rule, asOf);
        var (at, historical) = Clock(asOf);
        return new MemberPredicate(all.CreatePredicate(segment, at, historical, rows => Source(db, rows, customer)), at);
    }

    /// <summary>Whom a rule matches.</summary>
    /// <param name="requiresConsent">The purposes that they have consented to besides; null for none.</param>
    /// <exception cref="ApiProblem">400: the rule has errors.</exception>
    public MemberPredicate CreatePredicate(
        DefinitionSet all, JsonElement rule, string timeZone, DateTimeOffset? asOf, string[]? requiresConsent = null)
    {
        CheckInstant(all, rule, asOf);
        var (at, historical) = Clock(asOf);
        var compiled = all.Compile(rule, Backend.Sql, historical, requiresConsent: requiresConsent);
        return compiled.IsValid
            ? new MemberPredicate(compiled.ToQuery(new Evaluation(at, timeZone), db.Rows), at)
            : throw ApiProblem.Invalid(AtRule(compiled.Errors));
    }

    /// <summary>The members, to be paged, filtered or streamed.</summary>
    public IQueryable<Customer> Members(MemberPredicate predicate) => db.Customers.AsNoTracking().Where(predicate.Predicate);

    /// <summary>The members' keys, in their order, by one statement: eight bytes each, for what can't evaluate the rule again.</summary>
    public async Task<long[]> ListKeysAsync(MemberPredicate predicate, CancellationToken cancellation)
    {
        long[] keys = await Members(predicate).Select(c => c.Key).ToArrayAsync(cancellation);
        Array.Sort(keys);
        return keys;
    }

    /// <summary>Counts members and customers, both from one snapshot.</summary>
    public async Task<SegmentCount> CountAsync(MemberPredicate predicate, CancellationToken cancellation)
    {
        await using var thresholds = await PercentileThresholds.ReadAsync(db, predicate.Predicate, cancellation);
        var members = db.Customers.Where(thresholds.Predicate);
        var row = await db.CustomerTotals.Select(t => new { Total = t.Customers, Count = members.LongCount() }).SingleAsync(cancellation);
        return Share(row.Count, row.Total, predicate.EvaluatedAt);
    }

    /// <summary>Counts, and shows some of the members.</summary>
    public async Task<(SegmentCount Count, IReadOnlyList<Customer> Sample)> PreviewAsync(
        MemberPredicate predicate, int sampleSize, CancellationToken cancellation)
    {
        await using var thresholds = await PercentileThresholds.ReadAsync(db, predicate.Predicate, cancellation);
        predicate = predicate with { Predicate = thresholds.Predicate };
        if (sampleSize == 0 || !Groups.In(predicate.Predicate))
        {
            // A few matches are found at once, and the count can then be made by parallel workers.
            var some = sampleSize == 0 ? [] : await Members(predicate).Take(sampleSize).ToListAsync(cancellation);
            return (await CountAsync(predicate, cancellation), some);
        }

        // Grouping the events is expensive: done once for both the count and the sample.
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            await using var command = (NpgsqlCommand)Members(predicate).Select(c => c.Key).CreateDbCommand();
            command.CommandText =
                $"""
                WITH members AS MATERIALIZED ({command.CommandText})
                SELECT (SELECT count(*) FROM members), (SELECT customers FROM customer_total),
                  ARRAY(SELECT key FROM members LIMIT {sampleSize})
                """;
            SegmentCount count;
            long[] keys;
            await using (var reader = await command.ExecuteReaderAsync(cancellation))
            {
                await reader.ReadAsync(cancellation);
                count = Share(reader.GetInt64(0), reader.GetInt64(1), predicate.EvaluatedAt);
                keys = reader.GetFieldValue<long[]>(2);
            }

            return (count, await db.Customers.AsNoTracking().Where(c => keys.Contains(c.Key)).ToListAsync(cancellation));
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    public static SegmentCount Share(long count, long total, DateTimeOffset at) =>
        new(count, total, total == 0 ? 0 : Math.Round((decimal)count / total, 6), at);

    /// <summary>The errors of a rule, at their place in a request that holds it as <c>rule</c>.</summary>
    public static IEnumerable<RuleError> AtRule(IEnumerable<RuleError> errors) =>
        errors.Select(e => e with { Pointer = "/rule" + e.Pointer });

    /// <summary>The instant to evaluate at, and whether it is in the past.</summary>
    public (DateTimeOffset At, bool Historical) Clock(DateTimeOffset? asOf)
    {
        // No event is later than now, so only an instant before it hides any.
        var now = time.GetUtcNow();
        return (LocalTime.Truncate(asOf ?? now), asOf < now);
    }

    // Whether the predicate groups events, or sorts them for a sequence, which costs as much for the first match as for all.
    private sealed class Groups : ExpressionVisitor
    {
        private bool found;

        public static bool In(Expression predicate)
        {
            var search = new Groups();
            search.Visit(predicate);
            return search.found;
        }

        protected override Expression VisitMethodCall(MethodCallExpression node)
        {
            found |= node.Method.Name == nameof(Queryable.GroupBy) || node.Method.DeclaringType == typeof(SequenceRow);
            return found ? node : base.VisitMethodCall(node);
        }
    }

    /// <summary>The rows of a type that rules read.</summary>
    /// <param name="customer">The only customer whose events are; null for everybody's.</param>
    internal static IQueryable Source(SegmentationDb db, Type rows, long? customer) =>
        rows == typeof(CustomerEvent) && customer is not null ? db.Events.Where(e => e.CustomerKey == customer) : db.Rows(rows);
}
