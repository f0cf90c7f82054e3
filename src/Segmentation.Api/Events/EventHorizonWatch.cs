using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Events;

/// <summary>Tells each process before which instant events were deleted: that holds when events are to be kept longer from now on, too.
/// </summary>
internal sealed partial class EventHorizonWatch(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, EventHorizon horizon, TimeProvider time,
    ILogger<EventHorizonWatch> logger) : PeriodicService(TimeSpan.FromMinutes(1), time)
{
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await TryStepAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <summary>Notes for good, and for all processes, that events before an instant are deleted from now on.</summary>
    public async Task MoveAsync(DateTimeOffset before, CancellationToken cancellation)
    {
        await database.ExecuteAsync(
            """
            INSERT INTO event_horizon AS h (id, deleted_before) VALUES (true, $1)
            ON CONFLICT (id) DO UPDATE SET deleted_before = greatest(h.deleted_before, excluded.deleted_before)
            """,
            cancellation, SqlParameter.Create(before));
        horizon.Deleted(before);
    }

    protected override async Task StepAsync(CancellationToken cancellation)
    {
        foreach (var before in await database.QueryAsync(
            "SELECT deleted_before FROM event_horizon", r => r.GetFieldValue<DateTimeOffset>(0), cancellation))
        {
            horizon.Deleted(before);
        }
    }

    protected override void Warn(Exception failure) => LogFailed(failure);

    [LoggerMessage(LogLevel.Warning, "From when events are kept could not be read; next in a minute")]
    private partial void LogFailed(Exception failure);
}
