using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>What the versions read that are in force, and those by which everybody was scored last: until all are scored anew, scores of
/// both are there.</summary>
internal sealed class ScoreSources : IScoreSources
{
    public async Task<ILookup<string, string>> ListFieldsAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var last = ScoringModels.ListVersions(
            await db.ScoringStates.AsNoTracking().Select(s => s.Models).SingleAsync(cancellation));
        var versions = await db.ModelVersions.AsNoTracking()
            .Where(v => v.ModelKey != LifetimeValueType.TypeName && (v.InForce || last.Contains(v.ModelKey + " " + v.Version)))
            .Select(v => new { v.ModelKey, v.Settings, v.Parameters }).ToListAsync(cancellation);
        return versions
            .SelectMany(v => PropensityParameters.ListFields(v.Settings.Deserialize<ModelSettings>(Json.Options)!, v.Parameters)
                .Select(field => (v.ModelKey, field)))
            .ToLookup(v => v.ModelKey, v => v.field, StringComparer.Ordinal);
    }
}
