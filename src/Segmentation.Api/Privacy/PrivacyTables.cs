using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Privacy;

/// <summary>The tables of purposes and consents, and of erasures.</summary>
internal static class PrivacyTables
{
    extension(SegmentationDb db)
    {
        public DbSet<Purpose> Purposes => db.Set<Purpose>();
        public DbSet<ConsentRecord> ConsentRecords => db.Set<ConsentRecord>();
        public DbSet<Erasure> Erasures => db.Set<Erasure>();
        public DbSet<QueuedErasure> QueuedErasures => db.Set<QueuedErasure>();
        public DbSet<ErasedId> ErasedIds => db.Set<ErasedId>();
    }
}
