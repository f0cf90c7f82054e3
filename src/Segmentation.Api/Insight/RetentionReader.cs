using System.Data;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Models.Statistics;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>What retention is asked for; null where the default holds.</summary>
/// <param name="Metric">A metric's key; the segment's goal, else revenue.</param>
/// <param name="Cohort">How long the periods are.</param>
/// <param name="By">What puts a customer into a cohort.</param>
/// <param name="From">In the first cohort.</param>
/// <param name="To">After the last cohort's first instant.</param>
/// <param name="Membership">Whose membership.</param>
/// <param name="AsOf">The instant after which nothing counts; now.</param>
public sealed record RetentionRequest(
    string? Metric,
    CohortUnit Cohort,
    CohortAnchor By,
    DateTimeOffset? From,
    DateTimeOffset? To,
    MembershipSource Membership,
    DateTimeOffset? AsOf);

/// <summary>Reads which of those who came together come back.</summary>
public sealed class RetentionReader(
    SegmentationDb db, SegmentQuery query, MetricStore metrics, MetricEvents events, Populations populations, EventHorizon horizon,
    TimeProvider time)
{
    /// <summary>Cohorts, and periods of one, in one answer, at most.</summary>
    public const int MaxCohorts = 60;

    // From the last period's beginning, or a bit more, back to that of the first.
    private static readonly TimeSpan DefaultWeeks = TimeSpan.FromDays(7 * 11), DefaultMonths = TimeSpan.FromDays(30.5 * 11);

    /// <summary>Reads it.</summary>
    /// <exception cref="ApiProblem">400 at the parameter that is wrong. 404: there is no such segment.</exception>
    public async Task<Retention> ReadAsync(string key, RetentionRequest request, CancellationToken cancellation)
    {
        var (all, segment) = await query.FindAsync(key, cancellation);
        var metric = await metrics.ChooseAsync(request.Metric, segment, cancellation);
        if (request is { By: CohortAnchor.Joined, Membership: MembershipSource.Rule })
        {
            throw ApiProblem.Invalid("membership", "by=joined has to know when each member joined, which only membership=kept does.");
        }

        var now = LocalTime.Truncate(time.GetUtcNow());
        var past = request.AsOf < now ? request.AsOf : null;
        var asOf = past ?? now;
        var (starts, cohorts) = Divide(new Calendar(segment.TimeZone), request, asOf);

        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var since = await populations.ReadKeptSinceAsync(segment, cancellation);
        var anchors = await FindAnchorsAsync(all, segment, request, past, since, cancellation);
        var source = MetricSource.Create(events, db, metric, starts[0], asOf.AddMicroseconds(1), asOf);
        var counts = anchors is null || cohorts == 0 ? [] : await CountAsync(source, anchors, starts, cohorts, cancellation);
        return new Retention(
            metric.Key!, request.Cohort, request.By, request.Membership, segment.TimeZone, since, asOf,
            [.. Enumerable.Range(0, cohorts).Select(Cohort)], Populations.Warn(request.Membership, segment));

        RetentionCohort Cohort(int i)
        {
            var day = LocalTime.Date(starts[i], segment.TimeZone);
            if (anchors is null || (request.By == CohortAnchor.Joined && !(starts[i + 1] > since)))
            {
                return new RetentionCohort(day, null, [], [], [], []);
            }

            var customers = counts.GetValueOrDefault((i, -1));
            var periods = starts.Skip(i).Take(MaxCohorts).TakeWhile(s => s <= asOf).Count();
            long[] active = [.. Enumerable.Range(0, periods).Select(k => counts.GetValueOrDefault((i, k)))];
            Proportion[] shares = customers == 0 ? [] : [.. active.Select(a => new Proportion(a, customers))];
            return new RetentionCohort(
                day,
                customers,
                active,
                [.. shares.Select(s => s.Share)],
                [.. shares.Select(s => s.Interval().ToArray())],
                [.. Enumerable.Range(0, periods).Select(k => starts[i + k + 1] <= asOf)]);
        }
    }

    // The first instants of the cohorts' periods and of those after them; and how many cohorts there are.
    private (DateTimeOffset[] Starts, int Cohorts) Divide(Calendar calendar, RetentionRequest request, DateTimeOffset asOf)
    {
        var unit = request.Cohort == CohortUnit.Week ? CalendarUnit.Week : CalendarUnit.Month;
        var end = request.To ?? asOf;
        var length = unit == CalendarUnit.Week ? DefaultWeeks : DefaultMonths;
        var first = request.From ?? (end - LocalTime.Earliest > length ? end - length : LocalTime.Earliest);
        if (first >= end)
        {
            throw ApiProblem.Invalid("from", "from must be an instant before to.");
        }

        var start = calendar.Floor(first, unit);
        if (horizon.Since is { } kept && start < kept)
        {
            // Of a period that began before it only a part is kept.
            start = calendar.Between(kept, LocalTime.Latest, unit).First();
            if (request.From < start)
            {
                throw ApiProblem.Invalid("from", $"from {EventHorizon.Describe(start)}.");
            }
        }

        DateTimeOffset[] starts = [start, .. calendar.Between(start, LocalTime.Latest, unit).Take(2 * MaxCohorts)];
        var cohorts = starts.TakeWhile(s => s < end).Count();
        return cohorts <= MaxCohorts
            ? (starts, starts.Take(cohorts).TakeWhile(s => s <= asOf).Count())
            : throw ApiProblem.Invalid(
                "from", $"There would be more than {MaxCohorts} cohorts: choose longer ones or a shorter period.");
    }

    // The customers and when they came; null where nobody knows who they are.
    private async Task<SqlPart?> FindAnchorsAsync(
        DefinitionSet all, SegmentDefinition segment, RetentionRequest request, DateTimeOffset? past, DateTimeOffset? since,
        CancellationToken cancellation)
    {
        if (request.By == CohortAnchor.Joined)
        {
            return since is null ? null : new SqlPart(
                """
                SELECT m.customer_key, min(b.at) FROM memberships m JOIN membership_batches b ON b.id = m.joined_batch
                WHERE m.segment_id = @segment GROUP BY m.customer_key
                """,
                [new NpgsqlParameter("segment", segment.Id)]);
        }

        var column = request.By switch
        {
            CohortAnchor.FirstOrder => "first_order_at",
            CohortAnchor.SignedUp => "signed_up_at",
            _ => "first_seen_at",
        };
        return await populations.FindAtAsync(all, segment, request.Membership, past, since, "m_", cancellation) is { } members
            ? new SqlPart($"SELECT c.key, c.{column} FROM customers c JOIN ({members.Text}) AS m(key) ON m.key = c.key", members.Parameters)
            : null;
    }

    // By cohort and period, from 0; the period -1 is how many customers there are.
    private async Task<Dictionary<(int, int), long>> CountAsync(
        MetricSource source, SqlPart anchors, DateTimeOffset[] starts, int cohorts, CancellationToken cancellation)
    {
        var sql =
            $"""
            WITH a AS MATERIALIZED (
                SELECT key, width_bucket(anchor, @starts) AS cohort FROM ({anchors.Text}) AS t(key, anchor)
                WHERE anchor >= @from AND anchor < @last AND anchor < @until
            ), e AS (
                SELECT DISTINCT key, width_bucket(at, @starts) AS period FROM ({source.Text}) AS s WHERE c > 0
            )
            SELECT cohort - 1, -1, count(*) FROM a GROUP BY cohort
            UNION ALL
            SELECT a.cohort - 1, e.period - a.cohort, count(*) FROM a JOIN e ON e.key = a.key
            WHERE e.period >= a.cohort AND e.period < a.cohort + {MaxCohorts} GROUP BY a.cohort, e.period
            """;
        var rows = await db.QueryAsync(
            sql,
            row => (Cohort: row.GetInt32(0), Period: row.GetInt32(1), Customers: row.GetInt64(2)),
            cancellation,
            [
                .. source.Parameters, .. anchors.CopyParameters(), new NpgsqlParameter("starts", starts),
                new NpgsqlParameter("last", starts[cohorts]),
            ]);
        return rows.ToDictionary(r => (r.Cohort, r.Period), r => r.Customers);
    }
}
