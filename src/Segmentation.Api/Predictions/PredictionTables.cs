using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Predictions;

/// <summary>The tables of predictions.</summary>
internal static class PredictionTables
{
    extension(SegmentationDb db)
    {
        public DbSet<ModelVersion> ModelVersions => db.Set<ModelVersion>();
        public DbSet<ScoringState> ScoringStates => db.Set<ScoringState>();
    }
}
