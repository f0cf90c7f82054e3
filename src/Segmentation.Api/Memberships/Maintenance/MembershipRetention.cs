using Npgsql;

namespace Segmentation.Api.Memberships;

/// <summary>Deletes old history of membership.</summary>
internal static class MembershipRetention
{
    /// <summary>Rows that one statement deletes at most: locks and write-ahead log stay small, and others run between statements.</summary>
    public const int PurgeRows = 10_000;

    /// <summary>
    /// How long the ids of erased customers are kept for those who follow their segments: with the hour between two runs, a day at most.
    /// </summary>
    public static readonly TimeSpan ErasedIds = TimeSpan.FromHours(23);

    /// <summary>Forgets the ids of customers that were erased before an instant. That someone was stays: a stream says so.</summary>
    public static async Task ForgetAsync(NpgsqlConnection connection, DateTimeOffset before, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            "UPDATE erased_members SET customer_id = NULL WHERE customer_id IS NOT NULL AND at < $1", connection);
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = before });
        await command.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>
    /// Deletes the membership periods that ended before an instant, and the revisions before it that no period refers to; each segment's
    /// last revision before it stays, since it says how large the segment was then.
    /// </summary>
    /// <remarks>
    /// Many small statements, each its own transaction unless the connection is in one. After a failure halfway, the next run continues.
    /// </remarks>
    /// <returns>How many were deleted.</returns>
    public static async Task<(long Periods, long Revisions)> PurgeAsync(
        NpgsqlConnection connection, DateTimeOffset before, CancellationToken cancellation)
    {
        var (periods, revisions) = (0L, 0L);
        if (await ScalarAsync<bool>("SELECT EXISTS (SELECT FROM membership_batches WHERE at < $1)", before))
        {
            // Before anything is deleted: what is no longer whole is not shown as if it were.
            await using var mark = Command("UPDATE membership_leader SET purged_until = greatest(purged_until, $1)", before);
            await mark.ExecuteNonQueryAsync(cancellation);
        }

        var end = await ScalarAsync<long>(
            "SELECT coalesce((SELECT id FROM membership_batches WHERE at >= $1 ORDER BY at, id LIMIT 1), $2)", before, long.MaxValue);
        for (var segment = await NextAsync(int.MinValue); segment is not null; segment = await NextAsync(segment.Value))
        {
            int deleted;
            do
            {
                await using var command = Command(
                    """
                    DELETE FROM memberships WHERE ctid = ANY (ARRAY(
                        SELECT ctid FROM memberships WHERE segment_id = $1 AND left_batch < $2 ORDER BY left_batch LIMIT $3))
                    """, segment.Value, end, PurgeRows);
                deleted = await command.ExecuteNonQueryAsync(cancellation);
                periods += deleted;
            }
            while (deleted == PurgeRows);

            var last = await ScalarAsync<long?>(
                "SELECT max(id) FROM membership_batches WHERE segment_id = $1 AND id < $2", segment.Value, end);
            for (long? after = long.MinValue; last is not null && after is not null;)
            {
                // No join: where the tables were empty when they were last analyzed, the planner would compare each revision with each.
                await using var command = Command(
                    """
                    WITH old AS MATERIALIZED (
                        SELECT ctid, id FROM membership_batches WHERE segment_id = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4),
                    deleted AS (
                        DELETE FROM membership_batches WHERE ctid = ANY (ARRAY(
                            SELECT o.ctid FROM old o WHERE (
                                SELECT m.segment_id FROM memberships m WHERE m.segment_id = $1 AND m.joined_batch = o.id LIMIT 1) IS NULL
                            AND (
                                SELECT m.segment_id FROM memberships m WHERE m.segment_id = $1 AND m.left_batch = o.id LIMIT 1) IS NULL))
                        RETURNING 1)
                    SELECT (SELECT max(id) FROM old), (SELECT count(*) FROM deleted)
                    """, segment.Value, after.Value, last.Value, PurgeRows);
                await using var reader = await command.ExecuteReaderAsync(cancellation);
                await reader.ReadAsync(cancellation);
                after = reader.IsDBNull(0) ? null : reader.GetInt64(0);
                revisions += reader.GetInt64(1);
            }
        }

        await DeleteEndsAsync();
        return (periods, revisions);

        // Deleted segments have one revision each, which no later one follows.
        async Task DeleteEndsAsync()
        {
            await using var erased = Command("DELETE FROM erased_members WHERE left_batch < $1", end);
            await erased.ExecuteNonQueryAsync(cancellation);
            await using var deleted = Command(
                """
                WITH old AS (DELETE FROM deleted_segments WHERE batch < $1 RETURNING segment_id)
                DELETE FROM membership_batches WHERE segment_id = ANY (ARRAY(SELECT segment_id FROM old))
                """, end);
            await deleted.ExecuteNonQueryAsync(cancellation);
        }

        Task<int?> NextAsync(int after) => ScalarAsync<int?>("SELECT min(segment_id) FROM membership_batches WHERE segment_id > $1", after);

        async Task<T?> ScalarAsync<T>(string sql, params object[] values)
        {
            await using var command = Command(sql, values);
            return await command.ExecuteScalarAsync(cancellation) is T value ? value : default;
        }

        NpgsqlCommand Command(string sql, params object[] values)
        {
            var command = new NpgsqlCommand(sql, connection);
            command.Parameters.AddRange(Array.ConvertAll(values, v => new NpgsqlParameter { Value = v }));
            return command;
        }
    }
}
