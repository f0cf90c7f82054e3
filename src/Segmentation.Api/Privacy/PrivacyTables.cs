using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Privacy;

/// <summary>The tables of purposes and consents.</summary>
internal static class PrivacyTables
{
    extension(SegmentationDb db)
    {
        public DbSet<Purpose> Purposes => db.Set<Purpose>();
        public DbSet<ConsentRecord> ConsentRecords => db.Set<ConsentRecord>();
    }
}
