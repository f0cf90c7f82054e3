using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>A customer that joined a segment, or left it, in the past.</summary>
internal readonly record struct PastMove(
    SegmentPlan Segment, long CustomerKey, bool Joined, DateTimeOffset At, MembershipCause Cause, string? EventId);

/// <summary>
/// Writes a past that nobody maintained, as the maintainer would have: only where no membership was stored before, since revisions of
/// later instants have greater ids.
/// </summary>
internal static class PastMembership
{
    /// <summary>Whether a past can be written.</summary>
    public static async Task<bool> IsPossibleAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("SELECT NOT EXISTS (SELECT FROM membership_batches)", connection);
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }

    /// <summary>Writes revisions, membership periods and the segments' states; nothing where a past can't be written.</summary>
    /// <param name="connection">In a transaction: the maintainer waits for its end.</param>
    /// <param name="model">Of the database.</param>
    /// <param name="segments">All segments that the moves are of.</param>
    /// <param name="moves">Of each customer and segment in turn: it joined, it left, it joined. In any order of customers.</param>
    /// <param name="until">The instant at which the past is that of now; no move is later.</param>
    public static async Task WriteAsync(
        NpgsqlConnection connection, IModel model, IReadOnlyList<SegmentPlan> segments, IEnumerable<PastMove> moves,
        DateTimeOffset until, CancellationToken cancellation)
    {
        await using (var wait = new NpgsqlCommand("SELECT 1 FROM membership_leader FOR UPDATE", connection))
        {
            await wait.ExecuteNonQueryAsync(cancellation);
        }

        if (!await IsPossibleAsync(connection, cancellation))
        {
            return;
        }

        var revisions = moves.GroupBy(m => (m.At, m.Segment.Segment.Id)).OrderBy(r => r.Key).Select(r => r.ToList()).ToList();
        var first = await ReserveAsync(connection, revisions.Count, cancellation);
        var (rows, periods, sizes) = Assemble(revisions, first, segments);
        await using (var copy = await connection.BeginBinaryImportAsync(
            """COPY membership_batches (id, segment_id, at, version, joined, "left", size) FROM STDIN (FORMAT BINARY)""", cancellation))
        {
            foreach (var row in rows)
            {
                await copy.StartRowAsync(cancellation);
                await copy.WriteAsync(row.Id, NpgsqlDbType.Bigint, cancellation);
                await copy.WriteAsync(row.SegmentId, NpgsqlDbType.Integer, cancellation);
                await copy.WriteAsync(row.At, NpgsqlDbType.TimestampTz, cancellation);
                await copy.WriteAsync(row.Version, NpgsqlDbType.Integer, cancellation);
                await copy.WriteAsync(row.Joined, NpgsqlDbType.Integer, cancellation);
                await copy.WriteAsync(row.Left, NpgsqlDbType.Integer, cancellation);
                await copy.WriteAsync(row.Size, NpgsqlDbType.Integer, cancellation);
            }

            await copy.CompleteAsync(cancellation);
        }

        await BulkTable<MembershipPeriod>.For(model).CopyAsync(connection, periods, cancellation);
        foreach (var segment in segments)
        {
            await using var state = new NpgsqlCommand(
                """
                INSERT INTO membership_states (
                    segment_id, status, fingerprint, size, progress, started_at, finished_at, failures, cancel_requested)
                VALUES ($1, 'Ready', $2, $3, 1, $4, $4, 0, false)
                """,
                connection)
            {
                Parameters =
                {
                    SqlParameter.Create(segment.Segment.Id),
                    SqlParameter.Create(segment.Fingerprint),
                    SqlParameter.Create(sizes[segment.Segment.Id]),
                    SqlParameter.Create(until),
                },
            };
            await state.ExecuteNonQueryAsync(cancellation);
        }

        // What others stored, if any, is true up to where the maintainer was.
        await using var watermark = new NpgsqlCommand(
            """
            UPDATE membership_leader SET kept_until = greatest(kept_until, $1)
            WHERE NOT EXISTS (SELECT FROM membership_states WHERE segment_id <> ALL ($2))
            """,
            connection)
        { Parameters = { SqlParameter.Create(until), SqlParameter.Create(segments.Select(s => s.Segment.Id).ToArray()) } };
        await watermark.ExecuteNonQueryAsync(cancellation);
    }

    // The first of that many ids in a row.
    private static async Task<long> ReserveAsync(NpgsqlConnection connection, int count, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT first, setval(s.name, first + $1) FROM
                (SELECT pg_get_serial_sequence('membership_batches', 'id') AS name) s, LATERAL (SELECT nextval(s.name) AS first) n
            """,
            connection)
        { Parameters = { SqlParameter.Create((long)count) } };
        return (long)(await command.ExecuteScalarAsync(cancellation))!;
    }

    private static (List<MembershipRevision> Revisions, List<MembershipPeriod> Periods, Dictionary<int, int> Sizes) Assemble(
        List<List<PastMove>> revisions, long first, IReadOnlyList<SegmentPlan> segments)
    {
        var sizes = segments.ToDictionary(s => s.Segment.Id, _ => 0);
        var open = new Dictionary<(int, long), MembershipPeriod>();
        List<MembershipRevision> rows = new(revisions.Count);
        List<MembershipPeriod> periods = [];
        foreach (var (i, moves) in revisions.Index())
        {
            var segment = moves[0].Segment.Segment;
            var (id, joined) = (first + i, moves.Count(m => m.Joined));
            foreach (var move in moves)
            {
                var key = (segment.Id, move.CustomerKey);
                if (move.Joined)
                {
                    open.Add(key, new MembershipPeriod
                    {
                        SegmentId = segment.Id,
                        CustomerKey = move.CustomerKey,
                        JoinedRevision = id,
                        JoinedCause = move.Cause,
                        JoinedEvent = move.EventId,
                    });
                    periods.Add(open[key]);
                }
                else
                {
                    open.Remove(key, out var period);
                    (period!.LeftRevision, period.LeftCause, period.LeftEvent) = (id, move.Cause, move.EventId);
                }
            }

            sizes[segment.Id] += (2 * joined) - moves.Count;
            rows.Add(new MembershipRevision
            {
                Id = id,
                SegmentId = segment.Id,
                At = moves[0].At,
                Version = segment.Version,
                Joined = joined,
                Left = moves.Count - joined,
                Size = sizes[segment.Id],
            });
        }

        return (rows, periods, sizes);
    }
}
