using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.History;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.History;

/// <summary>A change as the test made it.</summary>
internal sealed record Change(
    long Revision,
    string Segment,
    string Customer,
    MembershipChange Kind,
    DateTimeOffset At,
    MembershipCause Cause,
    string? Event,
    int Version);

/// <summary>
/// Membership periods and revisions, written by SQL as the maintainer writes them, and remembered. The segments are drafts, which are not
/// maintained. One at a time a database: the instants of revisions never go back.
/// </summary>
internal sealed class StoredHistory(ApiFixture fixture)
{
    private static int made;

    private readonly Dictionary<string, HashSet<string>> members = [];

    public List<Change> Changes { get; } = [];

    /// <summary>Ids, by the database's key.</summary>
    public List<string> Customers { get; private set; } = [];

    public static async Task<StoredHistory> BeginAsync(ApiFixture fixture, int customers)
    {
        var history = new StoredHistory(fixture);
        await history.ExecuteAsync(
            "DELETE FROM memberships; DELETE FROM membership_batches; UPDATE membership_leader SET purged_until = NULL");
        var mark = $"h{Interlocked.Increment(ref made)}";
        (await fixture.Api.SendAsync(
            "POST",
            "customers/import",
            string.Join('\n', Enumerable.Range(0, customers).Select(i => $$"""{"id":"{{mark}}-{{i:0000}}"}""")),
            "application/x-ndjson")).Expect(200);
        await using var connection = await history.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT id FROM customers WHERE id LIKE $1 ORDER BY key", connection)
        {
            Parameters = { new() { Value = $"{mark}-%" } }
        };
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            history.Customers.Add(reader.GetString(0));
        }

        return history;
    }

    public async Task<string> SegmentAsync(string timeZone = "UTC")
    {
        var key = $"h-{Interlocked.Increment(ref made)}";
        (await fixture.Api.PutAsync(
            $"segments/{key}", RuleJson.Body(RuleJson.Everyone, $"\"status\":\"draft\",\"timeZone\":\"{timeZone}\""))).Expect(201);
        members[key] = [];
        return key;
    }

    public IReadOnlySet<string> Members(string segment) => members[segment];

    public async Task<long> ApplyAsync(
        string segment, DateTimeOffset at, IReadOnlyCollection<string> joined, IReadOnlyCollection<string> left,
        MembershipCause cause = MembershipCause.Profile, string? eventId = null, int version = 1)
    {
        members[segment].UnionWith(joined);
        members[segment].ExceptWith(left);
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand(
            """
            WITH b AS (
                INSERT INTO membership_batches (segment_id, at, version, joined, "left", size)
                    SELECT id, $2, $3, cardinality($4), cardinality($5), $6 FROM segments WHERE key = $1 RETURNING id, segment_id
            ), j AS (
                INSERT INTO memberships (customer_key, segment_id, joined_batch, joined_cause, joined_event)
                    SELECT c.key, b.segment_id, b.id, $7, $8 FROM b, customers c WHERE c.id = ANY ($4)
            ), l AS (
                UPDATE memberships m SET left_batch = b.id, left_cause = $7, left_event = $8 FROM b, customers c
                WHERE m.segment_id = b.segment_id AND m.left_batch IS NULL AND c.key = m.customer_key AND c.id = ANY ($5)
            )
            SELECT id FROM b
            """, connection);
        foreach (var value in new object[] { segment, at, version, joined.ToArray(), left.ToArray(), members[segment].Count, (short)cause })
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        command.Parameters.Add(
            new NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text, Value = (object?)eventId ?? DBNull.Value });
        var revision = (long)(await command.ExecuteScalarAsync())!;
        Changes.AddRange(joined.Select(c => new Change(revision, segment, c, MembershipChange.Joined, at, cause, eventId, version)));
        Changes.AddRange(left.Select(c => new Change(revision, segment, c, MembershipChange.Left, at, cause, eventId, version)));
        return revision;
    }

    /// <summary>Steps at random: who joins and who leaves, and why, with times between them from none to twice the step.</summary>
    public async Task<DateTimeOffset> RunAsync(Random random, IReadOnlyList<string> segments, DateTimeOffset from, int steps, TimeSpan step)
    {
        var at = from;
        for (var i = 0; i < steps; i++)
        {
            at = random.Next(3) == 0 ? at : at + TimeSpan.FromSeconds(Math.Floor(step.TotalSeconds * 2 * random.NextDouble()));
            var segment = segments[random.Next(segments.Count)];
            var touched = Customers.Where(_ => random.Next(8) == 0).ToLookup(members[segment].Contains);
            var cause = (MembershipCause)random.Next(1, 8);
            if (touched.Count > 0)
            {
                await ApplyAsync(
                    segment,
                    at,
                    [.. touched[false]],
                    [.. touched[true]],
                    cause,
                    cause == MembershipCause.Event ? $"e-{i}" : null,
                    random.Next(1, 5));
            }
        }

        return at;
    }

    /// <summary>In the order of the lists: the newest revision first, who left before who joined, and the last customer first.</summary>
    public IEnumerable<Change> Newest(Func<Change, bool> which)
    {
        var ordinals = Customers.Select((c, i) => (c, i)).ToDictionary(c => c.c, c => c.i);
        return Changes.Where(which).OrderByDescending(c => c.Revision).ThenByDescending(c => c.Kind)
            .ThenByDescending(c => ordinals[c.Customer]);
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(fixture.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }
}
