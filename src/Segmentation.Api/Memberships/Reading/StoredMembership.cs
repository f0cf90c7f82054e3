using System.Collections.Concurrent;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>Reads stored membership, where it can be relied on: past EF Core, and for all customers that are asked for at the same time in one statement.</summary>
public sealed class StoredMembership : IAsyncDisposable
{
    private const string Answer = "s.stamp, l.kept_until, ARRAY(SELECT m.segment_id FROM memberships m WHERE m.customer_key = c.key AND m.left_batch IS NULL)";

    private static readonly string IsKnown =
        $"l.ready_stamp = s.stamp AND NOT EXISTS (SELECT FROM membership_work w WHERE c.key = ANY (w.keys) OR (w.keys IS NULL AND w.cause <> {(short)MembershipCause.Refresh}))";

    /// <summary>A customer's segments in one statement; <c>./bench</c> sends it by itself, to compare.</summary>
    internal static readonly string OfCustomer = $"SELECT {Answer} FROM customers c, membership_leader l, definition_stamp s WHERE c.id = $1 AND {IsKnown}";

    // The same of several: the place of each whose segments are known.
    private static readonly string OfCustomers =
        $"SELECT a.place::integer - 1, {Answer} FROM unnest($1) WITH ORDINALITY AS a (id, place) JOIN customers c ON c.id = a.id, membership_leader l, definition_stamp s WHERE {IsKnown}";

    // Few do more, since each answer takes a fraction of a millisecond. And none waits for the long ones.
    private static readonly int Connections = Math.Clamp(2 * Environment.ProcessorCount, 4, 32);

    // Of these, as many ask for customers at a time: who comes meanwhile goes with the next statement.
    private static readonly int Askers = Math.Clamp(Environment.ProcessorCount, 2, 16);

    private const int MostAtOnce = 100;

    private readonly NpgsqlDataSource source;
    private readonly ConcurrentQueue<Asked> waiting = new();
    private readonly SemaphoreSlim asking = new(Askers);

    /// <param name="connectionString">The service's own. What is asked here has one plan for whatever values, and making it takes longer than running it: it is made once a connection, while all else is planned for its values.</param>
    public StoredMembership(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        settings.MaxPoolSize = Math.Min(settings.MaxPoolSize, Connections);
        settings.MinPoolSize = 0;
        settings.AutoPrepareMinUsages = 1;
        settings.NoResetOnClose = true; // Nothing here leaves anything behind.
        settings.Options = $"{settings.Options} -c plan_cache_mode=force_generic_plan".Trim();
        source = NpgsqlDataSource.Create(settings);
    }

    /// <summary>A segment's size; null while its membership is being built.</summary>
    public async Task<StoredSize?> SizeAsync(int segment, CancellationToken cancellation)
    {
        await using var command = source.CreateCommand("SELECT s.size, t.customers, l.kept_until FROM membership_states s, customer_total t, membership_leader l WHERE s.segment_id = $1 AND s.status = 'Ready'");
        command.Parameters.Add(SqlParameter.Create(segment, NpgsqlDbType.Integer));
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation) ? new StoredSize(reader.GetInt32(0), reader.GetInt64(1), reader.GetFieldValue<DateTimeOffset>(2)) : null;
    }

    /// <summary>
    /// The segments that a customer is in; null where that is not known: there is no such customer, it was written and has not been looked at, or some
    /// segment's membership is being built.
    /// </summary>
    public Task<CustomerMemberships?> ReadAsync(string id, CancellationToken cancellation)
    {
        var asked = new Asked(id, cancellation);
        waiting.Enqueue(asked);
        if (asking.Wait(0, CancellationToken.None))
        {
            _ = ReadWaitingAsync();
        }

        return asked.Answer.Task.WaitAsync(cancellation);
    }

    // As long as anybody waits. Never fails: whoever asked is told.
    private async Task ReadWaitingAsync()
    {
        List<Asked> some = [];
        while (true)
        {
            some.Clear();
            while (some.Count < MostAtOnce && waiting.TryDequeue(out var next))
            {
                some.Add(next);
            }

            if (some.Count > 0)
            {
                await AnswerAsync(some);
                continue;
            }

            asking.Release();

            // One that came in between found nobody free.
            if (waiting.IsEmpty || !asking.Wait(0, CancellationToken.None))
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(List<Asked> asked)
    {
        // Where nobody waits any longer, the statement ends.
        using var abandoned = new CancellationTokenSource();
        var left = asked.Count;
        var leaving = asked.Select(a => a.Cancellation.Register(() =>
        {
            if (Interlocked.Decrement(ref left) == 0)
            {
                abandoned.Cancel();
            }
        })).ToList();
        try
        {
            await using var command = source.CreateCommand(OfCustomers);
            command.Parameters.Add(SqlParameter.Create(asked.Select(a => a.Id).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text));
            await using (var reader = await command.ExecuteReaderAsync(abandoned.Token))
            {
                while (await reader.ReadAsync(abandoned.Token))
                {
                    asked[reader.GetInt32(0)].Answer.SetResult(new CustomerMemberships(reader.GetFieldValue<int[]>(3), reader.GetInt64(1), reader.GetFieldValue<DateTimeOffset>(2)));
                }
            }

            asked.ForEach(a => a.Answer.TrySetResult(null));
        }
        catch (Exception failed)
        {
            asked.ForEach(a => a.Answer.TrySetException(failed));
        }
        finally
        {
            leaving.ForEach(l => l.Dispose());
        }
    }

    public ValueTask DisposeAsync()
    {
        asking.Dispose();
        return source.DisposeAsync();
    }

    private sealed record Asked(string Id, CancellationToken Cancellation)
    {
        public TaskCompletionSource<CustomerMemberships?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
