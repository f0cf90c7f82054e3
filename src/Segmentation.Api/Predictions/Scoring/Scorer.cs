using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Predictions;

/// <summary>
/// Scores customers: reads what their events add up to in one stream, reckons, and brings the stored scores to that. What is as it was is
/// not written; of the others the change log says so in the same transaction, so that membership follows.
/// </summary>
internal sealed partial class Scorer(
    DataSources sources, IServiceScopeFactory scopes, PredictionOptions options, RevenueOptions revenue, TimeProvider time,
    ILogger<Scorer> logger) : IAsyncDisposable
{
    /// <summary>How many connections it uses: one reads while the other writes.</summary>
    public const int Connections = 2;

    // Customers that are scored in one transaction where they are scored for their events.
    private const int MaxWaiting = 5_000;

    // Rows in memory at the same time.
    private const int ChunkRows = 5_000;

    // Beyond what any number of ours means, and within what a decimal holds.
    private const double Largest = 1e21;

    // Reading takes long, and must not keep others from the processors.
    private readonly NpgsqlDataSource source = sources.Create(WorkClass.Keeper, Connections, settings =>
    {
        settings.MinPoolSize = 0;
        settings.CommandTimeout = 0;
        settings.Options = $"{settings.Options} -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 "
            + "-c max_parallel_workers_per_gather=0 -c enable_hashagg=off";
    });

    // With the number of writes after which it is right; null where it is to be read.
    private (ValueDistribution Values, long Writes)? distribution;

    // Parsed anew only where others are in force: every few seconds somebody asks.
    private (string Stamp, ScoringModels Models)? known;

    /// <summary>Scores everybody where the day's scoring is due, or other models are in force than at the last.</summary>
    /// <returns>Whether it did.</returns>
    public async Task<bool> ScoreEveryoneWhereDueAsync(CancellationToken cancellation)
    {
        var (models, state) = await ReadAsync(cancellation);
        var isDue = state.ScoredAt is null || options.FindLast(time.GetUtcNow()) > state.ScoredAt || state.Models != models.Signature;
        return isDue && await ScoreEveryoneAsync(models, state, cancellation) is not null;
    }

    /// <summary>Scores everybody.</summary>
    /// <returns>How many scores were written; null where another process has written some meanwhile.</returns>
    public async Task<long?> ScoreEveryoneAsync(CancellationToken cancellation)
    {
        var (models, state) = await ReadAsync(cancellation);
        return await ScoreEveryoneAsync(models, state, cancellation);
    }

    /// <summary>Scores everybody by given models.</summary>
    /// <returns>How many scores were written; null where another process has written some meanwhile.</returns>
    internal async Task<long?> ScoreEveryoneAsync(ScoringModels models, CancellationToken cancellation) =>
        await ScoreEveryoneAsync(models, (await ReadAsync(cancellation)).State, cancellation);

    /// <summary>Scores those who wait for it: all that do at the beginning.</summary>
    public async Task ScoreWaitingAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            // First who waits, then their events: what is read is not older than what they wait for.
            var waiting = await source.QueryAsync(
                """
                SELECT id, keys FROM (
                    SELECT id, keys, sum(cardinality(keys)) OVER (ORDER BY id) - cardinality(keys) AS before
                    FROM (SELECT id, keys FROM unscored_customers ORDER BY id LIMIT $1) AS first) AS counted
                WHERE before < $1
                """,
                row => (Id: row.GetInt64(0), Keys: row.GetFieldValue<long[]>(1)), cancellation, SqlParameter.Create(MaxWaiting));
            if (waiting.Count == 0)
            {
                return;
            }

            var (models, state) = await ReadAsync(cancellation);
            if (models.Signature != state.Models)
            {
                return; // Everybody comes first: scores are then by versions that are known, whatever comes into force meanwhile.
            }

            long[] keys = [.. waiting.SelectMany(w => w.Keys).Distinct().Order()];
            List<CustomerScores> scores = [];
            await using (var reading = await source.OpenConnectionAsync(cancellation))
            {
                await foreach (var chunk in ScoreAsync(reading, keys, models, time.GetUtcNow(), cancellation))
                {
                    scores.AddRange(chunk);
                }
            }

            var ranked = await RankAsync(keys, scores, state.Writes, cancellation);
            await using var writing = await source.OpenConnectionAsync(cancellation);
            await using var transaction = await writing.BeginTransactionAsync(cancellation);
            await BeginAsync(writing, cancellation);
            await CopyAsync(writing, scores, cancellation);
            if (!await TakeTurnAsync(writing, state, state.ScoredAt, state.Models, cancellation))
            {
                return;
            }

            await WriteAsync(writing, everyone: false, isRanked: true, cancellation);
            await ExecuteAsync(
                writing, "DELETE FROM unscored_customers WHERE id = ANY ($1)", cancellation,
                SqlParameter.Create(waiting.Select(w => w.Id).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint));
            await transaction.CommitAsync(cancellation);
            distribution = ranked is null ? null : (ranked, state.Writes + 1);
        }
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();

    private async Task<long?> ScoreEveryoneAsync(ScoringModels models, ScoringState state, CancellationToken cancellation)
    {
        var at = LocalTime.Truncate(time.GetUtcNow());
        await using var reading = await source.OpenConnectionAsync(cancellation);
        await using var writing = await source.OpenConnectionAsync(cancellation);
        await using var transaction = await writing.BeginTransactionAsync(cancellation);
        await BeginAsync(writing, cancellation);
        await foreach (var chunk in ScoreAsync(reading, null, models, at, cancellation))
        {
            await CopyAsync(writing, chunk, cancellation);
        }

        // Of whom nothing is told any more, nothing stays.
        await ExecuteAsync(
            writing,
            $"""
            INSERT INTO fresh_scores (customer_key, scored_on) SELECT s.customer_key, $1 FROM customer_scores s
            WHERE (s.propensities IS NOT NULL
                    OR (s.customer_key IN ({RestrictedCustomers.Sql}) AND num_nonnulls(s.silence, s.alive_probability) > 0))
                AND NOT EXISTS (SELECT FROM fresh_scores f WHERE f.customer_key = s.customer_key)
            """,
            cancellation, new NpgsqlParameter { Value = options.FindDay(at), NpgsqlDbType = NpgsqlDbType.Date });
        await ExecuteAsync(writing, "ANALYZE fresh_scores", cancellation);
        var copies = await ScoreCopies.PrepareAsync(writing, models, at, options, cancellation);
        if (!await TakeTurnAsync(writing, state, at, models.Signature, cancellation))
        {
            return null;
        }

        var written = await WriteAsync(writing, everyone: true, isRanked: models.LifetimeValue is null, cancellation);
        await copies.WriteAsync(writing, cancellation);
        await transaction.CommitAsync(cancellation);
        distribution = null;
        if (models.Signature != state.Models)
        {
            // Of the versions before no score is left. For itself: who changes definitions waits for what is locked here.
            await using var scope = scopes.CreateAsyncScope();
            await DefinitionCache.MarkChangedAsync(scope.ServiceProvider.GetRequiredService<SegmentationDb>(), cancellation);
        }

        LogScored(written, (long)(time.GetUtcNow() - at).TotalMilliseconds);
        return written;
    }

    private async Task<(ScoringModels Models, ScoringState State)> ReadAsync(CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        var state = await db.ScoringStates.AsNoTracking().SingleAsync(cancellation);
        var stamp = await ScoringModels.ReadStampAsync(db, cancellation);
        if (known is not var (before, models) || before != stamp)
        {
            models = await ScoringModels.ReadAsync(db, cancellation);
            known = (stamp, models);
        }

        return (models, state);
    }

    // A chunk at a time, everybody's or some customers'.
    private async IAsyncEnumerable<List<CustomerScores>> ScoreAsync(
        NpgsqlConnection reading, long[]? keys, ScoringModels models, DateTimeOffset at,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var now = new Evaluation(at, options.TimeZone);
        var (model, day) = (models.LifetimeValue, models.LifetimeValue?.PinnedTo ?? now.Today);
        var end = now.From(new DateValue.Day(day.AddDays(1)));
        List<CustomerScores> chunk = [];
        await using var scope = scopes.CreateAsyncScope();
        var propensities = await PropensityScores.ReadAsync(
            reading, keys, models.Propensities, scope.ServiceProvider.GetRequiredService<PropensityReader>(), now.AsOf, options,
            cancellation);
        var read = CustomerActivity.ReadAsync(reading, keys, options.TimeZone, revenue.OrderTypes, end, cancellation);
        await foreach (var activity in read)
        {
            var scores = Score(activity, model, now.Today, day);
            scores.Propensities = propensities.Take(activity.Customer);
            chunk.Add(scores);
            if (chunk.Count == ChunkRows)
            {
                yield return chunk;
                chunk = [];
            }
        }

        yield return chunk;

        // Who has no event has a propensity all the same.
        foreach (var others in propensities.ListOthers().ToList().Chunk(ChunkRows))
        {
            yield return [.. others.Select(customer => new CustomerScores
            {
                CustomerKey = customer,
                ScoredOn = now.Today,
                Propensities = propensities.Take(customer),
            })];
        }
    }

    private static CustomerScores Score(CustomerActivity activity, LifetimeValueScorer? model, DateOnly today, DateOnly day)
    {
        var scores = new CustomerScores
        {
            CustomerKey = activity.Customer,
            ScoredOn = today,
            Silence = activity.FindSilence(CountDays(today)),
        };
        if (model is null || activity.FindPurchases(CountDays(day)) is not { } history)
        {
            return scores;
        }

        var found = model.Model.Score(history.History, history.PaidRepeats, (double)history.MeanAmount);
        (scores.ScoredOn, scores.Version) = (day, model.Version);
        (scores.Repeats, scores.RecencyDays, scores.AgeDays) = (history.Repeats, history.RecencyDays, history.AgeDays);
        (scores.PaidRepeats, scores.MeanAmount) = (history.PaidRepeats, history.MeanAmount);
        (scores.AliveProbability, scores.ChurnRisk) = (Round(found.Alive, 6), Round(found.ChurnRisk, 6));
        (scores.Orders30, scores.Orders90) = (Round(found.Orders30, 6), Round(found.Orders90, 6));
        (scores.Orders365, scores.AverageOrderValue) = (Round(found.Orders365, 6), Round(found.AverageOrderValue, 4));
        scores.LifetimeValue = Round(found.LifetimeValue, 4);
        return scores;
    }

    private static int CountDays(DateOnly date) => date.DayNumber - DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber;

    // What is no number is missing.
    private static decimal? Round(double? value, int decimals) =>
        value is { } some && Math.Abs(some) < Largest ? Math.Round((decimal)some, decimals, MidpointRounding.AwayFromZero) : null;

    // Gives some customers their percentiles among everybody: of those who are scored together, each with the others' new values.
    private async Task<ValueDistribution?> RankAsync(
        long[] keys, List<CustomerScores> scores, long writes, CancellationToken cancellation)
    {
        const string stored = "SELECT lifetime_value FROM customer_scores WHERE lifetime_value IS NOT NULL";
        var known = distribution is var (values, after) && after == writes ? values : null;
        if (!scores.Any(s => s.LifetimeValue is not null))
        {
            return known;
        }

        Func<NpgsqlDataReader, decimal> read = row => row.GetDecimal(0);
        var all = known ?? new ValueDistribution(await source.QueryAsync($"{stored} ORDER BY 1", read, cancellation));
        var before = await source.QueryAsync(
            $"{stored} AND customer_key = ANY ($1)", read, cancellation,
            SqlParameter.Create(keys, NpgsqlDbType.Array | NpgsqlDbType.Bigint));
        var ranked = all.Replace(before, scores.Select(s => s.LifetimeValue).OfType<decimal>());
        foreach (var score in scores)
        {
            score.ValuePercentile = score.LifetimeValue is { } value ? ranked.FindPercentile(value) : null;
        }

        return ranked;
    }

    private static Task BeginAsync(NpgsqlConnection writing, CancellationToken cancellation) =>
        ExecuteAsync(writing, "CREATE TEMPORARY TABLE fresh_scores (LIKE customer_scores) ON COMMIT DROP", cancellation);

    private async Task CopyAsync(NpgsqlConnection writing, List<CustomerScores> scores, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var table = BulkTable<CustomerScores>.For(scope.ServiceProvider.GetRequiredService<SegmentationDb>().Model);
        await table.CopyAsync(writing, "fresh_scores", scores, cancellation);
    }

    // Whether nobody has written scores since the state was read; nobody else does before the transaction ends.
    private static async Task<bool> TakeTurnAsync(
        NpgsqlConnection writing, ScoringState state, DateTimeOffset? at, string models, CancellationToken cancellation) =>
        await ExecuteAsync(
            writing, "UPDATE scoring_state SET writes = writes + 1, scored_at = $2, models = $3 WHERE writes = $1", cancellation,
            SqlParameter.Create(state.Writes),
            new NpgsqlParameter { Value = (object?)at ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz },
            SqlParameter.Create(models)) == 1;

    // Who has no row gets one, where there is something to say, and then everybody's is brought to what is new. A customer that is being
    // erased is waited for, and left out.
    private async Task<long> WriteAsync(NpgsqlConnection writing, bool everyone, bool isRanked, CancellationToken cancellation)
    {
        await ExecuteAsync(
            writing,
            """
            INSERT INTO customer_scores (customer_key, scored_on) SELECT f.customer_key, f.scored_on FROM fresh_scores f
                JOIN customers c ON c.key = f.customer_key
            WHERE num_nonnulls(f.silence, f.alive_probability, f.propensities) > 0
                AND NOT EXISTS (SELECT FROM customer_scores s WHERE s.customer_key = f.customer_key)
            ORDER BY f.customer_key FOR KEY SHARE OF c
            """,
            cancellation);
        string[] columns = [.. (await ListColumnsAsync()).Where(c => c != "customer_key")];
        const string percentile = "value_percentile";
        const string rank =
            $"""
            CASE WHEN lifetime_value IS NOT NULL THEN
                round((100 * percent_rank() OVER (PARTITION BY lifetime_value IS NULL ORDER BY lifetime_value))::numeric, 4) END
            """;
        var fresh = isRanked
            ? "fresh_scores"
            : $"(SELECT customer_key, {string.Join(", ", columns.Select(c => c == percentile ? $"{rank} AS {c}" : c))} FROM fresh_scores)";
        var (stored, wanted) = (string.Join(", ", columns.Select(c => $"s.{c}")), string.Join(", ", columns.Select(c => $"f.{c}")));
        await using var command = new NpgsqlCommand(
            $"""
            WITH written AS (
                UPDATE customer_scores s SET ({string.Join(", ", columns)}) = ROW ({wanted}) FROM {fresh} f
                WHERE s.customer_key = f.customer_key AND ({stored}) IS DISTINCT FROM ({wanted})
                RETURNING s.customer_key AS key),
            changes AS ({ChangeLog.AppendMembersSql(MembershipCause.Score, [nameof(Customer.Scores)], "written", everyone)})
            SELECT count(*) FROM written
            """,
            writing);
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancellation), CultureInfo.InvariantCulture);
    }

    private async Task<IEnumerable<string>> ListColumnsAsync()
    {
        await using var scope = scopes.CreateAsyncScope();
        return BulkTable<CustomerScores>.For(scope.ServiceProvider.GetRequiredService<SegmentationDb>().Model).Columns;
    }

    private static async Task<int> ExecuteAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellation, params NpgsqlParameter[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        return await command.ExecuteNonQueryAsync(cancellation);
    }

    [LoggerMessage(LogLevel.Information, "Everybody was scored: {Written} scores written in {Milliseconds} ms")]
    private partial void LogScored(long written, long milliseconds);
}
