using System.Data;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>What performance is asked for; null where the default holds.</summary>
/// <param name="Metric">A metric's key; the segment's goal, else revenue.</param>
/// <param name="From">Where to begin.</param>
/// <param name="To">Where to end.</param>
/// <param name="Interval">How long the buckets are.</param>
/// <param name="Population">Whom the buckets count.</param>
/// <param name="Compare"><c>others</c>, <c>everyone</c> or a segment's key.</param>
/// <param name="Membership">Whose membership.</param>
/// <param name="AsOf">The instant after which nothing counts; now.</param>
public sealed record PerformanceRequest(
    string? Metric,
    DateTimeOffset? From,
    DateTimeOffset? To,
    CalendarUnit? Interval,
    Population Population,
    string? Compare,
    MembershipSource Membership,
    DateTimeOffset? AsOf);

/// <summary>Reads how a segment does by a metric, bucket by bucket.</summary>
public sealed class PerformanceReader(
    SegmentationDb db, SegmentQuery query, MetricStore metrics, MetricEvents events, Populations populations, EventHorizon horizon,
    TimeProvider time)
{
    /// <summary>Buckets in one answer, at most.</summary>
    public const int MaxBuckets = 400;

    private const string Others = "others", Everyone = "everyone";

    /// <summary>Reads it.</summary>
    /// <exception cref="ApiProblem">400 at the parameter that is wrong. 404: there is no such segment.</exception>
    public async Task<Performance> ReadAsync(string key, PerformanceRequest request, CancellationToken cancellation)
    {
        var (all, segment) = await query.FindAsync(key, cancellation);
        var metric = await metrics.ChooseAsync(request.Metric, segment, cancellation);
        var compare = request.Compare ?? Others;
        var other = compare is Others or Everyone ? null : Populations.Find(all, compare, "compare");
        var now = LocalTime.Truncate(time.GetUtcNow());
        var past = request.AsOf < now ? request.AsOf : null;
        var asOf = past ?? now;
        var calendar = new Calendar(segment.TimeZone);
        var (unit, bounds) = CalendarBuckets.Divide(
            calendar, request.From, request.To, request.Interval, asOf, MaxBuckets, horizon.Since);
        Check(request, bounds.Length - 1, other is null ? 1 : 2);

        // Of one snapshot, whatever is written meanwhile.
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var since = await populations.ReadKeptSinceAsync(segment, cancellation);
        var total = await db.CustomerTotals.Select(t => t.Customers).SingleAsync(cancellation);
        DateTimeOffset[] reached = [.. bounds[..^1].TakeWhile(b => b < asOf)];
        var until = request.To is null || asOf < bounds[^1] ? asOf.AddMicroseconds(1) : bounds[^1];
        var sums = new PerformanceSums(db, total, source: (from, to) => MetricSource.Create(events, db, metric, from, to, asOf));
        var (member, than) = (Side(segment, since), other is null ? null : Side(
            other, await populations.ReadKeptSinceAsync(other, cancellation)));
        List<BucketSums> read = [];
        switch (request.Population)
        {
            case Population.During when reached.Length > 0:
                read = await sums.ReadStaysAsync(
                    reached, [.. bounds.Skip(1).Take(reached.Length).Select(b => b < asOf ? b : asOf)], until, segment, other,
                    cancellation);
                break;
            case Population.Now when reached.Length > 0:
                read = await sums.ReadAsync(
                    reached, until, await member.FindAsync(asOf, 0), than is null ? null : await than.FindAsync(asOf, 0), cancellation);
                break;
            case Population.Start:
                var revisions = await populations.ReadRevisionsAsync(reached, cancellation);
                for (var i = 0; i < reached.Length; i++)
                {
                    var end = i == reached.Length - 1 ? until : bounds[i + 1];
                    read.AddRange(await sums.ReadAsync(
                        [reached[i]], end, await member.FindAsync(reached[i], revisions[i]),
                        than is null ? null : await than.FindAsync(reached[i], revisions[i]), cancellation));
                }

                break;
        }

        var kind = metric.Kind!.Value;
        return new Performance(
            metric.Key!, request.Population, request.Membership, compare, request.Population == Population.Now, unit, segment.TimeZone,
            since, asOf, [.. bounds[..^1].Select((_, i) => Bucket(i))], Populations.Warn(request.Membership, segment, other));

        PerformanceBucket Bucket(int i)
        {
            var (start, end) = (bounds[i], bounds[i + 1]);
            var natural = request.To is null && i == bounds.Length - 2 ? calendar.Between(start, LocalTime.Latest, unit).First() : end;
            if (i >= read.Count)
            {
                return new PerformanceBucket(start, end, false, MetricFigures.Unknown, MetricFigures.Unknown, null, null);
            }

            var bucket = read[i];
            MetricSums? own = member.IsKnown(start) ? bucket.Segment : null;
            MetricSums? compared = compare switch
            {
                Everyone => bucket.Everyone,
                Others => own is null ? null : bucket.Others,
                _ => than!.IsKnown(start) ? bucket.Compared : null,
            };
            return new PerformanceBucket(
                start,
                end,
                natural <= asOf,
                own is null ? MetricFigures.Unknown : Figures.Create(kind, own.Value),
                compared is null ? MetricFigures.Unknown : Figures.Create(kind, compared.Value),
                own is null || compared is null ? null : Figures.Compare(kind, own.Value, compared.Value),
                own is null ? null : Figures.Index(kind, own.Value, bucket.Everyone));
        }

        PerformanceSide Side(SegmentDefinition of, DateTimeOffset? keptSince) => new(
            at => request.Membership == MembershipSource.Rule
                || (request.Population == Population.Now ? past is null || keptSince <= past : keptSince <= at),
            async (at, revision) =>
                request.Population == Population.Now
                    ? await populations.FindAtAsync(all, of, request.Membership, past, keptSince, $"s{of.Id}_", cancellation)
                : request.Membership == MembershipSource.Rule
                    ? await populations.EvaluateAsync(all, of, at, $"s{of.Id}_", cancellation)
                : keptSince <= at ? Populations.Kept(of, revision, $"s{of.Id}_")
                : null);
    }

    private static void Check(PerformanceRequest request, int buckets, int segments)
    {
        if (request is { Population: Population.During, Membership: MembershipSource.Rule })
        {
            throw ApiProblem.Invalid(
                "membership", "population=during has to know when each member joined and left, which only membership=kept does.");
        }

        Populations.CheckEvaluations(request.Membership, request.Population == Population.Start ? buckets : 1, segments);
    }

    // Whether it is known who was in at an instant, and who.
    private sealed record PerformanceSide(
        Func<DateTimeOffset, bool> IsKnown, Func<DateTimeOffset, long, Task<SqlPart?>> FindAsync);
}
