using System.Data;
using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>
/// What the clock alone will do to a segment: nothing is guessed, its rule is evaluated as of instants to come over the data of now. A
/// statement finds whom the clock may move at all; those are evaluated in memory, day by day.
/// </summary>
public sealed class ClockReader(
    SegmentationDb db, SegmentQuery query, MembershipReader memberships, CustomerRowReaders readers, TimeProvider time)
{
    /// <summary>How many days ahead.</summary>
    public const int MaxDays = 366, DefaultDays = 30;

    // What one request evaluates at most. Where few of those that the clock may move do move, a page is short and has a cursor.
    private const int MaxExamined = 5_000;
    private const int MaxEventsExamined = 1_000_000;

    // Loaded at a time.
    private const int MaxLoaded = 250, MaxEventsLoaded = 100_000;

    /// <summary>How many days ahead a request looks.</summary>
    /// <exception cref="ApiProblem">400.</exception>
    public static int CheckDays(int? days) => days is null ? DefaultDays
        : days is >= 1 and <= MaxDays ? days.Value
        : throw ApiProblem.Invalid("days", $"days must be an integer from 1 to {MaxDays}.");

    /// <summary>A segment's size at the beginning of each seventh day.</summary>
    public async Task<IReadOnlyList<ClockSize>> ReadSizesAsync(
        DefinitionSet all, SegmentDefinition segment, Evaluation now, int days, CancellationToken cancellation)
    {
        if (days < 7)
        {
            return [];
        }

        List<ClockSize> sizes = [];
        var rule = all.Compile(segment, historical: false).Rule;
        if (rule is not { IsValid: true } || !(rule.ReadsClock || rule.ReadsLocalTime))
        {
            // The clock changes nothing.
            var size = (await memberships.CountAsync(all, segment, asOf: null, live: null, cancellation)).Count;
            return [.. Enumerable.Range(1, days / 7).Select(week => new ClockSize(Begin(now, 7 * week).Today, size))];
        }

        for (var ahead = 7; ahead <= days; ahead += 7)
        {
            var day = Begin(now, ahead);
            var count = await query.CountAsync(query.CreatePredicate(all, segment, day.AsOf), cancellation);
            sizes.Add(new ClockSize(day.Today, count.Count));
        }

        return sizes;
    }

    /// <summary>Who will leave or join within some days.</summary>
    /// <param name="all">The definitions.</param>
    /// <param name="segment">One of them.</param>
    /// <param name="move">Which of the two.</param>
    /// <param name="days">How many days ahead.</param>
    /// <param name="limit">How many a page has at most.</param>
    /// <param name="after">The id of the last customer that was looked at; null for the first page.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<Movers> ReadMoversAsync(
        DefinitionSet all, SegmentDefinition segment, ClockMove move, int days, int limit, string? after, CancellationToken cancellation)
    {
        var now = new Evaluation(time.GetUtcNow(), segment.TimeZone);
        var compiled = all.Compile(segment, historical: false);
        if (compiled.Rule is not { IsValid: true } rule || !(rule.ReadsClock || rule.ReadsLocalTime))
        {
            return new Movers([], null, now.AsOf);
        }

        query.CheckInstant(all, segment.Rule, now.AsOf);
        Evaluation[] instants = [now, .. Enumerable.Range(1, days).Select(ahead => Begin(now, ahead))];
        await using var snapshot = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var candidates = await FindCandidatesAsync(all, segment, instants, after, cancellation);
        var loader = new CustomerLoader(db, readers.Get(db), all, compiled);
        var moment = new MoveMoment(compiled, rule);
        List<Mover> items = [];
        foreach (var chunk in Chunk(candidates, loader.ReadsEvents))
        {
            foreach (var customer in await loader.LoadAsync([.. chunk.Select(c => c.Key)], cancellation))
            {
                var isLarge = loader.ReadsEvents && customer.EventCount > CustomerSnapshots.MaxEvents;
                var first = isLarge
                    ? await FindInSqlAsync(all, segment, customer.Key, move, instants, cancellation)
                    : Find(i => compiled.Contains(customer, instants[i]), move, instants.Length);
                if (first is not { } day)
                {
                    continue;
                }

                if (items.Count == limit)
                {
                    return new Movers(items, Paging.CreateCursor(items[^1].Id), now.AsOf);
                }

                var at = isLarge ? null : moment.Find(customer, instants[day - 1], instants[day]);
                items.Add(new Mover(customer.Id, instants[day].Today, at, customer.LifetimeValue, customer.Scores?.ChurnRisk));
            }
        }

        var isLast = candidates.Count < MaxExamined && candidates.Sum(c => (long)c.EventCount) < MaxEventsExamined;
        return new Movers(items, isLast ? null : Paging.CreateCursor(candidates[^1].Id), now.AsOf);
    }

    private static Evaluation Begin(Evaluation now, int daysAhead) =>
        new(now.From(new DateValue.Day(now.Today.AddDays(daysAhead))), now.ZoneId);

    // The first day on which it has moved.
    private static int? Find(Func<int, bool> contains, ClockMove move, int instants)
    {
        if (contains(0) != (move == ClockMove.Leave))
        {
            return null;
        }

        for (var i = 1; i < instants; i++)
        {
            if (contains(i) != (move == ClockMove.Leave))
            {
                return i;
            }
        }

        return null;
    }

    private async Task<int?> FindInSqlAsync(
        DefinitionSet all, SegmentDefinition segment, long key, ClockMove move, Evaluation[] instants, CancellationToken cancellation)
    {
        var members = new bool[instants.Length];
        for (var i = 0; i < members.Length; i++)
        {
            var predicate = all.CreatePredicate(
                segment, instants[i].AsOf, historical: false, rows => SegmentQuery.Source(db, rows, key));
            members[i] = await db.Customers.Where(c => c.Key == key).AnyAsync(predicate, cancellation);
        }

        return Find(i => members[i], move, members.Length);
    }

    // Whom the clock may move, by id: as many as one request evaluates.
    private async Task<List<Candidate>> FindCandidatesAsync(
        DefinitionSet all, SegmentDefinition segment, Evaluation[] instants, string? after, CancellationToken cancellation)
    {
        var rule = all.Compile(segment, Backend.Sql, historical: false);
        var (predicate, keys) = rule.ToTransitionQueries(instants, db.Rows);
        var c = Expression.Parameter(typeof(Customer), "c");
        List<Expression> any = [];
        if (rule.ReadsLocalTime)
        {
            any.Add(Splice.Truth(true));
        }
        else
        {
            any.AddRange(predicate is null ? [] : [Splice.Body(predicate, c)]);
            any.AddRange(keys.Select(k => Expression.Call(
                typeof(Queryable), nameof(Queryable.Contains), [typeof(long)], k, Expression.Property(c, nameof(Customer.Key)))));
        }

        var customers = db.Customers.Where(Expression.Lambda<Func<Customer, bool>>(Splice.Or([.. any]), c));
        customers = after is null ? customers : customers.Where(x => string.Compare(x.Id, after) > 0);
        await using var command = (NpgsqlCommand)customers.Select(x => new { x.Key, x.Id, x.EventCount }).CreateDbCommand();

        // First all of them, by whatever plan is best for all; in the order of ids the first would be sought one by one.
        command.CommandText =
            $"""
            WITH candidates AS MATERIALIZED ({command.CommandText})
            SELECT * FROM candidates ORDER BY 2 LIMIT {MaxExamined}
            """;
        List<Candidate> found = [];
        var events = 0L;
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (events < MaxEventsExamined && await reader.ReadAsync(cancellation))
        {
            found.Add(new Candidate(reader.GetInt64(0), reader.GetString(1), reader.GetInt32(2)));
            events += found[^1].EventCount;
        }

        return found;
    }

    private static IEnumerable<List<Candidate>> Chunk(List<Candidate> candidates, bool withEvents)
    {
        List<Candidate> chunk = [];
        var events = 0L;
        foreach (var candidate in candidates)
        {
            var more = withEvents && candidate.EventCount <= CustomerSnapshots.MaxEvents ? candidate.EventCount : 0;
            events += more;
            if (chunk.Count == MaxLoaded || (events > MaxEventsLoaded && chunk.Count > 0))
            {
                yield return chunk;
                (chunk, events) = ([], more);
            }

            chunk.Add(candidate);
        }

        if (chunk.Count > 0)
        {
            yield return chunk;
        }
    }

    private readonly record struct Candidate(long Key, string Id, int EventCount);
}
