using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Changes;

/// <summary>The table of the change log.</summary>
internal static class ChangeTables
{
    extension(SegmentationDb db)
    {
        public DbSet<ChangeLogEntry> ChangeLog => db.Set<ChangeLogEntry>();
    }
}
