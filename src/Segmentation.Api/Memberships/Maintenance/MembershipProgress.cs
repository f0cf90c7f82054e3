using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>How far maintenance is: up to which instant stored membership is true, and of which definitions.</summary>
internal sealed class MembershipProgress(MembershipWriter writer, DateTimeOffset watermark)
{
    private static readonly TimeSpan RecordInterval = TimeSpan.FromSeconds(1);

    private long? readyVersion = -1;

    /// <summary>The instant up to which all stored membership is true, as last recorded.</summary>
    public DateTimeOffset Watermark { get; private set; } = watermark;

    /// <summary>Moves the watermark forward, without recording it.</summary>
    public void AdvanceTo(DateTimeOffset at) => Watermark = at > Watermark ? at : Watermark;

    /// <summary>Records progress where all readers need it: when the version changes, else at most once a second.</summary>
    /// <param name="version">The version of the definitions of which all membership is stored; null while any is being built.</param>
    public async Task RecordAsync(DateTimeOffset reached, long? version, CancellationToken cancellation)
    {
        if (version == readyVersion && reached - Watermark < RecordInterval)
        {
            return;
        }

        await writer.InTransactionAsync(null, async (connection, transaction) =>
        {
            await using var command = new NpgsqlCommand(
                "UPDATE membership_leader SET kept_until = $1, ready_stamp = $2", connection, transaction)
            {
                Parameters =
                {
                    SqlParameter.Create(reached, NpgsqlDbType.TimestampTz),
                    new NpgsqlParameter { Value = version ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint },
                },
            };
            await command.ExecuteNonQueryAsync(cancellation);
        }, cancellation);
        (Watermark, readyVersion) = (reached, version);
    }
}
