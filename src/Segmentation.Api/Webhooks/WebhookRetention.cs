using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Webhooks;

/// <summary>Deletes messages that are past their retention, and gives up those that a receiver has not accepted for a day.</summary>
internal sealed class WebhookRetention(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, WebhookOptions options, TimeProvider time)
{
    private const int RowsPerStatement = 10_000;

    /// <param name="failing">Webhooks whose receivers have not accepted anything of late.</param>
    public async Task SweepAsync(IEnumerable<int> failing, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        await DeleteExpiredAsync(now, cancellation);
        await DeleteErasedAsync(now, cancellation);
        await GiveUpAsync(failing, now, cancellation);
        await DeleteOrphansAsync(cancellation);
    }

    private Task DeleteExpiredAsync(DateTimeOffset now, CancellationToken cancellation) => ExecuteInChunksAsync(
        """
        DELETE FROM webhook_deliveries
        WHERE id = ANY (ARRAY(SELECT id FROM webhook_deliveries WHERE done_at < $1 AND (state = 1 OR done_at < $2) LIMIT $3))
        """,
        cancellation,
        SqlParameter.Create(now.AddHours(-options.KeepDeliveredHours)),
        SqlParameter.Create(now.AddDays(-options.KeepDeadDays)));

    // The last that is told of an erased customer: gone once it is told, and after a day whether it is or not.
    private Task DeleteErasedAsync(DateTimeOffset now, CancellationToken cancellation) => ExecuteInChunksAsync(
        """
        DELETE FROM webhook_deliveries
        WHERE id = ANY (ARRAY(SELECT id FROM webhook_deliveries WHERE cause = 8 AND (state > 0 OR queued_at < $1) LIMIT $2))
        """,
        cancellation,
        SqlParameter.Create(now.AddDays(-1)));

    private async Task GiveUpAsync(IEnumerable<int> failing, DateTimeOffset now, CancellationToken cancellation)
    {
        var disabled = await database.QueryAsync("SELECT key FROM webhooks WHERE NOT enabled", r => r.GetInt32(0), cancellation);
        await ExecuteInChunksAsync(
            """
            UPDATE webhook_deliveries SET state = 2, done_at = $1, next_attempt_at = NULL,
              last_error = coalesce(last_error, 'The webhook took nothing for a day.')
            WHERE id = ANY (ARRAY(SELECT id FROM webhook_deliveries WHERE webhook_key = ANY ($2) AND state = 0 AND queued_at < $3 LIMIT $4))
            """,
            cancellation,
            SqlParameter.Create(now),
            SqlParameter.Create(disabled.Concat(failing).ToArray()),
            SqlParameter.Create(now.AddDays(-1)));
    }

    // Messages whose webhook was deleted: the recursion steps through the index from one webhook to the next.
    private async Task DeleteOrphansAsync(CancellationToken cancellation)
    {
        var deleted = await database.QueryAsync(
            """
            WITH RECURSIVE k AS (
              (SELECT webhook_key AS key FROM webhook_deliveries ORDER BY webhook_key LIMIT 1)
              UNION ALL
              SELECT (SELECT webhook_key FROM webhook_deliveries WHERE webhook_key > k.key ORDER BY webhook_key LIMIT 1)
                FROM k WHERE k.key IS NOT NULL)
            SELECT key FROM k WHERE key IS NOT NULL AND NOT EXISTS (SELECT FROM webhooks w WHERE w.key = k.key)
            """,
            r => r.GetInt32(0),
            cancellation);
        if (deleted.Count > 0)
        {
            await ExecuteInChunksAsync(
                """
                DELETE FROM webhook_deliveries
                WHERE id = ANY (ARRAY(SELECT id FROM webhook_deliveries WHERE webhook_key = ANY ($1) LIMIT $2))
                """,
                cancellation,
                SqlParameter.Create(deleted.ToArray()));
        }
    }

    // The statement's last parameter is the number of rows it may write; it runs until it writes fewer.
    private async Task ExecuteInChunksAsync(string sql, CancellationToken cancellation, params NpgsqlParameter[] parameters)
    {
        int written;
        do
        {
            written = await Retry.OnDeadlockAsync(
                () => database.ExecuteAsync(
                    sql, cancellation, [.. parameters.Select(p => p.Clone()), SqlParameter.Create(RowsPerStatement)]),
                cancellation);
        }
        while (written == RowsPerStatement);
    }
}
