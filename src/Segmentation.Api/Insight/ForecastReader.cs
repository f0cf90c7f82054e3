using System.Data;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.History;
using Segmentation.Api.Segments;
using Segmentation.Models.Forecasts;
using Segmentation.Rules;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>A segment's size in the days to come: expected from its daily sizes so far, and by the clock alone.</summary>
public sealed class ForecastReader(
    SegmentationDb db, SegmentQuery query, TrendReader trends, Populations populations, ClockReader clock,
    EventHorizon horizon, TimeProvider time)
{
    /// <summary>Daily sizes that are read where each is an evaluation of the rule.</summary>
    public const int MostEvaluations = 120;

    /// <summary>Reads it.</summary>
    /// <param name="days">How many days ahead: 1 to <see cref="ClockReader.MaxDays"/>.</param>
    /// <param name="membership">Whose sizes.</param>
    /// <param name="asOf">The instant after which nothing exists; null for now.</param>
    public async Task<Forecast> ReadAsync(
        DefinitionSet all, SegmentDefinition segment, int days, MembershipSource membership, DateTimeOffset? asOf,
        CancellationToken cancellation)
    {
        await using var snapshot = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var present = LocalTime.Truncate(time.GetUtcNow());
        var isPast = asOf < present;
        var now = new Evaluation(isPast ? asOf!.Value : present, segment.TimeZone);
        var since = await populations.ReadKeptSinceAsync(segment, cancellation);
        var sizes = membership == MembershipSource.Rule
            ? await EvaluateSizesAsync(all, segment, now, cancellation)
            : await ReadKeptSizesAsync(segment, now, cancellation);
        var longest = SizeForecast.FindLongest(sizes.Count);
        var noClock = isPast ? "clock is told from now on only: asOf is in the past."
            : query.MayChooseInstant(all, segment.Rule) ? null
            : "clock would tell of a sensitive field that the rule reads: that needs the scope privacy.";
        var warnings = Populations.Warn(membership, segment).Concat(Warn(sizes.Count, Math.Min(days, longest), days, membership, noClock));
        var expected = longest == 0 ? null : SizeForecast.Create(sizes, Math.Min(days, longest));
        return new Forecast(
            [.. (expected?.Days ?? []).Select((day, i) => new ForecastDay(
                now.Today.AddDays(i + 1), day.Size, ToArray(day.Range80), day.Range95 is { } range ? ToArray(range) : null))],
            [.. (expected?.Days ?? []).Select(day => day.Method)],
            expected is null ? null : new ForecastBacktest(
                expected.BackTest.Origins, expected.BackTest.MeanAbsoluteError, expected.BackTest.NaiveError,
                expected.BackTest.Coverage80, expected.BackTest.Coverage95),
            noClock is not null ? [] : await clock.ReadSizesAsync(all, segment, now, days, cancellation),
            membership,
            since,
            sizes.Count,
            segment.TimeZone,
            now.AsOf,
            [.. warnings]);
    }

    private static IEnumerable<InsightWarning> Warn(int sizes, int told, int days, MembershipSource membership, string? noClock)
    {
        if (told == 0)
        {
            var remedy = membership == MembershipSource.Kept ? " With membership=rule the rule itself is asked about the past." : "";
            yield return new InsightWarning(
                "too-few-data", $"{SizeForecast.LeastDays} daily sizes are needed, {sizes} found: nothing is expected.{remedy}");
        }
        else if (told < days)
        {
            yield return new InsightWarning(
                "short-history", $"{sizes} daily sizes carry {told} days ahead, of {days} that were asked for.");
        }

        if (noClock is not null)
        {
            yield return new InsightWarning("no-clock", noClock);
        }
    }

    private static double[] ToArray(ExpectedRange range) => [range.Low, range.High];

    // At the beginning of each day, the last of today.
    private async Task<List<double>> ReadKeptSizesAsync(SegmentDefinition segment, Evaluation now, CancellationToken cancellation)
    {
        var (first, today) = (Begin(now, -SizeForecast.MostDays), Begin(now, 0));
        var trend = await trends.ReadAsync(segment, first, today, CalendarUnit.Day, cancellation);
        return [.. trend.Items.Where(i => i.Size is not null).Select(i => (double)i.Size!.Value)];
    }

    private async Task<List<double>> EvaluateSizesAsync(
        DefinitionSet all, SegmentDefinition segment, Evaluation now, CancellationToken cancellation)
    {
        List<double> sizes = [];
        foreach (var day in Enumerable.Range(1 - MostEvaluations, MostEvaluations).Select(day => Begin(now, day)))
        {
            // Before that the rule would not see what it reads.
            if (horizon.FindFault(day) is null)
            {
                sizes.Add((await query.CountAsync(query.CreatePredicate(all, segment, day), cancellation)).Count);
            }
        }

        return sizes;
    }

    private static DateTimeOffset Begin(Evaluation now, int days) => now.From(new DateValue.Day(now.Today.AddDays(days)));
}
