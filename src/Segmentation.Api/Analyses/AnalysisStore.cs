using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Analyses;

/// <summary>Analyses as requests see them.</summary>
public sealed class AnalysisStore(SegmentationDb db, IEnumerable<AnalysisType> types, EventHorizon horizon, TimeProvider time)
{
    // Any number that nothing else uses. Two that ask for the same must not both add it, nor more be added than may wait.
    private const long Lock = 0x5E67_414E_414C;
    private const AnalysisStatus LastOpen = AnalysisStatus.Running;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>Adds an analysis; where the same waits or runs, it is that one.</summary>
    /// <exception cref="ApiProblem">400: the request is not valid; 429: too many wait.</exception>
    public async Task<Analysis> AddAsync(JsonElement body, CancellationToken cancellation)
    {
        var type = FindType(body);
        var request = await type.CheckAsync(body, cancellation);
        if (request.TryGetProperty("asOf", out var asOf) && asOf.TryGetDateTimeOffset(out var at))
        {
            horizon.Check("/asOf", at);
        }

        var fingerprint = SHA256.HashData(JsonMarshal.GetRawUtf8Value(request));
        await using var transaction = await db.BeginAsync(cancellation);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({Lock})", cancellation);
        var same = await db.Analyses.AsNoTracking()
            .FirstOrDefaultAsync(a => a.Status <= LastOpen && a.Fingerprint == fingerprint, cancellation);
        if (same is not null)
        {
            return same;
        }

        if (await db.Analyses.CountAsync(a => a.Status == AnalysisStatus.Queued, cancellation) >= Analysis.MaxWaiting)
        {
            throw new ApiProblem(
                StatusCodes.Status429TooManyRequests, $"{Analysis.MaxWaiting} analyses wait already. Send it when one has ended.");
        }

        var added = new Analysis
        {
            Id = Guid.CreateVersion7().ToString(),
            Type = type.Name,
            Request = request,
            Fingerprint = fingerprint,
            CreatedAt = time.GetUtcNow(),
        };
        db.Add(added);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return added;
    }

    /// <summary>Waits until it has ended, or the time is over.</summary>
    /// <param name="whole">With all of the result.</param>
    /// <returns>As it is then; cancelled where it was deleted.</returns>
    public async Task<Analysis> WaitAsync(Analysis analysis, TimeSpan atMost, bool whole, CancellationToken cancellation)
    {
        var (started, pause) = (time.GetTimestamp(), FirstPause);
        while (analysis.Status <= LastOpen && atMost - time.GetElapsedTime(started) is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left < pause ? left : pause, time, cancellation);
            pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause;
            var status = await db.Analyses.Where(a => a.Id == analysis.Id).Select(a => (AnalysisStatus?)a.Status)
                .FirstOrDefaultAsync(cancellation);
            if (status == analysis.Status)
            {
                continue;
            }

            if (await FindAsync(analysis.Id, whole, cancellation) is not { } now)
            {
                (analysis.Status, analysis.FinishedAt) = (AnalysisStatus.Cancelled, time.GetUtcNow());
                break;
            }

            analysis = now;
        }

        return analysis;
    }

    /// <summary>An analysis; null where there is none.</summary>
    /// <param name="whole">With all of the result.</param>
    public async Task<Analysis?> FindAsync(string id, bool whole, CancellationToken cancellation) =>
        id.Contains('\0', StringComparison.Ordinal)
            ? null
            : await Select(db.Analyses, whole).FirstOrDefaultAsync(a => a.Id == id, cancellation);

    /// <summary>A page of them, the newest first.</summary>
    public Task<Page<AnalysisResource>> ListAsync(
        string? type, AnalysisStatus? status, int limit, string? before, CancellationToken cancellation)
    {
        if (type is not null && types.All(t => t.Name != type))
        {
            throw ApiProblem.Invalid("type", DescribeUnknown(type));
        }

        IQueryable<Analysis> rows = db.Analyses;
        rows = type is null ? rows : rows.Where(a => a.Type == type);
        rows = status is null ? rows : rows.Where(a => a.Status == status);
        rows = before is null ? rows : rows.Where(a => string.Compare(a.Id, before) < 0);
        return Paging.ReadAsync(
            Select(rows, whole: false).OrderByDescending(a => a.Id), limit, AnalysisResource.From, a => [a.Id], cancellation);
    }

    /// <summary>Forgets an analysis; one that runs is stopped within a second.</summary>
    public Task DeleteAsync(string id, CancellationToken cancellation) => id.Contains('\0', StringComparison.Ordinal)
        ? Task.CompletedTask
        : db.Analyses.Where(a => a.Id == id).ExecuteDeleteAsync(cancellation);

    // A whole result is large: it is read only where it is shown.
    private static IQueryable<Analysis> Select(IQueryable<Analysis> rows, bool whole) => rows.Select(a => new Analysis
    {
        Id = a.Id,
        Type = a.Type,
        Request = a.Request,
        Fingerprint = a.Fingerprint,
        Status = a.Status,
        Progress = a.Progress,
        CreatedAt = a.CreatedAt,
        StartedAt = a.StartedAt,
        FinishedAt = a.FinishedAt,
        Result = whole ? a.WholeResult ?? a.Result : a.Result,
        Problem = a.Problem,
        Warnings = a.Warnings,
    });

    private AnalysisType FindType(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            throw ApiProblem.Invalid("", $"An analysis is asked for by a JSON object: {{\"type\":\"{types.First().Name}\", …}}.");
        }

        var name = body.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString()! : null;
        return types.FirstOrDefault(t => t.Name == name) ?? throw ApiProblem.Invalid(
            "/type", name is null ? $"An analysis needs a type: {Names}." : DescribeUnknown(name));
    }

    private string Names => string.Join(", ", types.Select(t => t.Name).Order(StringComparer.Ordinal));

    private string DescribeUnknown(string name) => string.Create(
        CultureInfo.InvariantCulture,
        $"{ErrorText.Quote(name)} is no type of analysis. Known: {Names}.")
        + (NearestName.Find(name, types.Select(t => t.Name)) is { } nearest ? $" Did you mean \"{nearest}\"?" : "");
}
