using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Segments;

/// <summary>The tables of segments' definitions.</summary>
internal static class SegmentTables
{
    extension(SegmentationDb db)
    {
        public DbSet<Segment> Segments => db.Set<Segment>();
        public DbSet<DeletedSegment> DeletedSegments => db.Set<DeletedSegment>();
        public DbSet<Metric> Metrics => db.Set<Metric>();
        public DbSet<Model> Models => db.Set<Model>();
        public DbSet<SegmentVersion> SegmentVersions => db.Set<SegmentVersion>();
    }
}
