using System.Data;
using System.Net.Sockets;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Analyses;

/// <summary>Runs analyses, one at a time of all processes: the process that leads does.</summary>
internal sealed partial class AnalysisRunner(
    AnalysisQueue queue, AnalysisConnections connections, IServiceScopeFactory scopes, AnalysisOptions options, TimeProvider time,
    ILogger<AnalysisRunner> logger)
    : ILeaderTask
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan BeatInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SweepInterval = TimeSpan.FromHours(1);

    /// <summary>Runs what waits until cancelled. What is cut short by that, the next process that leads begins again.</summary>
    public async Task RunAsync(CancellationToken whileLeading)
    {
        DateTimeOffset? sweptAt = null;
        while (!whileLeading.IsCancellationRequested)
        {
            var pause = PollInterval;
            try
            {
                if (sweptAt is null || time.GetUtcNow() - sweptAt >= SweepInterval)
                {
                    await queue.SweepAsync(whileLeading);
                    sweptAt = time.GetUtcNow();
                }

                if (await queue.TakeAsync(whileLeading) is { } next)
                {
                    await RunAsync(next, whileLeading);
                    continue;
                }
            }
            catch (OperationCanceledException) when (whileLeading.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                // Most likely the database is away: what ran is begun again, once.
                LogCutShort(failure);
                pause = FailurePause;
            }

            await Task.Delay(pause, whileLeading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunAsync(AnalysisAttempt attempt, CancellationToken whileLeading)
    {
        using var unwanted = new CancellationTokenSource();
        using var late = new CancellationTokenSource(TimeSpan.FromMinutes(options.TimeoutMinutes), time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(whileLeading, unwanted.Token, late.Token);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(whileLeading);
        var run = new AnalysisRun(attempt.StartedAt);
        var beating = BeatAsync(attempt, run, unwanted, ended.Token);
        try
        {
            var outcome = await RunTypeAsync(attempt, run, stop.Token);
            await using var scope = scopes.CreateAsyncScope();
            await queue.SucceedAsync(
                attempt, outcome, run.Warnings, scope.ServiceProvider.GetRequiredService<SegmentationDb>(), stop.Token);
        }
        catch (Exception) when (unwanted.IsCancellationRequested)
        {
            // It was deleted: nobody waits for how it ended.
        }
        catch (Exception failure)
            when (!whileLeading.IsCancellationRequested && Explain(failure, late.IsCancellationRequested) is { } problem)
        {
            await queue.FailAsync(attempt, problem, whileLeading);
        }
        finally
        {
            await ended.CancelAsync();
            await beating;
        }
    }

    // In one snapshot, which is undone with all that was made in it.
    private async Task<AnalysisOutcome> RunTypeAsync(AnalysisAttempt attempt, AnalysisRun run, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var type = scope.ServiceProvider.GetServices<AnalysisType>().FirstOrDefault(t => t.Name == attempt.Type)
            ?? throw AnalysisFailure.Internal("This version of the service has no such type of analysis.");
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        db.Database.SetDbConnection(connections.Create(), contextOwnsConnection: true);
        await using var snapshot = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        return await type.RunAsync(attempt.Request, run, cancellation);
    }

    // Null where it was cut short.
    private AnalysisProblem? Explain(Exception failure, bool isLate)
    {
        if (isLate || StatementTimeout.IsCause(failure))
        {
            return AnalysisFailure.TimedOut(options.TimeoutMinutes).Problem;
        }

        if (failure is AnalysisFailure known)
        {
            return known.Problem;
        }

        if (failure is ApiProblem refused)
        {
            return AnalysisFailure.Internal($"What it needs has changed since it was asked for: {refused.Summary()}").Problem;
        }

        if (IsLostConnection(failure))
        {
            return null;
        }

        LogFailed(failure);
        return AnalysisFailure.Internal("The service failed. The failure is in its log.").Problem;
    }

    private static bool IsLostConnection(Exception failure)
    {
        for (var e = failure; e is not null; e = e.InnerException)
        {
            if (e is SocketException or IOException or PostgresException { SqlState: ['0', '8', ..] or ['5', '7', 'P', ..] }
                || (e is NpgsqlException and not PostgresException))
            {
                return true;
            }
        }

        return false;
    }

    private async Task BeatAsync(AnalysisAttempt attempt, AnalysisRun run, CancellationTokenSource unwanted, CancellationToken ended)
    {
        while (true)
        {
            await Task.Delay(BeatInterval, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ended.IsCancellationRequested)
            {
                return;
            }

            try
            {
                if (!await queue.ReportAsync(attempt, run.Progress, ended))
                {
                    await unwanted.CancelAsync();
                    return;
                }
            }
            catch (Exception failure) when (failure is NpgsqlException or OperationCanceledException)
            {
                // Said at the next beat; where the database is away, the run ends by itself.
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "An analysis failed")]
    private partial void LogFailed(Exception failure);

    [LoggerMessage(LogLevel.Warning, "An analysis was cut short, or none could be begun; it is tried again")]
    private partial void LogCutShort(Exception failure);
}
