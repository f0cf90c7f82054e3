using System.Data;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Models.Forecasts;
using Segmentation.Models.Statistics;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>How customers move between segments, from instant to instant.</summary>
public sealed class TransitionReader(SegmentationDb db, Populations populations, EventHorizon horizon, TimeProvider time)
{
    /// <summary>States, and steps ahead, at most.</summary>
    public const int MostStates = 20, MostAhead = 60, DefaultAhead = 6;

    private const string None = "none", Absent = "absent";

    /// <summary>Reads it.</summary>
    /// <exception cref="ApiProblem">400 at the property that is wrong.</exception>
    public async Task<Transitions> ReadAsync(DefinitionSet all, TransitionsRequest request, CancellationToken cancellation)
    {
        var segments = SegmentKeys.Resolve(all, request.States, "states", MostStates);
        var ahead = request.Ahead is not { } given ? DefaultAhead : given is >= 0 and <= MostAhead ? given
            : throw ApiProblem.Invalid("/ahead", $"ahead must be an integer from 0 to {MostAhead}.");
        var membership = request.Membership ?? MembershipSource.Kept;
        var now = LocalTime.Truncate(time.GetUtcNow());
        var asOf = request.AsOf < now ? request.AsOf.Value : now;
        var instants = TransitionTimes.Read(request.At, asOf);
        Populations.CheckEvaluations(membership, instants.Length, segments.Count, "/membership");
        horizon.Check("/at", membership == MembershipSource.Rule ? instants[0] : null);
        await using var snapshot = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var since = await populations.ReadKeptSinceAsync(segments, cancellation);
        DateTimeOffset? keptSince = since.Count == segments.Count ? since.Values.Max() : null;
        var isRule = membership == MembershipSource.Rule;
        var first = isRule ? 0 : keptSince is { } start ? instants.Count(i => i < start) : instants.Length;
        List<long[]> sizes = [];
        List<long[][]> steps = [];
        for (var i = first; i < instants.Length; i++)
        {
            await FindStatesAsync(all, segments, membership, instants[i], since, i, cancellation);
            var step = await CountAsync(segments.Count, i == first ? null : instants[i - 1], instants[i], i, cancellation);
            sizes.Add([.. Enumerable.Range(0, segments.Count + 1).Select(to => step.Sum(from => from[to]))]);
            if (i > first)
            {
                steps.Add(step);
            }
        }

        var warnings = Populations.Warn(membership, segments).ToList();
        if (first > 0)
        {
            warnings.Add(new InsightWarning(
                "not-kept",
                "Of some instants it is not stored who was in: they have no sizes. With membership=rule the rules are asked."));
        }

        return Create(segments, instants, first, sizes, steps, ahead) with
        {
            Membership = membership,
            KeptSince = keptSince,
            EvaluatedAt = asOf,
            Warnings = warnings,
        };
    }

    private static Transitions Create(
        IReadOnlyList<SegmentDefinition> segments, DateTimeOffset[] instants, int first, List<long[]> sizes, List<long[][]> steps,
        int ahead)
    {
        var states = segments.Count + 1;
        var model = new TransitionModel(states, steps);
        var half = steps.Count / 2;
        var (early, late) = (new TransitionModel(states, steps[..half]), new TransitionModel(states, steps[half..]));
        var test = half == 0 ? null : early.Compare(late);
        return new Transitions(
            [.. segments.Select(s => s.Key), None, Absent],
            [.. instants.Select((at, i) => new StateSizes(at, i < first ? null : sizes[i - first]))],
            model.Counts,
            Each(share => share.Share),
            Each(share => share.Interval().ToArray()),
            test is { } found ? new TransitionTest(found.Statistic, found.Degrees, found.P) : null,
            sizes.Count == 0 ? [] : model.Follow([.. sizes[^1].Select(n => (double)n)], ahead),
            half == 0 ? null : TestBack(early, instants[(first + half)..], sizes[half..]),
            default, null, default, []);

        // Empty where nobody was.
        T[][] Each<T>(Func<Proportion, T> create) =>
        [
            .. Enumerable.Range(0, states + 1).Select(from => Enumerable.Range(0, states)
                .Select(to => model.Find(from, to)).OfType<Proportion>().Select(create).ToArray()),
        ];
    }

