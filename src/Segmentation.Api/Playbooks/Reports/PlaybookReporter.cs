using System.Data;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>Counts what was shown of a playbook, and what its viewers did then.</summary>
public sealed class PlaybookReporter(
    SegmentationDb db, PlaybookStore playbooks, SegmentQuery query, MetricStore metrics, MetricEvents events, Populations populations,
    ExposureOptions options, EventHorizon horizon, TimeProvider time)
{
    private const int MaxDays = 400;
    private const string ByPlay = "play", ByDay = "day", BySegment = "segment:";

    private static readonly TimeSpan DefaultPeriod = TimeSpan.FromDays(30);

    // Of a metric that says nothing.
    private static readonly MetricWindow Window = new(7, MetricUnit.Day);

    /// <summary>Counts it.</summary>
    /// <exception cref="ApiProblem">404; 400 at the parameter that is wrong.</exception>
    public async Task<PlaybookReport> ReadAsync(string key, PlaybookReportRequest request, CancellationToken cancellation)
    {
        var playbook = await playbooks.GetAsync(key, cancellation);
        var definition = PlaybookQueries.Read(playbook);
        var by = request.By ?? ByPlay;
        var segment = by.StartsWith(BySegment, StringComparison.Ordinal)
            ? Populations.Find(await query.DefinitionsAsync(cancellation), by[BySegment.Length..], "by")
            : by is ByPlay or ByDay ? null
            : throw ApiProblem.Invalid("by", "by is play, day or segment:KEY.");
        var metric = request.Metric is { } name ? await metrics.GetAsync(name, "metric", cancellation) : null;
        var now = LocalTime.Truncate(time.GetUtcNow());
        var zone = definition.TimeZone!;
        var (start, end) = FindPeriod(request, new Calendar(zone), now);
        DateTimeOffset[] days = by == ByDay ? [start, .. new Calendar(zone).Between(start, end, CalendarUnit.Day).SkipLast(1)] : [];

        // Of one snapshot, whatever is written meanwhile.
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var since = segment is null ? null : await populations.ReadKeptSinceAsync(segment, cancellation);
        var window = metric?.Window ?? Window;
        var statement = new ReportStatement(key, start, end, now, options.ClickTypes)
        {
            Days = days,
            Segment = segment is null ? null : (segment.Id, since ?? LocalTime.Latest),
            Metric = metric is null ? null : (metric, MetricSource.Create(events, db, metric, start, now.AddMicroseconds(1), now), window),
        };
        var rows = await statement.ReadAsync(db, cancellation);
        var all = rows.Find(r => r.Group is null);
        List<ReportItem> items = by switch
        {
            ByPlay => ListPlays(definition, rows, metric),
            ByDay => [.. days.Select((day, i) =>
                Create(Find(rows, $"{i + 1}"), metric) with { Day = LocalTime.Date(day, zone) })],
            _ => ListSides(segment!, rows, metric),
        };
        return new PlaybookReport(
            key, by, start, end, metric?.Key, metric is null ? null : window, all?.Cap, Create(all, metric), items,
            definition.Holdout is { } holdout ? new ReportHoldout(holdout, $"/api/v1/experiments/{holdout}") : null,
            now,
            start < now.AddDays(-options.ImpressionDays)
                ? [new InsightWarning("incomplete", $"Impressions are stored for {options.ImpressionDays} days: earlier ones are gone.")]
                : []);
    }

    private (DateTimeOffset Start, DateTimeOffset End) FindPeriod(PlaybookReportRequest request, Calendar calendar, DateTimeOffset now)
    {
        var end = request.To ?? now;
        var usual = calendar.Floor(end - LocalTime.Earliest > DefaultPeriod ? end - DefaultPeriod : LocalTime.Earliest, CalendarUnit.Day);
        var start = request.From ?? CalendarBuckets.FindFirst(calendar, usual, CalendarUnit.Day, horizon.Since, end);
        return start >= end ? throw ApiProblem.Invalid("from", "from must be an instant before to.")
            : request.By == ByDay && end - start > TimeSpan.FromDays(MaxDays)
            ? throw ApiProblem.Invalid("from", $"A report by day has at most {MaxDays} days: choose a shorter period.")
            : (start, end);
    }

    private static List<ReportItem> ListPlays(PlaybookResource definition, List<ReportRow> rows, MetricResource? metric)
    {
        var present = definition.Plays!.Select(p => p.Key!).ToList();
        var former = rows.Select(r => r.Group).OfType<string>().Except(present, StringComparer.Ordinal).Order(StringComparer.Ordinal);
        return [.. present.Concat(former).Select(p => Create(Find(rows, p), metric) with { Play = p })];
    }

    // Of whom nobody knows only where there are some.
    private static List<ReportItem> ListSides(SegmentDefinition segment, List<ReportRow> rows, MetricResource? metric)
    {
        bool?[] sides = Find(rows, ReportStatement.Unknown) is null ? [true, false] : [true, false, null];
        return
        [
            .. sides.Select(s => Create(
                Find(rows, s is null ? ReportStatement.Unknown : s.Value ? ReportStatement.Inside : ReportStatement.Outside), metric)
                with { Segment = segment.Key, Member = s }),
        ];
    }

    private static ReportRow? Find(List<ReportRow> rows, string group) => rows.Find(r => r.Group == group);

    private static ReportItem Create(ReportRow? row, MetricResource? metric)
    {
        row ??= new ReportRow(null, 0, 0, 0, 0, 0, 0, 0, null);
        var item = new ReportItem(row.Impressions, row.Viewers, row.Clickers, row.Viewers == 0 ? null : (double)row.Clickers / row.Viewers);
        if (metric is null)
        {
            return item;
        }

        var by = metric.Kind == MetricKind.Ratio ? row.By : row.Units;
        return item with
        {
            Units = row.Units,
            Converted = metric.Kind == MetricKind.Conversion ? row.Converted : null,
            Mean = by == 0 ? null : row.Total / by,
            Total = row.Total,
        };
    }
}
