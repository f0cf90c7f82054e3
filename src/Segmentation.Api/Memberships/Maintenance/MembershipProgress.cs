using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>How far maintenance is: up to which instant stored membership is true, and of which definitions.</summary>
/// <remarks>A segment that is being rebuilt stays where it was; the others go on without it.</remarks>
internal sealed class MembershipProgress(MembershipWriter writer, DateTimeOffset watermark)
{
    private static readonly TimeSpan RecordInterval = TimeSpan.FromSeconds(1);

    private long? readyVersion = -1;
    private IReadOnlySet<int>? recordedBehind;

    /// <summary>The instant up to which all stored membership is true, as last recorded.</summary>
    public DateTimeOffset Watermark { get; private set; } = watermark;

    /// <summary>The same for the segments that are not behind.</summary>
    public DateTimeOffset Ahead { get; private set; } = watermark;

    /// <summary>Moves the watermark forward, without recording it.</summary>
    public void AdvanceTo(DateTimeOffset at)
    {
        Watermark = at > Watermark ? at : Watermark;
        Ahead = at > Ahead ? at : Ahead;
    }

    /// <summary>Records progress where all readers need it: when a version or a segment's part in it changes, else once a second.</summary>
    /// <param name="at">The instant of now.</param>
    /// <param name="behind">The segments that are not up to date with it, and stay where they are.</param>
    /// <param name="isBehind">Whether all are.</param>
    /// <param name="version">The version of the definitions of which all membership is stored; null while any is being built.</param>
    public async Task RecordAsync(
        DateTimeOffset at, IReadOnlySet<int> behind, bool isBehind, long? version, CancellationToken cancellation)
    {
        var reached = isBehind ? Ahead : at;
        if (version == readyVersion && reached - Ahead < RecordInterval && recordedBehind?.SetEquals(behind) == true)
        {
            return;
        }

        await writer.InTransactionAsync(null, async (connection, transaction) =>
        {
            await using var command = new NpgsqlCommand(
                """
                WITH moved AS (
                    UPDATE membership_states
                    SET evaluated_until = CASE WHEN segment_id = ANY ($1) THEN coalesce(evaluated_until, $2) END
                    WHERE (segment_id = ANY ($1)) <> (evaluated_until IS NOT NULL) AND ($3 OR segment_id = ANY ($1))
                    RETURNING segment_id, evaluated_until),
                own AS (
                    SELECT coalesce(m.segment_id IS NOT NULL AND m.evaluated_until IS NULL, false) AS caught_up,
                        coalesce(m.evaluated_until, s.evaluated_until) AS evaluated_until
                    FROM membership_states s LEFT JOIN moved m ON m.segment_id = s.segment_id WHERE s.status = 'Ready')
                UPDATE membership_leader
                SET kept_until = least($4, (SELECT min(evaluated_until) FROM own WHERE NOT caught_up)), ahead_until = $4, ready_stamp = $5
                RETURNING kept_until
                """, connection, transaction)
            {
                Parameters =
                {
                    SqlParameter.Create(behind.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer),
                    SqlParameter.Create(Ahead, NpgsqlDbType.TimestampTz),
                    SqlParameter.Create(!isBehind, NpgsqlDbType.Boolean),
                    SqlParameter.Create(reached, NpgsqlDbType.TimestampTz),
                    new NpgsqlParameter { Value = version ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint },
                },
            };
            await using var reader = await command.ExecuteReaderAsync(cancellation);
            await reader.ReadAsync(cancellation);
            Watermark = reader.GetFieldValue<DateTimeOffset>(0);
        }, cancellation);
        (Ahead, readyVersion, recordedBehind) = (reached, version, behind);
    }
}
