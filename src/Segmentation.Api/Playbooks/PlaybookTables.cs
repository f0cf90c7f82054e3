using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Playbooks;

/// <summary>The tables of placements and playbooks.</summary>
internal static class PlaybookTables
{
    extension(SegmentationDb db)
    {
        public DbSet<Placement> Placements => db.Set<Placement>();
        public DbSet<Playbook> Playbooks => db.Set<Playbook>();
        public DbSet<PlaybookVersion> PlaybookVersions => db.Set<PlaybookVersion>();
    }
}
