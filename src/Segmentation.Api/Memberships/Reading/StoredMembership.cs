using System.Collections.Concurrent;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Reads stored membership where it is up to date: past EF Core, and with one statement for all customers that are
/// requested at the same time.
/// </summary>
public sealed class StoredMembership : IAsyncDisposable
{
    private const string Columns = "s.stamp, l.kept_until, m.segments, m.since, m.causes, m.versions";

    // A revision is kept as long as a membership refers to it.
    private const string Stays =
        """
        CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(p.segment_id), '{}') AS segments, coalesce(array_agg(b.at), '{}') AS since,
                coalesce(array_agg(p.joined_cause), '{}') AS causes, coalesce(array_agg(b.version), '{}') AS versions
            FROM memberships p JOIN membership_batches b ON b.id = p.joined_batch
            WHERE p.customer_key = c.key AND p.left_batch IS NULL) m
        """;

    private static readonly string IsUpToDate =
        $"""
        l.ready_stamp = s.stamp AND NOT EXISTS (
            SELECT FROM membership_work w WHERE c.key = ANY (w.keys) OR (w.keys IS NULL AND w.cause <> {(short)MembershipCause.Refresh}))
        """;

    /// <summary>A customer's segments in one statement; <c>./bench</c> sends it by itself, to compare.</summary>
    internal static readonly string CustomerSql =
        $"""
        SELECT {Columns} FROM customers c {Stays}, membership_leader l, definition_stamp s WHERE c.id = $1 AND {IsUpToDate}
        """;

    private static readonly string BehindSql =
        $"SELECT {Columns} FROM customers c {Stays}, membership_leader l, definition_stamp s WHERE c.id = $1";

    // The same for several: the index of each whose stored membership is up to date, with its segments.
    private static readonly string CustomersSql =
        $"""
        SELECT {Columns}, a.place::integer - 1 FROM unnest($1) WITH ORDINALITY AS a (id, place) JOIN customers c ON c.id = a.id {Stays},
            membership_leader l, definition_stamp s WHERE {IsUpToDate}
        """;

    // Statements for customers at a time: requests that arrive meanwhile go with the next one.
    private static readonly int MaxStatements = Math.Clamp(Environment.ProcessorCount, 2, 16);

    private const int MaxCustomers = 100;

    // A plan lasts as long as its connection: one made while the tables were nearly empty would read them whole when they are large.
    private const string ByIndex = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off";

    private readonly NpgsqlDataSource source;
    private readonly ConcurrentQueue<Request> waiting = new();
    private readonly SemaphoreSlim statements = new(MaxStatements);

    private StoredMembership(NpgsqlDataSource source) => this.source = source;

    /// <summary>
    /// The statements here have one plan for all values, and planning takes longer than running them: they are planned once a connection,
    /// while all others are planned for their values. So the connections are of their own.
    /// </summary>
    internal static StoredMembership Create(DataSources sources, Limits limits) => new(sources.Create(
        WorkClass.Point,
        DataSources.StoredReads(limits.Point),
        settings =>
        {
            settings.MinPoolSize = 0;
            settings.AutoPrepareMinUsages = 1;
            settings.NoResetOnClose = true; // Nothing here leaves state on a connection.
            settings.Options = $"{settings.Options} -c plan_cache_mode=force_generic_plan {ByIndex}".Trim();
        }));

    /// <summary>A segment's size; null while its membership is being built.</summary>
    public async Task<StoredSize?> ReadSizeAsync(int segment, CancellationToken cancellation)
    {
        await using var command = source.CreateCommand(
            """
            SELECT s.size, t.customers, coalesce(s.evaluated_until, greatest(l.kept_until, l.ahead_until))
            FROM membership_states s, customer_total t, membership_leader l
            WHERE s.segment_id = $1 AND s.status = 'Ready'
            """);
        command.Parameters.Add(SqlParameter.Create(segment, NpgsqlDbType.Integer));
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation)
            ? new StoredSize(reader.GetInt32(0), reader.GetInt64(1), reader.GetFieldValue<DateTimeOffset>(2))
            : null;
    }

    /// <summary>
    /// The segments that a customer is in; null where stored membership is not up to date: there is no such customer, it was written and
    /// has not been evaluated yet, or some segment's membership is being built.
    /// </summary>
    public Task<CustomerMemberships?> ReadAsync(string id, CancellationToken cancellation)
    {
        var request = new Request(id, cancellation);
        waiting.Enqueue(request);
        if (statements.Wait(0, CancellationToken.None))
        {
            _ = ReadWaitingAsync();
        }

        return request.Answer.Task.WaitAsync(cancellation);
    }

    /// <summary>The same as it is stored, up to date or not; null where there is no such customer.</summary>
    public async Task<CustomerMemberships?> ReadBehindAsync(string id, CancellationToken cancellation)
    {
        await using var command = source.CreateCommand(BehindSql);
        command.Parameters.Add(SqlParameter.Create(id, NpgsqlDbType.Text));
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation) ? Read(reader) : null;
    }

    private static CustomerMemberships Read(NpgsqlDataReader reader)
    {
        var (since, causes) = (reader.GetFieldValue<DateTimeOffset[]>(3), reader.GetFieldValue<short[]>(4));
        var versions = reader.GetFieldValue<int[]>(5);
        var stays = new MembershipStay[since.Length];
        for (var i = 0; i < stays.Length; i++)
        {
            stays[i] = new MembershipStay(since[i], (MembershipCause)causes[i], versions[i]);
        }

        return new CustomerMemberships(
            reader.GetFieldValue<int[]>(2), stays, reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1));
    }

    // As long as any request waits. Never fails: each request gets the exception.
    private async Task ReadWaitingAsync()
    {
        List<Request> batch = [];
        while (true)
        {
            batch.Clear();
            while (batch.Count < MaxCustomers && waiting.TryDequeue(out var next))
            {
                batch.Add(next);
            }

            if (batch.Count > 0)
            {
                await AnswerAsync(batch);
                continue;
            }

            statements.Release();

            // A request that arrived in between found no statement free.
            if (waiting.IsEmpty || !statements.Wait(0, CancellationToken.None))
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(List<Request> requests)
    {
        // The statement is cancelled when all requests are.
        using var abandoned = new CancellationTokenSource();
        var left = requests.Count;
        var cancelling = requests.Select(r => r.Cancellation.Register(() =>
        {
            if (Interlocked.Decrement(ref left) == 0)
            {
                abandoned.Cancel();
            }
        })).ToList();
        try
        {
            await using var command = source.CreateCommand(CustomersSql);
            command.Parameters.Add(SqlParameter.Create(requests.Select(r => r.Id).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text));
            await using (var reader = await command.ExecuteReaderAsync(abandoned.Token))
            {
                while (await reader.ReadAsync(abandoned.Token))
                {
                    requests[reader.GetInt32(6)].Answer.SetResult(Read(reader));
                }
            }

            requests.ForEach(r => r.Answer.TrySetResult(null));
        }
        catch (Exception failed)
        {
            requests.ForEach(r => r.Answer.TrySetException(failed));
        }
        finally
        {
            cancelling.ForEach(c => c.Dispose());
        }
    }

    public ValueTask DisposeAsync()
    {
        statements.Dispose();
        return source.DisposeAsync();
    }

    private sealed record Request(string Id, CancellationToken Cancellation)
    {
        public TaskCompletionSource<CustomerMemberships?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
