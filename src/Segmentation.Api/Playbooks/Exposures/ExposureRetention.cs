using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Playbooks;

/// <summary>Deletes what was seen once it is old enough, every night: as the leader begins, and a day after that.</summary>
internal sealed partial class ExposureRetention(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, ExposureOptions options, TimeProvider time,
    ILogger<ExposureRetention> logger) : PeriodicLeaderTask(TimeSpan.FromDays(1), TimeSpan.FromHours(1), time)
{
    // Locks and write-ahead log stay small, and others run between statements.
    private const int RowsPerStatement = 10_000;

    private readonly TimeProvider time = time;

    protected override Task StepAsync(CancellationToken cancellation) => DeleteAsync(cancellation);

    protected override void Warn(Exception failure) => LogFailed(failure);

    /// <summary>Deletes what is older than the settings say. After a failure halfway, the next run goes on.</summary>
    internal async Task DeleteAsync(CancellationToken cancellation)
    {
        var before = time.GetUtcNow().AddDays(-options.ImpressionDays);
        await DeleteAsync("impressions", "SELECT ctid FROM impressions WHERE at < $1", SqlParameter.Create(before));
        await DeleteAsync("exposure_reports", "SELECT ctid FROM exposure_reports WHERE at < $1", SqlParameter.Create(before));
        foreach (var (experiment, run) in await ListEndedAsync(cancellation))
        {
            await DeleteAsync(
                "experiment_units",
                "SELECT ctid FROM experiment_units WHERE experiment_id = $1 AND run = $2",
                SqlParameter.Create(experiment),
                SqlParameter.Create(run));
        }

        // Links of whom nothing is left.
        await DeleteAsync(
            "visitor_links",
            """
            SELECT l.ctid FROM visitor_links l WHERE l.at < $1
                AND NOT EXISTS (SELECT FROM impressions i WHERE i.visitor_id = l.visitor_id)
                AND NOT EXISTS (SELECT FROM experiment_units u WHERE u.visitor_id = l.visitor_id)
            """,
            SqlParameter.Create(before));

        async Task DeleteAsync(string table, string which, params NpgsqlParameter[] parameters)
        {
            int deleted;
            do
            {
                deleted = await database.ExecuteAsync(
                    $"DELETE FROM {table} WHERE ctid = ANY (ARRAY({which} LIMIT ${parameters.Length + 1}))",
                    cancellation,
                    [.. parameters.Select(p => p.Clone()), SqlParameter.Create(RowsPerStatement)]);
            }
            while (deleted == RowsPerStatement);
        }
    }

    // The runs with units that ended long enough ago, or are gone; from one to the next through the index.
    private Task<List<(int Experiment, int Run)>> ListEndedAsync(CancellationToken cancellation) => database.QueryAsync(
        """
        WITH RECURSIVE k AS (
            (SELECT experiment_id, run FROM experiment_units ORDER BY experiment_id, run LIMIT 1)
            UNION ALL
            SELECT n.* FROM k CROSS JOIN LATERAL (
                SELECT experiment_id, run FROM experiment_units WHERE (experiment_id, run) > (k.experiment_id, k.run)
                ORDER BY experiment_id, run LIMIT 1) AS n)
        SELECT k.experiment_id, k.run FROM k LEFT JOIN experiment_runs r ON r.experiment_id = k.experiment_id AND r.run = k.run
        WHERE r.run IS NULL OR r.stopped_at < $1
        """,
        r => (r.GetInt32(0), r.GetInt32(1)),
        cancellation,
        SqlParameter.Create(time.GetUtcNow().AddDays(-options.UnitDays), NpgsqlDbType.TimestampTz));

    [LoggerMessage(LogLevel.Error, "Old exposures could not be deleted; trying again in an hour")]
    private partial void LogFailed(Exception failure);
}
