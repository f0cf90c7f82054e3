using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Rules;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Segments;

/// <summary>
/// Who is in a segment: compiles rules against the definitions of now, and asks PostgreSQL in one statement. Looking at the past
/// means that what events add up to is counted again.
/// </summary>
public sealed class SegmentQuery(SegmentationDb db, DefinitionCache cache, StoredMembership stored, TimeProvider time)
{
    public Task<DefinitionSet> DefinitionsAsync(CancellationToken cancellation) => cache.GetAsync(db, cancellation);

    /// <summary>A stored segment's definition.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public async Task<(DefinitionSet All, SegmentDefinition Segment)> FindAsync(string key, CancellationToken cancellation)
    {
        var all = await DefinitionsAsync(cancellation);
        return all.Segments.TryGetValue(key, out var segment) ? (all, segment) : throw ApiProblem.NotFound("segment");
    }

    /// <summary>Who is in a stored segment. One that can't be evaluated matches nobody.</summary>
    /// <param name="customer">Ask of this customer only: no other's events are looked at.</param>
    public MemberPredicate Ask(DefinitionSet all, SegmentDefinition segment, DateTimeOffset? asOf, long? customer = null)
    {
        var (at, historical) = Clock(asOf);
        return new MemberPredicate(Predicate(all, segment, at, historical, customer), at);
    }

    /// <summary>
    /// Who is in a stored segment: read from stored membership where that is kept and nothing else is asked for, else evaluated.
    /// </summary>
    /// <param name="live">Evaluate the rule in any case.</param>
    public async Task<MemberPredicate> AskAsync(DefinitionSet all, SegmentDefinition segment, DateTimeOffset? asOf, bool? live, CancellationToken cancellation) =>
        await KeptAsync(all, segment, asOf, live, cancellation) is { } kept
            ? new MemberPredicate(c => db.Memberships.Any(m => m.CustomerKey == c.Key && m.SegmentId == segment.Id && m.LeftBatch == null), kept.KeptUntil)
            : Ask(all, segment, asOf);

    /// <summary>Who is in any of some segments, in all of them, or in the first and in no other.</summary>
    public async Task<MemberPredicate> CombineAsync(DefinitionSet all, SetOperation operation, IReadOnlyList<SegmentDefinition> segments, CancellationToken cancellation)
    {
        var questions = new List<MemberPredicate>();
        foreach (var segment in segments)
        {
            questions.Add(await AskAsync(all, segment, asOf: null, live: null, cancellation));
        }

        var customer = Expression.Parameter(typeof(Customer), "c");
        Expression[] members = [.. questions.Select(q => Splice.Body(q.Predicate, customer))];
        var body = operation switch
        {
            SetOperation.Union => Splice.Or(members),
            SetOperation.Intersection => Splice.And(members),
            _ => Splice.And(members[0], Expression.Not(Splice.Or(members.AsSpan(1)))),
        };
        return new MemberPredicate(Expression.Lambda<Func<Customer, bool>>(body, customer), questions.Min(q => q.EvaluatedAt));
    }

    /// <summary>How many are in a stored segment, of how many customers.</summary>
    /// <inheritdoc cref="AskAsync"/>
    public async Task<SegmentCount> CountAsync(DefinitionSet all, SegmentDefinition segment, DateTimeOffset? asOf, bool? live, CancellationToken cancellation) =>
        await KeptAsync(all, segment, asOf, live, cancellation) is { } kept ? Share(kept.Size, kept.Customers, kept.KeptUntil) : await CountAsync(Ask(all, segment, asOf), cancellation);

    private async Task<StoredSize?> KeptAsync(DefinitionSet all, SegmentDefinition segment, DateTimeOffset? asOf, bool? live, CancellationToken cancellation) =>
        asOf is null && live != true && all.IsKept(segment) ? await stored.SizeAsync(segment.Id, cancellation) : null;

    /// <summary>Whom a rule matches.</summary>
    /// <exception cref="ApiProblem">400: the rule has errors.</exception>
    public MemberPredicate Ask(DefinitionSet all, JsonElement rule, string timeZone, DateTimeOffset? asOf)
    {
        var (at, historical) = Clock(asOf);
        var compiled = all.Compile(rule, Backend.Sql, historical);
        return compiled.IsValid
            ? new MemberPredicate(compiled.ToQuery(new Evaluation(at, timeZone), rows => Source(rows)), at)
            : throw ApiProblem.Invalid(AtRule(compiled.Errors));
    }

    /// <summary>The members, to be paged, filtered or streamed.</summary>
    public IQueryable<Customer> Members(MemberPredicate question) => db.Customers.AsNoTracking().Where(question.Predicate);

    /// <summary>Counts members and customers, both from one snapshot.</summary>
    public async Task<SegmentCount> CountAsync(MemberPredicate question, CancellationToken cancellation)
    {
        var members = db.Customers.Where(question.Predicate);
        var row = await db.CustomerTotals.Select(t => new { Total = t.Customers, Count = members.LongCount() }).SingleAsync(cancellation);
        return Share(row.Count, row.Total, question.EvaluatedAt);
    }

    /// <summary>Counts, and shows some of the members.</summary>
    public async Task<(SegmentCount Count, IReadOnlyList<Customer> Sample)> PreviewAsync(MemberPredicate question, int sampleSize, CancellationToken cancellation)
    {
        if (sampleSize == 0 || !Groups.In(question.Predicate))
        {
            // A few matches are found at once, and the count can then be made by parallel workers.
            var some = sampleSize == 0 ? [] : await Members(question).Take(sampleSize).ToListAsync(cancellation);
            return (await CountAsync(question, cancellation), some);
        }

        // What is dear is to group the events: once, then, for count and sample.
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            await using var command = (NpgsqlCommand)Members(question).Select(c => c.Key).CreateDbCommand();
            command.CommandText = $"WITH members AS MATERIALIZED ({command.CommandText}) SELECT (SELECT count(*) FROM members), (SELECT customers FROM customer_total), ARRAY(SELECT key FROM members LIMIT {sampleSize})";
            SegmentCount count;
            long[] keys;
            await using (var reader = await command.ExecuteReaderAsync(cancellation))
            {
                await reader.ReadAsync(cancellation);
                count = Share(reader.GetInt64(0), reader.GetInt64(1), question.EvaluatedAt);
                keys = reader.GetFieldValue<long[]>(2);
            }

            return (count, await db.Customers.AsNoTracking().Where(c => keys.Contains(c.Key)).ToListAsync(cancellation));
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
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

    private Expression<Func<Customer, bool>> Predicate(DefinitionSet all, SegmentDefinition segment, DateTimeOffset at, bool historical, long? customer)
    {
        if (segment.Kind == SegmentKind.Manual)
        {
            return c => c.ManualMemberships.Any(m => m.SegmentId == segment.Id);
        }

        var rule = all.Compile(segment.Rule!.Value, Backend.Sql, historical, segment.Key);
        return rule.IsValid ? rule.ToQuery(new Evaluation(at, segment.TimeZone), rows => Source(rows, customer)) : _ => false;
    }

    // Whether the predicate groups events, which has to be done for the first match as for all.
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
            found |= node.Method.Name == nameof(Queryable.GroupBy);
            return found ? node : base.VisitMethodCall(node);
        }
    }

    private IQueryable Source(Type rows, long? customer = null) =>
        rows == typeof(CustomerEvent) && customer is not null ? db.Events.Where(e => e.CustomerKey == customer) : db.Rows(rows);
}
