using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>Repeats a transaction that PostgreSQL aborted in favor of another.</summary>
internal static class Retry
{
    private const int Attempts = 6;

    /// <param name="transaction">The whole transaction, from its beginning to its commit.</param>
    public static async Task<T> OnDeadlockAsync<T>(Func<Task<T>> transaction, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await transaction();
            }
            catch (PostgresException lost) when (attempt < Attempts
                && lost.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure)
            {
                await Task.Delay(Random.Shared.Next(5, 25 * attempt), cancellation);
            }
        }
    }
}
