using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Has one process of all that share a database maintain membership. A lock in the database says which; PostgreSQL frees it with the
/// connection of the process that held it, and another process takes over within seconds.
/// </summary>
internal sealed class MembershipLeadership(
    IServiceProvider services,
    SchemaState schema,
    [FromKeyedServices(MembershipLeadership.Source)] NpgsqlDataSource source,
    IEnumerable<ILeaderTask> tasks,
    ILogger<MembershipLeadership> logger) : BackgroundService
{
    /// <summary>The service key of the connections that membership is maintained by.</summary>
    public const string Source = "membership";

    /// <summary>How many there are; it uses about seven.</summary>
    public const int Connections = 8;

    // Any number that nothing else uses.
    private const long Lock = 0x5E67_4D45_4D42;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan CheckLock = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A pool for maintenance alone: its few connections stay warm, and are not reset each time, since it leaves no state on them.
    /// </summary>
    public static NpgsqlDataSource CreateSource(DataSources sources) => sources.Create(
        WorkClass.Keeper,
        Connections,
        c =>
        {
            c.NoResetOnClose = true;
            c.MinPoolSize = 0;
        });

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await LeadAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (LeadershipLostException)
            {
                logger.LogInformation("Another process maintains membership now");
            }
            catch (Exception failed)
            {
                logger.LogError(failed, "Maintenance of membership failed; trying again");
            }

            await Task.Delay(TryAgain, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LeadAsync(CancellationToken stopping)
    {
        if (!await IsMigratedAsync(stopping))
        {
            return;
        }

        await using var connection = await source.OpenConnectionAsync(stopping);
        await using (var acquire = new NpgsqlCommand("SELECT pg_try_advisory_lock($1)", connection))
        {
            acquire.Parameters.Add(SqlParameter.Create(Lock, NpgsqlDbType.Bigint));
            if (!(bool)(await acquire.ExecuteScalarAsync(stopping))!)
            {
                return;
            }
        }

        var (fencingToken, watermark) = await TakeOverAsync(connection, stopping);
        logger.LogInformation("This process maintains membership");
        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(services, source, logger, fencingToken, watermark);
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var running = Task.WhenAll(tasks.Select(t => t.RunAsync(leading.Token)));
        try
        {
            var check = Environment.TickCount64;
            while (true)
            {
                if (!await maintainer.TickAsync(stopping))
                {
                    await maintainer.WaitAsync(Interval, stopping);
                }

                if (Environment.TickCount64 - check > CheckLock.TotalMilliseconds)
                {
                    // The lock is held as long as this connection lives.
                    await using var alive = new NpgsqlCommand("SELECT 1", connection);
                    await alive.ExecuteNonQueryAsync(stopping);
                    check = Environment.TickCount64;
                }
            }
        }
        finally
        {
            await leading.CancelAsync();
            await maintainer.StopAsync();
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (connection.State == System.Data.ConnectionState.Open)
            {
                await using var release = new NpgsqlCommand("SELECT pg_advisory_unlock_all()", connection);
                await release.ExecuteNonQueryAsync(CancellationToken.None);
            }
        }
    }

    // Tables of another version are not for this one to write.
    private async Task<bool> IsMigratedAsync(CancellationToken cancellation)
    {
        if (!schema.WasRight)
        {
            await using var scope = services.CreateAsyncScope();
            await schema.FindFaultAsync(scope.ServiceProvider.GetRequiredService<SegmentationDb>(), cancellation);
        }

        return schema.WasRight;
    }

    private static async Task<(long FencingToken, DateTimeOffset Watermark)> TakeOverAsync(
        NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellation);

        // Waits for what the leader before is writing; with whatever else it tries to write, it finds another fencing token.
        await using var take = new NpgsqlCommand("SELECT 1 FROM membership_leader FOR UPDATE", connection, transaction);
        await take.ExecuteNonQueryAsync(cancellation);
        await using var lead = new NpgsqlCommand(
            "UPDATE membership_leader SET epoch = epoch + 1 RETURNING epoch, kept_until", connection, transaction);
        (long, DateTimeOffset) taken;
        await using (var reader = await lead.ExecuteReaderAsync(cancellation))
        {
            await reader.ReadAsync(cancellation);
            taken = (reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1));
        }

        await transaction.CommitAsync(cancellation);
        return taken;
    }
}
