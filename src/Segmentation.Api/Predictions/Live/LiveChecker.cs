using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Models.Purchases;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Predictions;

/// <summary>Holds copies of scores against what came, when their time has come.</summary>
public sealed class LiveChecker(
    SegmentationDb db, MetricEvents events, RevenueOptions revenue, PredictionOptions options, TimeProvider time)
{
    // Of a model so many are kept: a year's, and the one of its last week.
    private const int Kept = 53;

    /// <summary>Checks the copy whose time came first, in one transaction: what was found is stored, and the copy is deleted.</summary>
    /// <param name="without">Copies that are left alone.</param>
    /// <param name="cancellation">Ends it; then nothing has changed.</param>
    /// <returns>Its id; null where none is due.</returns>
    internal async Task<long?> CheckNextAsync(IReadOnlyCollection<long> without, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var copy = await db.ScoreCopies.AsNoTracking().Where(c => c.Result == null && c.Until <= now && !without.Contains(c.Id))
            .OrderBy(c => c.Until).ThenBy(c => c.Id).FirstOrDefaultAsync(cancellation);
        if (copy is not null)
        {
            try
            {
                await CheckAsync(copy, cancellation);
            }
            catch (Exception failure) when (!cancellation.IsCancellationRequested)
            {
                throw new LiveCheckException(copy.Id, failure);
            }
        }

        return copy?.Id;
    }

    private async Task CheckAsync(ScoreCopy copy, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        await db.Database.ExecuteSqlAsync(
            $"""
            SELECT set_config(name, value, true) FROM (VALUES ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
                ('max_parallel_workers_per_gather', '0')) AS s(name, value)
            """,
            cancellation);
        var settings = copy.Settings.Deserialize<ModelSettings>(Json.Options)!;
        var at = new LiveMoment(copy.Version, copy.ScoredOn, copy.From, copy.Until);
        var report = copy.Parameters is { } parameters
            ? await CheckOrdersAsync(copy, at, settings, parameters.Deserialize<LifetimeValueParameters>(Json.Options)!, cancellation)
            : await CheckGoalAsync(copy, at, settings, cancellation);
        var result = JsonSerializer.SerializeToElement(report, Json.Options);

        // Of whom all were erased, there is nothing to say. A model that is gone meanwhile took its copies along.
        _ = report is null
            ? await db.ScoreCopies.Where(c => c.Id == copy.Id).ExecuteDeleteAsync(cancellation)
            : await db.ScoreCopies.Where(c => c.Id == copy.Id && c.Result == null)
                .ExecuteUpdateAsync(c => c.SetProperty(s => s.Result, result), cancellation);
        await db.ScoreCopyParts.Where(p => p.CopyId == copy.Id).ExecuteDeleteAsync(cancellation);
        await db.ScoreCopies.Where(c => c.ModelKey == copy.ModelKey && c.Result != null).OrderByDescending(c => c.Id).Skip(Kept)
            .ExecuteDeleteAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    // A day that had an order when it was scored is none that came, though it has another later.
    private async Task<LiveReport?> CheckOrdersAsync(
        ScoreCopy copy, LiveMoment at, ModelSettings settings, LifetimeValueParameters parameters, CancellationToken cancellation)
    {
        List<BackTestCustomer> customers = [];
        var rows = ReadAsync(
            """
            SELECT u.x, u.tx, u.t, u.n, u.m,
                coalesce(o.days, 0) + CASE WHEN u.t = u.tx THEN 0 ELSE coalesce(o.today, 0) END,
                coalesce(o.amount, 0) + CASE WHEN u.t = u.tx THEN 0 ELSE coalesce(o.amount_today, 0) END
            FROM score_copy_parts p
            CROSS JOIN LATERAL unnest(p.customers, p.repeats, p.recency_days, p.age_days, p.paid_repeats, p.mean_amounts)
                AS u(key, x, tx, t, n, m)
            JOIN customers c ON c.key = u.key
            LEFT JOIN (
                SELECT customer_key, (count(DISTINCT day) FILTER (WHERE day > @day))::integer AS days,
                    (count(DISTINCT day) FILTER (WHERE day <= @day))::integer AS today,
                    (sum(amount) FILTER (WHERE day > @day))::float8 AS amount,
                    (sum(amount) FILTER (WHERE day <= @day))::float8 AS amount_today
                FROM (
                    SELECT customer_key, (occurred_at AT TIME ZONE @zone)::date AS day, amount FROM events
                    WHERE type = ANY (@types) AND occurred_at > @from AND occurred_at <= @until) AS e
                GROUP BY 1) AS o ON o.customer_key = u.key
            WHERE p.copy_id = @copy ORDER BY u.key
            """,
            row => new BackTestCustomer(
                new PurchaseHistory(
                    row.GetInt32(0), row.GetInt32(1) / LifetimeValueModel.Week, row.GetInt32(2) / LifetimeValueModel.Week),
                row.GetInt32(3), row.GetFloat(4), row.GetInt32(5), row.GetDouble(6)),
            copy, cancellation, new NpgsqlParameter("day", copy.ScoredOn), new NpgsqlParameter("zone", options.TimeZone),
            new NpgsqlParameter("types", NpgsqlDbType.Array | NpgsqlDbType.Text) { Value = revenue.OrderTypes });
        await foreach (var customer in rows)
        {
            customers.Add(customer);
        }

        return customers.Count == 0
            ? null
            : LiveReport.Create(at, BackTest.Run(
                parameters.ToFrequency(settings.Frequency!.Value), parameters.ToSpend(), customers,
                settings.ChurnDays!.Value / LifetimeValueModel.Week));
    }

    private async Task<LiveReport?> CheckGoalAsync(
        ScoreCopy copy, LiveMoment at, ModelSettings settings, CancellationToken cancellation)
    {
        var goal = SqlPart.Create(events.Query(db, settings.Goal!.Value, null, at.From), "goal_");
        List<(double Probability, long Customers, long Happened)> told = [];
        var rows = ReadAsync(
            $"""
            SELECT round(u.probability::numeric, 6)::float8, count(*), count(g.key)
            FROM score_copy_parts p CROSS JOIN LATERAL unnest(p.customers, p.probabilities) AS u(key, probability)
            JOIN customers c ON c.key = u.key
            LEFT JOIN (SELECT DISTINCT key FROM ({goal.Text}) AS e(key, at) WHERE at > @from AND at <= @until) AS g ON g.key = u.key
            WHERE p.copy_id = @copy GROUP BY 1 ORDER BY 1
            """,
            row => (row.GetDouble(0), row.GetInt64(1), row.GetInt64(2)), copy, cancellation, goal.CopyParameters());
        await foreach (var row in rows)
        {
            told.Add(row);
        }

        return told.Count == 0
            ? null
            : LiveReport.Create(at, Calibration.Measure(told), told.Sum(t => t.Probability * t.Customers));
    }

    private async IAsyncEnumerable<T> ReadAsync<T>(
        string sql, Func<NpgsqlDataReader, T> read, ScoreCopy copy, [EnumeratorCancellation] CancellationToken cancellation,
        params NpgsqlParameter[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, (NpgsqlConnection)db.Database.GetDbConnection()) { CommandTimeout = 0 };
        command.Parameters.AddRange((NpgsqlParameter[])[
            .. parameters, new NpgsqlParameter("copy", copy.Id), new NpgsqlParameter("from", copy.From),
            new NpgsqlParameter("until", copy.Until),
        ]);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            yield return read(reader);
        }
    }
}

/// <summary>A copy could not be checked.</summary>
internal sealed class LiveCheckException(long copy, Exception inner) : Exception("Scores could not be held against what came.", inner)
{
    /// <summary>Its id.</summary>
    public long Copy => copy;
}
