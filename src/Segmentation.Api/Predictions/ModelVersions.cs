using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>What was fitted, and what of it is in force.</summary>
public sealed class ModelVersions(SegmentationDb db)
{
    // As many are kept of a model.
    private const int Kept = 100;

    /// <summary>The version of a model that is in force; null where there is none.</summary>
    public Task<ModelVersion?> FindInForceAsync(string key, CancellationToken cancellation) =>
        db.ModelVersions.AsNoTracking().SingleOrDefaultAsync(v => v.ModelKey == key && v.InForce, cancellation);

    /// <summary>A page of a model's versions, the newest first.</summary>
    public Task<Page<ModelVersionResource>> ListAsync(string key, int limit, int? before, CancellationToken cancellation) =>
        Paging.ReadAsync(
            db.ModelVersions.AsNoTracking().Where(v => v.ModelKey == key && (before == null || v.Version < before))
                .OrderByDescending(v => v.Version),
            limit, ModelVersionResource.From, v => [v.Version], cancellation);

    /// <summary>Puts a version in force that was before.</summary>
    /// <returns>False where there is no such version.</returns>
    public async Task<bool> RestoreAsync(string key, int version, AuditLog log, CancellationToken cancellation)
    {
        await using var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        if (!await db.ModelVersions.AnyAsync(v => v.ModelKey == key && v.Version == version, cancellation))
        {
            return false;
        }

        await PutInForceAsync(db, key, version, cancellation);
        await log.AppendAsync(
            db, "models.restore", $"models/{key}", after: new JsonObject { ["version"] = version }, cancellation: cancellation);
        await transaction.CommitAsync(cancellation);
        return true;
    }

    /// <summary>Deletes a model with all that was fitted and told.</summary>
    /// <exception cref="ApiProblem">409: it is built in.</exception>
    public async Task DeleteAsync(ModelStore models, string key, CancellationToken cancellation)
    {
        await using var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        await models.DeleteAsync(key, cancellation);
        await db.ModelVersions.Where(v => v.ModelKey == key).ExecuteDeleteAsync(cancellation);

        // After the versions: whoever adds a copy holds its version, and has committed then.
        await db.ScoreCopies.Where(c => c.ModelKey == key).ExecuteDeleteAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>Adds a version and puts it in force, within the caller's transaction; nothing where the model is gone meanwhile.</summary>
    internal static async Task AddAsync(
        SegmentationDb db, ModelDefinition model, ModelVersion version, CancellationToken cancellation)
    {
        await DefinitionCache.LockAsync(db, cancellation);
        if (model.Type.BuiltInKey is null && !await db.Models.AnyAsync(m => m.Key == model.Key, cancellation))
        {
            return;
        }

        db.Add(version);
        await db.SaveChangesAsync(cancellation);
        await PutInForceAsync(db, version.ModelKey, version.Version, cancellation);
        await db.ModelVersions.Where(v => v.ModelKey == version.ModelKey && v.Version <= version.Version - Kept)
            .ExecuteDeleteAsync(cancellation);
    }

    /// <summary>The number of a model's next version.</summary>
    internal async Task<int> FindNextAsync(string key, CancellationToken cancellation) =>
        1 + (await db.ModelVersions.Where(v => v.ModelKey == key).MaxAsync(v => (int?)v.Version, cancellation) ?? 0);

    // One after the other: of a model never two are. What is in force says what its scores tell of.
    private static async Task PutInForceAsync(SegmentationDb db, string key, int version, CancellationToken cancellation)
    {
        await db.ModelVersions.Where(v => v.ModelKey == key && v.InForce && v.Version != version)
            .ExecuteUpdateAsync(v => v.SetProperty(m => m.InForce, false), cancellation);
        await db.ModelVersions.Where(v => v.ModelKey == key && v.Version == version)
            .ExecuteUpdateAsync(v => v.SetProperty(m => m.InForce, true), cancellation);
        await DefinitionCache.MarkChangedAsync(db, cancellation);
    }
}
