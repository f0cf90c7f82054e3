using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>Tells statements that took too long from those that failed.</summary>
internal static class StatementTimeout
{
    /// <summary>Whether a statement was stopped by its time limit: the client's, or the server's.</summary>
    public static bool IsCause(Exception exception)
    {
        // EF Core wraps what its execution strategy considers transient.
        var cause = exception is InvalidOperationException { InnerException: { } inner } ? inner : exception;
        return cause is NpgsqlException { InnerException: TimeoutException }
            or PostgresException { SqlState: PostgresErrorCodes.QueryCanceled };
    }
}
