using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>Has segments rebuilt where so much was written that this is cheaper than evaluating each customer.</summary>
/// <remarks>It names entries by their ids throughout: one with a smaller id may be committed meanwhile.</remarks>
internal sealed class BulkChanges(
    NpgsqlDataSource source, MembershipWriter writer, SegmentRebuilds rebuilds, RankRebuilds ranks, ILogger logger)
{
    // What one evaluation costs: measured on a million customers of twenty events (docs/benchmarks.md).
    private const double EvaluationMs = 0.15;
    private const double EvaluationSegmentMs = 0.001;

    /// <returns>Whether it does: the entries are replaced by those that have segments rebuilt.</returns>
    public async Task<bool> RebuildInsteadAsync(MembershipPlan plan, CancellationToken cancellation)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation);
        var (entries, keys) = await ReadSizeAsync(connection, cancellation);
        var (affected, movesRanks) = await ReadAffectedAsync(plan, connection, entries, cancellation);
        if (keys == 0 || keys * (EvaluationMs + (EvaluationSegmentMs * affected.Count)) < rebuilds.EstimateMs(affected.Count))
        {
            return false;
        }

        logger.LogInformation("{Keys} customers were written: {Segments} segments are rebuilt", keys, affected.Count);
        if (movesRanks)
        {
            ranks.MarkMoved(plan);
        }

        await writer.InTransactionAsync(null, async (write, transaction) =>
        {
            int[] segments = [.. affected.Ordinals().Select(o => plan.Segments[o].Segment.Id)];
            await ChangeLog.AppendSegmentsAsync(write, transaction, MembershipCause.Import, segments, entries, cancellation);
        }, cancellation);
        return true;
    }

    private static async Task<(long[] Entries, long Keys)> ReadSizeAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT coalesce(array_agg(id), '{}'), coalesce(sum(cardinality(keys)), 0) FROM membership_work
            WHERE segment_id IS NULL AND keys IS NOT NULL AND cause <> $1
            """,
            connection)
        { Parameters = { SqlParameter.Create((short)MembershipCause.Erased, NpgsqlDbType.Smallint) } };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return (reader.GetFieldValue<long[]>(0), reader.GetInt64(1));
    }

    private static async Task<(SegmentSet Affected, bool MovesRanks)> ReadAffectedAsync(
        MembershipPlan plan, NpgsqlConnection connection, long[] entries, CancellationToken cancellation)
    {
        var affected = new SegmentSet(plan.Segments.Count);
        var movesRanks = false;
        await using var command = new NpgsqlCommand(
            """
            SELECT DISTINCT w.created, e.type, m.member FROM membership_work w
            LEFT JOIN LATERAL (SELECT DISTINCT unnest(w.event_types)) AS e (type) ON true
            LEFT JOIN LATERAL unnest(w.changed) AS m (member) ON true
            WHERE w.id = ANY ($1)
            """,
            connection)
        { Parameters = { SqlParameter.Create(entries, NpgsqlDbType.Array | NpgsqlDbType.Bigint) } };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            var created = reader.GetBoolean(0);
            affected.Add(created ? plan.Everything
                : !reader.IsDBNull(1) ? plan.AffectedByEvent(reader.GetString(1))
                : !reader.IsDBNull(2) ? plan.AffectedByMember(reader.GetString(2))
                : plan.Profile);
            movesRanks |= created || (!reader.IsDBNull(1) && plan.MovesRanks(reader.GetString(1)));
        }

        return (affected, movesRanks);
    }
}
