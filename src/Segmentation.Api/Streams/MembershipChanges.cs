using System.Buffers.Text;
using System.Text.Json;
using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Streams;

/// <summary>A place in a segment's changes: batch by batch, in each who left before who joined, then by the customer's key.</summary>
internal readonly record struct ChangePosition(long Batch, int Kind, long CustomerKey)
{
    public const int Left = 0, Joined = 1, End = 2;

    /// <summary>After everything in a batch.</summary>
    public static ChangePosition After(long batch) => new(batch, End, 0);

    /// <summary>As the API shows it: opaque.</summary>
    public override string ToString() => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(new[] { Batch, Kind, CustomerKey }));

    /// <exception cref="ApiProblem">400 at the name given: this is no position.</exception>
    public static ChangePosition Parse(string text, string name)
    {
        try
        {
            var parts = JsonSerializer.Deserialize<long[]>(Base64Url.DecodeFromChars(text));
            if (parts is [>= 0 and var batch, >= Left and <= End and var kind, >= 0 and var key])
            {
                return new ChangePosition(batch, (int)kind, key);
            }
        }
        catch (Exception malformed) when (malformed is FormatException or JsonException)
        {
        }

        throw ApiProblem.Invalid(name, "Not an id that a stream has sent. Leave it out to hear what happens from now on.");
    }
}

/// <summary>One who joined or left.</summary>
internal sealed record StreamChange(ChangePosition Position, string CustomerId, DateTimeOffset At, MembershipCause Cause, string? EventId, int Version);

/// <summary>
/// Reads a segment's changes in their order, a few thousand at a time, with no connection held in between. Batches may be large (a build has as
/// many as the segment has members): their customers' keys are sorted some thousands at a time, and looked up by page.
/// </summary>
internal sealed class MembershipChanges(NpgsqlDataSource database, int segmentId, ChangePosition start)
{
    private const int BatchesAtOnce = 500;
    private readonly Queue<ChangePosition> keys = [];
    private ChangePosition covered = start;

    /// <summary>Keys sorted at a time: half a megabyte.</summary>
    internal int KeysAtOnce { get; init; } = 20_000;

    internal int PageSize { get; init; } = 1000;

    /// <summary>All up to here has been read.</summary>
    public ChangePosition Position { get; private set; } = start;

    /// <summary>The next changes up to a batch; empty when there are none.</summary>
    public async Task<IReadOnlyList<StreamChange>> NextAsync(long upTo, CancellationToken cancellation)
    {
        await using var connection = await database.OpenConnectionAsync(cancellation);
        while (true)
        {
            while (keys.Count == 0)
            {
                if (covered.Batch > upTo || covered == ChangePosition.After(upTo))
                {
                    return [];
                }

                await FillAsync(connection, upTo, cancellation);
                Position = keys.Count == 0 ? covered : Position;
            }

            // Nobody's of a page may be there any more: all erased meanwhile.
            var page = Enumerable.Range(0, Math.Min(PageSize, keys.Count)).Select(_ => keys.Dequeue()).ToArray();
            var changes = await ReadAsync(connection, page, cancellation);
            Position = keys.Count == 0 ? covered : page[^1];
            if (changes.Count > 0)
            {
                return changes;
            }
        }
    }

    private async Task FillAsync(NpgsqlConnection connection, long upTo, CancellationToken cancellation)
    {
        // As many batches as make up some thousands of changes, and never less than one.
        var from = covered.Kind == ChangePosition.End ? covered.Batch + 1 : covered.Batch;
        var (last, changes, batches) = (covered.Batch, 0L, 0);
        await using (var command = new NpgsqlCommand($"""SELECT id, joined + "left" FROM membership_batches WHERE segment_id = $1 AND id BETWEEN $2 AND $3 ORDER BY id LIMIT {BatchesAtOnce}""", connection)
        { Parameters = { SqlParameter.Create(segmentId), SqlParameter.Create(from), SqlParameter.Create(upTo) } })
        await using (var reader = await command.ExecuteReaderAsync(cancellation))
        {
            while (changes < KeysAtOnce && await reader.ReadAsync(cancellation))
            {
                (last, changes, batches) = (reader.GetInt64(0), changes + reader.GetInt32(1), batches + 1);
            }
        }

        var all = batches < BatchesAtOnce && changes < KeysAtOnce;
        if (changes > 0)
        {
            await using var command = new NpgsqlCommand("""
                SELECT b.id, m.kind, m.customer_key
                FROM membership_batches b
                CROSS JOIN LATERAL (
                  SELECT 0 AS kind, customer_key FROM memberships WHERE segment_id = $1 AND left_batch = b.id
                  UNION ALL
                  SELECT 1, customer_key FROM memberships WHERE segment_id = $1 AND joined_batch = b.id) m
                WHERE b.segment_id = $1 AND b.id BETWEEN $7 AND $5 AND (b.id > $2 OR (m.kind, m.customer_key) > ($3, $4))
                ORDER BY b.id, m.kind, m.customer_key LIMIT $6
                """, connection)
            { Parameters = { SqlParameter.Create(segmentId), SqlParameter.Create(covered.Batch), SqlParameter.Create(covered.Kind), SqlParameter.Create(covered.CustomerKey), SqlParameter.Create(last), SqlParameter.Create(KeysAtOnce), SqlParameter.Create(from) } };
            await using var reader = await command.ExecuteReaderAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                keys.Enqueue(covered = new ChangePosition(reader.GetInt64(0), reader.GetInt32(1), reader.GetInt64(2)));
            }
        }

        covered = keys.Count == KeysAtOnce ? covered : ChangePosition.After(all ? upTo : last);
    }

    private async Task<List<StreamChange>> ReadAsync(NpgsqlConnection connection, ChangePosition[] page, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("""
            SELECT p.batch, p.kind, p.key, c.id, b.at, b.version, m.cause, m.event
            FROM unnest($2, $3, $4) WITH ORDINALITY AS p (batch, kind, key, place)
            CROSS JOIN LATERAL (
              SELECT left_cause AS cause, left_event AS event FROM memberships WHERE p.kind = 0 AND segment_id = $1 AND left_batch = p.batch AND customer_key = p.key
              UNION ALL
              SELECT joined_cause, joined_event FROM memberships WHERE p.kind = 1 AND segment_id = $1 AND joined_batch = p.batch AND customer_key = p.key) m
            JOIN membership_batches b ON b.id = p.batch
            JOIN customers c ON c.key = p.key
            ORDER BY p.place
            """, connection)
        { Parameters = { SqlParameter.Create(segmentId), SqlParameter.Create(page.Select(p => p.Batch).ToArray()), SqlParameter.Create(page.Select(p => p.Kind).ToArray()), SqlParameter.Create(page.Select(p => p.CustomerKey).ToArray()) } };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        List<StreamChange> changes = [];
        while (await reader.ReadAsync(cancellation))
        {
            changes.Add(new StreamChange(
                new ChangePosition(reader.GetInt64(0), reader.GetInt32(1), reader.GetInt64(2)), reader.GetString(3), reader.GetFieldValue<DateTimeOffset>(4),
                (MembershipCause)reader.GetInt16(6), reader.IsDBNull(7) ? null : reader.GetString(7), reader.GetInt32(5)));
        }

        return changes;
    }
}
