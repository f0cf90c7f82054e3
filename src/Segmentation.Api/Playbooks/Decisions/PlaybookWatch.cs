using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Playbooks;

/// <summary>
/// Looks several times a second whether the cached definitions still hold, while decisions are asked for: so that one for which nothing of
/// the visitor has to be known needs no round trip.
/// </summary>
internal sealed partial class PlaybookWatch(
    PlaybookCache cache, [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, TimeProvider time, ILogger<PlaybookWatch> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (!cache.IsInUse)
            {
                continue;
            }

            try
            {
                var began = time.GetTimestamp();
                await using var command = database.CreateCommand(PlaybookCache.StampSql);
                await using var reader = await command.ExecuteReaderAsync(stoppingToken);
                await reader.ReadAsync(stoppingToken);
                cache.Confirm(reader.GetInt64(0), reader.GetInt64(1), began);
            }
            catch (NpgsqlException unreachable)
            {
                // What was known is no longer fresh: decisions ask for themselves, and say what is wrong.
                LogUnreachable(unreachable);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The versions of definitions could not be read; decisions read them themselves until they can.")]
    private partial void LogUnreachable(Exception exception);
}
