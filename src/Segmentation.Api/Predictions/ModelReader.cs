using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Analyses;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>Reads models with what is in force of them.</summary>
public sealed class ModelReader(
    SegmentationDb db, ModelStore models, ModelVersions versions, PredictionOptions options, TimeProvider time)
{
    // Without a new version for so many times as long as one is to last.
    private const int StaleAfter = 4;

    /// <summary>All of them, by key.</summary>
    public async Task<IReadOnlyList<ModelResource>> ListAsync(CancellationToken cancellation)
    {
        List<ModelResource> read = [];
        foreach (var model in await models.ListAsync(cancellation))
        {
            read.Add(await ReadAsync(model, cancellation));
        }

        return read;
    }

    /// <summary>One of them; null where there is none.</summary>
    public async Task<ModelResource?> FindAsync(string key, CancellationToken cancellation) =>
        await models.FindAsync(key, cancellation) is { } model ? await ReadAsync(model, cancellation) : null;

    /// <summary>A model, with what is in force.</summary>
    public async Task<ModelResource> ReadAsync(ModelDefinition model, CancellationToken cancellation)
    {
        var version = await versions.FindInForceAsync(model.Key, cancellation);
        var last = await FindFits(model.Key).FirstOrDefaultAsync(cancellation);
        var problem = last is { Status: AnalysisStatus.Failed }
            ? last.Problem?.Deserialize<AnalysisProblem>(Json.Options)
            : null;
        var now = time.GetUtcNow();
        var status = version switch
        {
            null => problem is null ? ModelStatus.None : ModelStatus.Failed,
            _ => version.FittedAt.AddDays(StaleAfter * model.Settings.RefitDays!.Value) < now ? ModelStatus.Stale : ModelStatus.Ready,
        };
        var warnings = version?.Warnings.Deserialize<AnalysisWarning[]>(Json.Options)
            ?? (model.Type.WithoutVersion is { } instead ? [new AnalysisWarning("no-version", instead)] : []);
        var (live, wrong) = await LiveReader.ReadAsync(db, model.Key, cancellation);
        return new ModelResource(
            model.Key, model.Type.Name, model.Settings, status, version?.Version, version?.FittedAt, version?.PinnedTo, version?.Data,
            version?.Parameters, version?.Report, live, [.. warnings, .. wrong], FindNext(model, version?.FittedAt, last?.CreatedAt, now),
            problem);
    }

    /// <summary>Whether it is time to fit a model anew.</summary>
    /// <param name="since">From when on it has to be, where it was never fitted.</param>
    public async Task<bool> IsDueAsync(ModelDefinition model, DateTimeOffset since, CancellationToken cancellation)
    {
        // Without all that was fitted: this is asked for often.
        var fitted = await db.ModelVersions.Where(v => v.ModelKey == model.Key && v.InForce).Select(v => (DateTimeOffset?)v.FittedAt)
            .SingleOrDefaultAsync(cancellation);
        var asked = await FindFits(model.Key).Select(a => (DateTimeOffset?)a.CreatedAt).FirstOrDefaultAsync(cancellation);
        return time.GetUtcNow() >= FindNext(model, fitted, asked, since);
    }

    // The time of scoring that is refitDays after the last fit, or up to a day before; the first one where there was none.
    private DateTimeOffset FindNext(ModelDefinition model, DateTimeOffset? fitted, DateTimeOffset? asked, DateTimeOffset since)
    {
        var last = fitted is not null && !(asked > fitted) ? fitted : asked;
        return options.FindLast((last ?? since).AddDays(last is null ? 1 : model.Settings.RefitDays!.Value));
    }

    // The newest first.
    private IQueryable<Analysis> FindFits(string key) => db.Analyses.FromSql(
        $"SELECT * FROM analyses WHERE type = {FitAnalysis.TypeName} AND request ->> 'model' = {key}")
        .AsNoTracking().OrderByDescending(a => a.Id);
}
