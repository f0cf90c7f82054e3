using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Analyses;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>Puts a segment on one page, from what the other readers tell.</summary>
public sealed class BriefReader(
    SegmentationDb db, SegmentQuery query, Populations populations, TrendReader trends, MetricStore metrics, PerformanceReader performances,
    ForecastReader forecasts, ClockReader clock, EventHorizon horizon, TimeProvider time)
{
    private const int Months = 3, Days = ClockReader.DefaultDays, Soonest = 10;

    /// <summary>Reads it.</summary>
    /// <param name="key">The segment's key.</param>
    /// <param name="membership">Whose membership.</param>
    /// <param name="asOf">The instant after which nothing exists; null for now.</param>
    /// <param name="hidden">What the caller must not see.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="ApiProblem">404: there is no such segment.</exception>
    public async Task<Brief> ReadAsync(
        string key, MembershipSource membership, DateTimeOffset? asOf, SensitiveFields hidden, CancellationToken cancellation)
    {
        var (all, segment) = await query.FindAsync(key, cancellation);
        var now = LocalTime.Truncate(time.GetUtcNow());
        var past = asOf < now ? asOf : null;
        var at = past ?? now;
        var calendar = new Calendar(segment.TimeZone);
        var from = calendar.Floor(
            at - LocalTime.Earliest > TimeSpan.FromDays(31 * (Months + 1)) ? at.AddMonths(-Months) : LocalTime.Earliest,
            CalendarUnit.Month);
        var row = await db.Segments.AsNoTracking().SingleAsync(s => s.Id == segment.Id, cancellation);
        var since = await populations.ReadKeptSinceAsync(segment, cancellation);
        var size = await ReadSizeAsync(all, segment, membership, past, since, cancellation);
        var metric = await metrics.ChooseAsync(null, segment, cancellation);
        var performance = await performances.ReadAsync(
            key,
            new PerformanceRequest(
                metric.Key, CalendarBuckets.FindFirst(calendar, from, CalendarUnit.Month, horizon.Since, at), null, CalendarUnit.Month,
                Population.Start, null, membership, past),
            cancellation);
        var forecast = await forecasts.ReadAsync(all, segment, Days, membership, past, cancellation);
        var persona = await ReadPersonaAsync(hidden, key, at, cancellation);
        var rule = segment.Rule is null ? null : all.Compile(segment, Backend.Sql, historical: false);
        var isSensitive = !query.MayChooseInstant(all, segment.Rule);
        return new Brief(
            key, segment.Name, row.Description, row.Goal, segment.Status,
            rule is { IsValid: true } ? SegmentGate.Describe(rule.Root.Description, segment.RequiresConsent) : null,
            membership, size, await trends.ReadAsync(segment, from, at, CalendarUnit.Month, cancellation), persona,
            new BriefMetric(metric.Key!, metric.Name!, metric.Kind!.Value, metric.Goal!.Value, row.GoalMetric is not null), performance,
            forecast, past is null && !isSensitive ? await ReadLeavingAsync(all, segment, cancellation) : null,
            [
                .. FindUnknown(row, rule is { IsValid: false }, persona, past is not null, isSensitive),
                .. since is { } first && first <= from || membership == MembershipSource.Rule
                    ? (InsightWarning[])[]
                    : [NotKept(segment, since)],
                .. performance.Warnings.Concat(forecast.Warnings).DistinctBy(w => w.Code),
            ],
            at);
    }

    private static IEnumerable<InsightWarning> FindUnknown(
        Segment row, bool isInvalid, BriefPersona? persona, bool isPast, bool isSensitive)
    {
        if (isInvalid)
        {
            yield return new InsightWarning(
                "invalid", "Its rule can't be interpreted any more: it matches nobody. GET /segments/{key} says what is wrong.");
        }

        if (row.Goal is null)
        {
            yield return new InsightWarning("no-goal", "Nobody has said what it is for: \"goal\".");
        }

        if (row.GoalMetric is null)
        {
            yield return new InsightWarning(
                "no-goal-metric", "Nobody has said what its goal is measured by: \"goalMetric\". Revenue stands in for it.");
        }

        if (persona is null)
        {
            yield return new InsightWarning(
                "no-profile",
                $$"""What marks its members: POST /analyses {"type":"profile","segment":"{{row.Key}}"} finds it.""");
        }
        else if (persona.AsOf < row.UpdatedAt)
        {
            yield return new InsightWarning(
                "old-profile", "What marks its members now: it was written after the profile. Ask for a new one.");
        }

        if (isPast || isSensitive)
        {
            yield return new InsightWarning("no-movers", isPast
                ? "Who was about to leave: that is told of now alone."
                : "Who is about to leave: the rule reads a sensitive field, which the days would tell.");
        }
    }

    private static InsightWarning NotKept(SegmentDefinition segment, DateTimeOffset? since) => new(
        "kept-since",
        (since is { } first
            ? $"Who was a member before {BriefText.Date(first, segment.TimeZone)}: membership is kept since then."
            : "Who was a member: it was never kept, since the segment was never active.")
        + (segment.Kind == SegmentKind.Rule ? " With membership=rule the rule itself is asked about the past." : ""));

    private async Task<BriefSize?> ReadSizeAsync(
        DefinitionSet all, SegmentDefinition segment, MembershipSource membership, DateTimeOffset? past, DateTimeOffset? since,
        CancellationToken cancellation)
    {
        if (await populations.FindAtAsync(all, segment, membership, past, since, "m", cancellation) is not { } members)
        {
            return null;
        }

        var total = await db.CustomerTotals.Select(t => t.Customers).SingleAsync(cancellation);
        var count = (await db.QueryAsync(
            $"SELECT count(*) FROM ({members.Text}) AS m", r => r.GetInt64(0), cancellation, [.. members.CopyParameters()]))[0];
        return new BriefSize(count, total, total == 0 ? 0 : (double)count / total);
    }

    // The newest that compared its members with everyone else.
    private async Task<BriefPersona?> ReadPersonaAsync(
        SensitiveFields hidden, string key, DateTimeOffset asOf, CancellationToken cancellation)
    {
        var found = await db.QueryAsync(
            $"""
            SELECT id, coalesce((request->>'asOf')::timestamptz, started_at) AS looked_at, result->>'persona',
                CASE WHEN @whole THEN result::text END
            FROM analyses
            WHERE type = @type AND status = {(int)AnalysisStatus.Succeeded} AND request->>'segment' = @key
                AND request->>'against' IS NULL AND request->>'within' IS NULL
                AND coalesce((request->>'asOf')::timestamptz, started_at) <= @asOf
            ORDER BY looked_at DESC, id DESC LIMIT 1
            """,
            row => (
                Id: row.GetString(0), At: row.GetFieldValue<DateTimeOffset>(1), Persona: row.GetString(2),
                Whole: row.IsDBNull(3) ? "" : row.GetString(3)),
            cancellation,
            [
                new NpgsqlParameter("type", ProfileAnalysis.TypeName), new NpgsqlParameter("key", key), new NpgsqlParameter("asOf", asOf),
                new NpgsqlParameter("whole", !hidden.IsEmpty),
            ]);

        // One from before a field was sensitive tells of it in words.
        return found is [var (id, at, text, whole)] && !hidden.AreNamedIn(whole)
            && JsonSerializer.Deserialize<PersonaResult>(text, Json.Options) is { } persona
            ? new BriefPersona(persona.Headline, persona.Sentences, id, at)
            : null;
    }

    private async Task<BriefLeaving> ReadLeavingAsync(DefinitionSet all, SegmentDefinition segment, CancellationToken cancellation)
    {
        var movers = await clock.ReadMoversAsync(all, segment, ClockMove.Leave, Days, Paging.MaxLimit, after: null, cancellation);
        return new BriefLeaving(
            Days, movers.Items.Count, movers.NextCursor is not null, [.. movers.Items.OrderBy(m => m.On).ThenBy(m => m.At).Take(Soonest)]);
    }
}
