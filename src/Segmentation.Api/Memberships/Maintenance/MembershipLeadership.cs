using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Has one process of all that share a database keep membership. A lock of the database says which; PostgreSQL frees it with the connection of
/// whoever held it, and the next process takes over within seconds.
/// </summary>
internal sealed class MembershipLeadership(
    IServiceScopeFactory scopes, [FromKeyedServices(MembershipLeadership.Source)] NpgsqlDataSource source, DefinitionCache definitions, CustomerRowReaders readers, RevenueOptions revenue, MembershipOptions options, IEnumerable<IRevisionObserver> observers, IEnumerable<ILeaderTask> tasks, TimeProvider time,
    ILogger<MembershipLeadership> logger) : BackgroundService
{
    /// <summary>The key of the connections that membership is kept by.</summary>
    public const string Source = "membership";

    // It uses some seven.
    private const int Connections = 8;

    // Any number that no one else uses.
    private const long Lock = 0x5E67_4D45_4D42;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan CheckLock = TimeSpan.FromSeconds(2);

    /// <summary>A pool for the keeper alone: its few connections stay warm, and are not reset each time, since nothing is left behind on them.</summary>
    /// <param name="connectionString">The service's own.</param>
    public static NpgsqlDataSource CreateSource(string connectionString) =>
        NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { NoResetOnClose = true, MinPoolSize = 0, MaxPoolSize = Connections });

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
                logger.LogInformation("Another process keeps membership now");
            }
            catch (PostgresException missing) when (missing.SqlState == PostgresErrorCodes.UndefinedTable)
            {
                // Not migrated yet.
            }
            catch (Exception failed)
            {
                logger.LogError(failed, "Keeping membership failed; it is taken up again");
            }

            await Task.Delay(TryAgain, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LeadAsync(CancellationToken stopping)
    {
        await using var connection = await source.OpenConnectionAsync(stopping);
        await using (var acquire = new NpgsqlCommand("SELECT pg_try_advisory_lock($1)", connection) { Parameters = { SqlParameter.Create(Lock, NpgsqlDbType.Bigint) } })
        {
            if (!(bool)(await acquire.ExecuteScalarAsync(stopping))!)
            {
                return;
            }
        }

        long epoch;
        DateTimeOffset keptUntil;
        await using (var transaction = await connection.BeginTransactionAsync(stopping))
        {
            // Waits for what the one before is writing; whatever else it tries to write finds another epoch.
            await using var take = new NpgsqlCommand("SELECT 1 FROM membership_leader FOR UPDATE", connection, transaction);
            await take.ExecuteNonQueryAsync(stopping);
            await using var lead = new NpgsqlCommand("UPDATE membership_leader SET epoch = epoch + 1 RETURNING epoch, kept_until", connection, transaction);
            await using (var reader = await lead.ExecuteReaderAsync(stopping))
            {
                await reader.ReadAsync(stopping);
                (epoch, keptUntil) = (reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1));
            }

            await transaction.CommitAsync(stopping);
        }

        logger.LogInformation("This process keeps membership");
        using var keeper = new MembershipMaintainer(scopes, source, definitions, readers, revenue, options, observers, time, logger, epoch, keptUntil);
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var running = Task.WhenAll(tasks.Select(t => t.RunAsync(leading.Token)));
        try
        {
            var check = Environment.TickCount64;
            while (true)
            {
                if (!await keeper.TickAsync(stopping))
                {
                    await keeper.WaitAsync(Interval, stopping);
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
            await keeper.StopAsync();
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (connection.State == System.Data.ConnectionState.Open)
            {
                await using var release = new NpgsqlCommand("SELECT pg_advisory_unlock_all()", connection);
                await release.ExecuteNonQueryAsync(CancellationToken.None);
            }
        }
    }
}
