using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Reads what there is to do: the first entries of the change log, what was cancelled, and the version of the definitions.
/// </summary>
internal sealed class ChangeLogReader(NpgsqlDataSource source)
{
    private const int MaxEntries = 20;

    /// <param name="rebuilding">Segments whose own entries wait until their rebuilds have ended.</param>
    public async Task<PendingChanges> ReadAsync(int[] rebuilding, CancellationToken cancellation)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand("SELECT stamp FROM definition_stamp"),
                new NpgsqlBatchCommand("SELECT segment_id FROM membership_states WHERE cancel_requested"),
                new NpgsqlBatchCommand(
                    $"""
                    SELECT id, cause, segment_id, keys, event_types, event_ids, event_times, changed, created FROM membership_work
                    WHERE segment_id IS NULL OR segment_id <> ALL ($1) ORDER BY id LIMIT {MaxEntries + 1}
                    """)
                {
                    Parameters = { SqlParameter.Create(rebuilding, NpgsqlDbType.Array | NpgsqlDbType.Integer) },
                },
            },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        var version = reader.GetInt64(0);
        await reader.NextResultAsync(cancellation);
        List<int> cancelled = [];
        while (await reader.ReadAsync(cancellation))
        {
            cancelled.Add(reader.GetInt32(0));
        }

        await reader.NextResultAsync(cancellation);
        List<ChangeLogEntry> entries = [];
        while (await reader.ReadAsync(cancellation))
        {
            entries.Add(new ChangeLogEntry
            {
                Id = reader.GetInt64(0),
                Cause = (MembershipCause)reader.GetInt16(1),
                SegmentId = reader.IsDBNull(2) ? null : reader.GetInt32(2),
                Keys = reader.IsDBNull(3) ? null : reader.GetFieldValue<long[]>(3),
                EventTypes = reader.IsDBNull(4) ? null : reader.GetFieldValue<string[]>(4),
                EventIds = reader.IsDBNull(5) ? null : reader.GetFieldValue<string?[]>(5),
                EventTimes = reader.IsDBNull(6) ? null : reader.GetFieldValue<DateTimeOffset[]>(6),
                Changed = reader.IsDBNull(7) ? null : reader.GetFieldValue<string[]>(7),
                Created = reader.GetBoolean(8),
            });
        }

        var hasMore = entries.Count > MaxEntries;
        return new PendingChanges(version, cancelled, hasMore ? entries[..MaxEntries] : entries, hasMore);
    }
}

/// <summary>What there is to do.</summary>
/// <param name="Cancelled">The ids of the segments whose refresh is to be cancelled.</param>
/// <param name="Entries">The first entries of the change log.</param>
/// <param name="HasMore">Whether the change log has more of them.</param>
internal sealed record PendingChanges(
    long DefinitionsVersion, IReadOnlyList<int> Cancelled, IReadOnlyList<ChangeLogEntry> Entries, bool HasMore);