    private static TransitionBacktest TestBack(TransitionModel early, DateTimeOffset[] instants, List<long[]> sizes)
    {
        var expected = early.Follow([.. sizes[0].Select(n => (double)n)], sizes.Count - 1);
        var items = expected.Select((e, i) => new ExpectedStates(instants[i + 1], e, sizes[i + 1])).ToList();
        return new TransitionBacktest(
            instants[0], items, Mean((item, state) => item.Expected[state]), Mean((_, state) => sizes[0][state]));

        double Mean(Func<ExpectedStates, int, double> find) =>
            items.Average(item => Enumerable.Range(0, sizes[0].Length).Average(state => Math.Abs(find(item, state) - item.Actual[state])));
    }

    // Who was in one of them at an instant, and in which first: a table that the next step compares with.
    private async Task FindStatesAsync(
        DefinitionSet all, IReadOnlyList<SegmentDefinition> segments, MembershipSource membership, DateTimeOffset at,
        Dictionary<int, DateTimeOffset> since, int number, CancellationToken cancellation)
    {
        List<SqlPart> parts = [];
        foreach (var (state, segment) in segments.Index())
        {
            DateTimeOffset? keptSince = since.TryGetValue(segment.Id, out var from) ? from : null;
            parts.Add(await populations.FindAtAsync(all, segment, membership, at, keptSince, $"s{state}_", cancellation)
                ?? Populations.Nobody);
        }

        var selects = parts.Select((part, state) => $"SELECT key, {state} FROM ({part.Text}) AS t(key)");
        await db.QueryAsync(
            $"""
            DROP TABLE IF EXISTS {Table(number - 2)};
            CREATE TABLE {Table(number)} (customer_key bigint, state int) ON COMMIT DROP
            """,
            _ => 0, cancellation);
        await db.QueryAsync(
            $"""
            INSERT INTO {Table(number)} SELECT key, min(state) FROM ({string.Join(" UNION ALL ", selects)}) AS u(key, state) GROUP BY key
            """,
            _ => 0, cancellation, [.. parts.SelectMany(p => p.Parameters)]);
        await db.QueryAsync($"ANALYZE {Table(number)}", _ => 0, cancellation);
    }

    // How many went from each state to each. Of the first instant there is no step: all arrive.
    private async Task<long[][]> CountAsync(
        int none, DateTimeOffset? before, DateTimeOffset at, int number, CancellationToken cancellation)
    {
        var sql =
            $"""
            SELECT {(before is null ? "@absent" : "CASE WHEN c.since > @before THEN @absent ELSE coalesce(a.state, @none) END")},
                coalesce(b.state, @none), count(*)
            FROM (SELECT key, least(created_at, first_seen_at, signed_up_at) AS since FROM customers) AS c
            {(before is null ? "" : $"LEFT JOIN {Table(number - 1)} AS a ON a.customer_key = c.key")}
            LEFT JOIN {Table(number)} AS b ON b.customer_key = c.key
            WHERE c.since <= @at GROUP BY 1, 2
            """;
        var step = Enumerable.Range(0, none + 2).Select(_ => new long[none + 1]).ToArray();
        var rows = await db.QueryAsync(
            sql, row => (From: row.GetInt32(0), To: row.GetInt32(1), Count: row.GetInt64(2)), cancellation,
            new NpgsqlParameter("none", none), new NpgsqlParameter("absent", none + 1), new NpgsqlParameter("at", at.UtcDateTime),
            new NpgsqlParameter("before", (before ?? at).UtcDateTime));
        foreach (var (from, to, count) in rows)
        {
            step[from][to] = count;
        }

        return step;
    }

    private static string Table(int number) => string.Create(CultureInfo.InvariantCulture, $"pg_temp.\"states_{number}\"");
}
