using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>
/// Repeats a read once whose database connection had died: after PostgreSQL has restarted, every connection that waits in a pool is dead,
/// and shows it only when it is used.
/// </summary>
internal static class RepeatedReads
{
    // By the server's idle_session_timeout.
    private const string IdleTooLong = "57P05";

    /// <summary>Repeats the requests that only read and have not been answered yet.</summary>
    public static void UseRepeatedReads(this IApplicationBuilder app)
    {
        var sources = app.ApplicationServices.GetRequiredService<DataSources>();
        app.Use((context, next) => HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)
            ? sources.RepeatAsync(
                async () =>
                {
                    await next(context);
                    return true;
                },
                () => !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
            : next(context));
    }

    /// <summary>Reads, and where the connection had died, reads again on a new one.</summary>
    /// <param name="mayRepeat">Whether what was read until then is of no consequence.</param>
    public static async Task<T> RepeatAsync<T>(this DataSources sources, Func<Task<T>> read, Func<bool>? mayRepeat = null)
    {
        try
        {
            return await read();
        }
        catch (Exception failed) when (HasDied(failed) && mayRepeat?.Invoke() != false)
        {
            sources.Clear();
            return await read();
        }
    }

    // The server said that it ends the connection, or nothing more came over it. (One that could not be made is no connection that died.)
    private static bool HasDied(Exception failed)
    {
        for (var e = failed; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case PostgresException postgres:
                    return postgres.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or IdleTooLong;
                case NpgsqlException { InnerException: IOException }:
                    return true;
            }
        }

        return false;
    }
}
