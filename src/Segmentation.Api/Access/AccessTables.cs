using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Access;

/// <summary>The tables of API keys.</summary>
internal static class AccessTables
{
    extension(SegmentationDb db)
    {
        public DbSet<ApiKey> ApiKeys => db.Set<ApiKey>();
    }
}
