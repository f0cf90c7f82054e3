using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>A model of propensity that is in force.</summary>
/// <param name="Key">The model's.</param>
/// <param name="Version">Its version.</param>
/// <param name="FittedAt">When that was fitted.</param>
/// <param name="PinnedTo">The day that it is to look at, where it was fitted as of the past; null for the day of scoring.</param>
/// <param name="Settings">What it was fitted with.</param>
/// <param name="Stored">What scoring needs, as JSON.</param>
internal sealed record PropensityInForce(
    string Key, int Version, DateTimeOffset FittedAt, DateOnly? PinnedTo, ModelSettings Settings, JsonElement Stored)
{
    /// <summary>Those of all models, by key.</summary>
    public static async Task<IReadOnlyList<PropensityInForce>> ListAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var versions = await db.ModelVersions.AsNoTracking().Where(v => v.InForce && v.ModelKey != LifetimeValueType.TypeName)
            .OrderBy(v => v.ModelKey).ToListAsync(cancellation);
        return [.. from version in versions
                   let settings = version.Settings.Deserialize<ModelSettings>(Json.Options)!
                   where settings.Type == PropensityType.TypeName
                   select new PropensityInForce(
                       version.ModelKey, version.Version, version.FittedAt, version.PinnedTo, settings, version.Parameters)];
    }

    /// <summary>What scoring needs.</summary>
    public PropensityParameters ReadParameters() => Stored.Deserialize<PropensityParameters>(Json.Options)!;

    /// <summary>When it looks at customers: now, or at the scoring of the day that it is pinned to.</summary>
    public PropensityMoment FindMoment(DateTimeOffset now, PredictionOptions options)
    {
        var at = PinnedTo is { } day ? options.FindLast(options.FindEnd(day).AddMicroseconds(-1)) : now;
        return new PropensityMoment(at, at, options.FindDay(at));
    }
}
