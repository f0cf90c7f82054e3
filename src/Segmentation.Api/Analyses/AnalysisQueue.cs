using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Analyses;

/// <summary>An attempt at an analysis.</summary>
internal sealed record AnalysisAttempt(string Id, string Type, JsonElement Request, int Attempt, DateTimeOffset StartedAt);

/// <summary>Analyses as the leading process sees them, which runs them. What an attempt writes holds only while it is the last.</summary>
internal sealed class AnalysisQueue(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, AnalysisOptions options, TimeProvider time)
{
    private static readonly string Queued = $"{(int)AnalysisStatus.Queued}";
    private static readonly string Running = $"{(int)AnalysisStatus.Running}";
    private static readonly string IsLast = $"id = $1 AND attempts = $2 AND status = {Running}";

    /// <summary>
    /// Begins the next one; null where none waits. Nothing else runs: what is said to be running was cut short, and comes first.
    /// </summary>
    public async Task<AnalysisAttempt?> TakeAsync(CancellationToken cancellation)
    {
        await database.ExecuteAsync(
            $"""
            UPDATE analyses SET status = {(int)AnalysisStatus.Failed}, finished_at = $1, problem = $2
            WHERE status = {Running} AND attempts >= {Analysis.MaxAttempts}
            """,
            cancellation, SqlParameter.Create(time.GetUtcNow()),
            Text(AnalysisFailure.Internal("It was begun twice, and cut short each time. Send it again.").Problem));
        var taken = await database.QueryAsync(
            $"""
            UPDATE analyses SET status = {Running}, attempts = attempts + 1, started_at = $1, progress = 0
            WHERE id = (SELECT id FROM analyses WHERE status IN ({Queued}, {Running}) ORDER BY status DESC, id LIMIT 1)
            RETURNING id, type, request::text, attempts, started_at
            """,
            row => new AnalysisAttempt(
                row.GetString(0), row.GetString(1), JsonElement.Parse(row.GetString(2)), row.GetInt32(3),
                row.GetFieldValue<DateTimeOffset>(4)),
            cancellation, SqlParameter.Create(time.GetUtcNow()));
        return taken.SingleOrDefault();
    }

    /// <summary>Shows how far it is.</summary>
    /// <returns>False where it is to stop: it was deleted, or another process has begun it again.</returns>
    public async Task<bool> ReportAsync(AnalysisAttempt attempt, double progress, CancellationToken cancellation) =>
        await database.ExecuteAsync(
            $"UPDATE analyses SET progress = $3 WHERE {IsLast}", cancellation, [.. Key(attempt), SqlParameter.Create(progress)]) > 0;

    /// <summary>Records why it failed.</summary>
    public Task FailAsync(AnalysisAttempt attempt, AnalysisProblem problem, CancellationToken cancellation) => database.ExecuteAsync(
        $"UPDATE analyses SET status = {(int)AnalysisStatus.Failed}, finished_at = $3, problem = $4 WHERE {IsLast}",
        cancellation, [.. Key(attempt), SqlParameter.Create(time.GetUtcNow()), Text(problem)]);

    /// <summary>Records its outcome, with what that has to write.</summary>
    public async Task SucceedAsync(
        AnalysisAttempt attempt, AnalysisOutcome outcome, IReadOnlyList<AnalysisWarning> warnings, SegmentationDb db,
        CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        await using var command = (NpgsqlCommand)db.Database.GetDbConnection().CreateCommand();
        command.CommandText =
            $"""
            UPDATE analyses SET status = {(int)AnalysisStatus.Succeeded}, finished_at = $3, progress = 1, result = $4, whole_result = $5,
                warnings = $6
            WHERE {IsLast}
            """;
        NpgsqlParameter[] parameters =
            [.. Key(attempt), SqlParameter.Create(time.GetUtcNow()), Text(outcome.Result), Text(outcome.Whole), Text(warnings)];
        command.Parameters.AddRange(parameters);
        if (await command.ExecuteNonQueryAsync(cancellation) > 0)
        {
            await (outcome.Write?.Invoke(db, cancellation) ?? Task.CompletedTask);
            await transaction.CommitAsync(cancellation);
        }
    }

    /// <summary>Forgets those whose time is over.</summary>
    public Task SweepAsync(CancellationToken cancellation) => database.ExecuteAsync(
        "DELETE FROM analyses WHERE finished_at < $1",
        cancellation, SqlParameter.Create(time.GetUtcNow().AddDays(-options.KeepDays)));

    private static NpgsqlParameter[] Key(AnalysisAttempt attempt) =>
        [SqlParameter.Create(attempt.Id), SqlParameter.Create(attempt.Attempt)];

    private static NpgsqlParameter Text<T>(T? value) => new()
    {
        Value = value is null ? DBNull.Value : JsonSerializer.Serialize(value, Json.Options),
        NpgsqlDbType = NpgsqlDbType.Json,
    };
}
