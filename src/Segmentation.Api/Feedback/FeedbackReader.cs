using System.Data;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;
using Segmentation.Models.Feedback;
using Segmentation.Models.Statistics;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Feedback;

/// <summary>What feedback is asked for; null where the default holds.</summary>
/// <param name="From">Where to begin.</param>
/// <param name="To">Where to end.</param>
/// <param name="Interval">How long the buckets are.</param>
/// <param name="Membership">Whose membership.</param>
/// <param name="AsOf">The instant after which nothing counts; now.</param>
public sealed record FeedbackRequest(
    DateTimeOffset? From, DateTimeOffset? To, CalendarUnit? Interval, MembershipSource Membership, DateTimeOffset? AsOf);

/// <summary>Reads what a segment's members say, bucket by bucket.</summary>
public sealed class FeedbackReader(
    SegmentationDb db, SegmentQuery query, Populations populations, FeedbackOptions feedback, InsightOptions insight, EventHorizon horizon,
    TimeProvider time)
{
    private const int MaxBuckets = 400;

    // Columns of a side before those of its sentiments.
    private const int Counts = 6;

    private readonly SentimentScale? csat =
        feedback.Scales.Where(s => s.Property == feedback.CsatProperty).Select(s => (SentimentScale?)s.Scale).FirstOrDefault();

    /// <summary>Reads it.</summary>
    /// <exception cref="ApiProblem">400 at the parameter that is wrong. 404: there is no such segment.</exception>
    public async Task<SegmentFeedback> ReadAsync(string key, FeedbackRequest request, CancellationToken cancellation)
    {
        var (all, segment) = await query.FindAsync(key, cancellation);
        var now = LocalTime.Truncate(time.GetUtcNow());
        var asOf = request.AsOf < now ? request.AsOf.Value : now;
        var calendar = new Calendar(segment.TimeZone);
        var (unit, bounds) = CalendarBuckets.Divide(
            calendar, request.From, request.To, request.Interval, asOf, MaxBuckets, horizon.Since);
        var isRule = request.Membership == MembershipSource.Rule;
        Populations.CheckEvaluations(request.Membership, bounds.Length - 1, 1);

        // Of one snapshot, whatever is written meanwhile.
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var since = await populations.ReadKeptSinceAsync(segment, cancellation);
        var total = await db.CustomerTotals.Select(t => t.Customers).SingleAsync(cancellation);
        DateTimeOffset[] reached = [.. bounds[..^1].TakeWhile(b => b < asOf)];
        var last = request.To is null || asOf < bounds[^1] ? asOf.AddMicroseconds(1) : bounds[^1];
        var revisions = await populations.ReadRevisionsAsync(reached, cancellation);
        var terms = new TermCounts(insight.MinimumGroup);
        var items = new FeedbackBucket[bounds.Length - 1];
        for (var i = items.Length - 1; i >= 0; i--)
        {
            var (start, end) = (bounds[i], bounds[i + 1]);
            var natural = request.To is null && i == items.Length - 1 ? calendar.Between(start, LocalTime.Latest, unit).First() : end;
            var (own, others) = (FeedbackFigures.Unknown, FeedbackFigures.Unknown);
            if (i < reached.Length && (isRule || since <= start))
            {
                var members = isRule
                    ? await populations.EvaluateAsync(all, segment, start, "m_", cancellation)
                    : Populations.Kept(segment, revisions[i], "m_");
                var until = i == reached.Length - 1 ? last : end;
                (own, others) = await CountAsync(members, start, until, total, cancellation);
                await AddTextsAsync(terms, members, start, until, cancellation);
            }

            items[i] = new FeedbackBucket(start, end, natural <= asOf, own, others);
        }

        return new SegmentFeedback(
            request.Membership, unit, segment.TimeZone, since, asOf, items, terms.Weigh(), Populations.Warn(request.Membership, segment));
    }

    private async Task<(FeedbackFigures Segment, FeedbackFigures Others)> CountAsync(
        SqlPart members, DateTimeOffset from, DateTimeOffset until, long total, CancellationToken cancellation)
    {
        static string Side(string side) =>
            $"""
            coalesce(sum(r) FILTER (WHERE {side}), 0)::float8, count(*) FILTER (WHERE {side})::float8,
            coalesce(sum(p) FILTER (WHERE {side}), 0)::float8, coalesce(sum(d) FILTER (WHERE {side}), 0)::float8,
            coalesce(sum(n) FILTER (WHERE {side}), 0)::float8, coalesce(sum(t) FILTER (WHERE {side}), 0)::float8,
            {MetricSums.Sql(isRatio: true, filter: side)}, coalesce(sum(s) FILTER (WHERE {side}), 0)::float8
            """;
        var rows = await db.QueryAsync(
            $"""
            WITH m AS MATERIALIZED (SELECT key FROM ({members.Text}) AS t(key)), v AS (
                SELECT e.customer_key AS key, m.key IS NOT NULL AS member, count(*) AS r, count(e.sentiment) AS c,
                    coalesce(sum(e.sentiment), 0) AS y, count(e.sentiment) AS x,
                    count(*) FILTER (WHERE nps >= {NetPromoterScore.PromoterFrom} AND nps <= 10) AS p,
                    count(*) FILTER (WHERE nps >= 0 AND nps <= {NetPromoterScore.DetractorUpTo}) AS d,
                    count(*) FILTER (WHERE nps >= 0 AND nps <= 10) AS n,
                    count(*) FILTER (WHERE csat >= @satisfied AND csat <= @high) AS t,
                    count(*) FILTER (WHERE csat >= @low AND csat <= @high) AS s
                FROM events e
                    CROSS JOIN LATERAL (SELECT seg_json_number(e.properties, @nps) AS nps, seg_json_number(e.properties, @csat) AS csat) a
                    LEFT JOIN m ON m.key = e.customer_key
                WHERE e.type = ANY (@types) AND e.occurred_at >= @from AND e.occurred_at < @until
                GROUP BY e.customer_key, m.key)
            SELECT (SELECT count(*) FROM m)::float8, {Side("member")}, {Side("NOT member")} FROM v
            """,
            row =>
            {
                var count = row.GetDouble(0);
                return (Read(row, 1, count), Read(row, 2 + Counts + MetricSums.Columns, total - count));
            },
            cancellation,
            [
                .. members.CopyParameters(), .. Period(from, until), new NpgsqlParameter("nps", FeedbackOptions.Path(feedback.NpsProperty)),
                new NpgsqlParameter("csat", FeedbackOptions.Path(feedback.CsatProperty)),
                new NpgsqlParameter<decimal?>("low", csat?.Low), new NpgsqlParameter<decimal?>("high", csat?.High),
                new NpgsqlParameter<decimal?>("satisfied", csat?.SatisfiedFrom),
            ]);
        return rows[0];
    }

    private static FeedbackFigures Read(NpgsqlDataReader row, int first, double members)
    {
        double Column(int i) => row.GetDouble(first + i);
        var (promoters, detractors, scores, satisfied) = (Column(2), Column(3), Column(4), Column(5));
        var sums = MetricSums.Read(row, first + Counts, 0, members);
        var rated = Column(Counts + MetricSums.Columns);
        var nps = scores > 0 ? new NetPromoterScore(promoters, detractors, scores) : (NetPromoterScore?)null;
        var share = rated > 0 ? new Proportion(satisfied, rated) : (Proportion?)null;
        var mean = RatioEstimate.FromSums(members, sums.X, sums.Y, sums.XX, sums.YY, sums.XY);
        return new FeedbackFigures(
            members, Column(0), Column(1), nps?.Points, nps?.Interval().ToArray(), scores, share?.Share, share?.Interval().ToArray(), rated,
            mean?.Value, mean?.Interval is { } interval ? interval.ToArray() : null, sums.Events);
    }

    // The newest first, so that those that are too many are the oldest.
    private async Task AddTextsAsync(
        TermCounts terms, SqlPart members, DateTimeOffset from, DateTimeOffset until, CancellationToken cancellation)
    {
        if (terms.Texts >= TermCounts.MaxTexts)
        {
            return;
        }

        var texts = await db.QueryAsync(
            $"""
            WITH m AS MATERIALIZED (SELECT key FROM ({members.Text}) AS t(key))
            SELECT e.customer_key, e.sentiment > 0, left(seg_json_text(e.properties, @text), {FeedbackWords.MaxCharacters})
            FROM events e JOIN m ON m.key = e.customer_key
            WHERE e.type = ANY (@types) AND e.occurred_at >= @from AND e.occurred_at < @until AND e.sentiment <> 0
                AND seg_json_text(e.properties, @text) IS NOT NULL
            ORDER BY e.occurred_at DESC, e.customer_key, e.id LIMIT {TermCounts.MaxTexts - terms.Texts}
            """,
            row => (Customer: row.GetInt64(0), IsPositive: row.GetBoolean(1), Text: row.GetString(2)),
            cancellation,
            [
                .. members.CopyParameters(), .. Period(from, until),
                new NpgsqlParameter("text", FeedbackOptions.Path(feedback.TextProperty)),
            ]);
        texts.ForEach(t => terms.Add(t.Customer, t.Text, t.IsPositive));
    }

    private NpgsqlParameter[] Period(DateTimeOffset from, DateTimeOffset until) =>
        [new("types", feedback.EventTypes), new("from", from), new("until", until)];
}
