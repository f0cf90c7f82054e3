using System.Globalization;
using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Analyses;

/// <summary>
/// The connection that analyses read by: one, with the time of an analysis, and without parallel workers, so that others have processors.
/// </summary>
internal sealed class AnalysisConnections(DataSources sources, AnalysisOptions options) : IAsyncDisposable
{
    /// <summary>How many there are.</summary>
    public const int Count = 1;

    private const int LockSeconds = 5;
    private const int AnswerSeconds = 5;

    private readonly NpgsqlDataSource source = sources.Create(WorkClass.Keeper, Count, settings =>
    {
        var seconds = 60 * options.TimeoutMinutes;
        settings.MinPoolSize = 0;
        settings.ConnectionIdleLifetime = Math.Min(settings.ConnectionIdleLifetime, 60);
        settings.CommandTimeout = seconds + AnswerSeconds;
        settings.Options = string.Create(
            CultureInfo.InvariantCulture,
            $"""
            {settings.Options} -c statement_timeout={1000 * seconds} -c idle_in_transaction_session_timeout={1000 * seconds}
            -c lock_timeout={1000 * LockSeconds} -c max_parallel_workers_per_gather=0
            """).ReplaceLineEndings(" ");
    });

    public NpgsqlConnection Create() => source.CreateConnection();

    public ValueTask DisposeAsync() => source.DisposeAsync();
}
