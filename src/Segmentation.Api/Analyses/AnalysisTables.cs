using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Analyses;

/// <summary>The table of analyses.</summary>
internal static class AnalysisTables
{
    extension(SegmentationDb db)
    {
        public DbSet<Analysis> Analyses => db.Set<Analysis>();
    }
}
