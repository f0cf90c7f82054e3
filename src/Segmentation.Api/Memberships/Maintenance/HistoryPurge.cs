using Npgsql;

namespace Segmentation.Api.Memberships;

/// <summary>Removes old history of membership, and the ids of erased customers, once an hour, beside everything else.</summary>
internal sealed class HistoryPurge(NpgsqlDataSource source, MembershipOptions options, ILogger logger, CancellationToken stop)
{
    private DateTimeOffset next = DateTimeOffset.MinValue;

    public Task Running { get; private set; } = Task.CompletedTask;

    /// <summary>Starts it where an hour has passed.</summary>
    public void Start(DateTimeOffset at)
    {
        if (at < next || !Running.IsCompleted)
        {
            return;
        }

        next = at.AddHours(1);
        Running = Task.Run(async () =>
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(stop);
                await MembershipRetention.ForgetAsync(connection, at - MembershipRetention.ErasedIds, stop);
                await MembershipRetention.PurgeAsync(connection, at.AddDays(-options.HistoryDays), stop);
            }
            catch (Exception failed) when (!stop.IsCancellationRequested)
            {
                logger.LogError(failed, "Old history could not be removed; next attempt in an hour");
            }
        }, CancellationToken.None);
    }
}
