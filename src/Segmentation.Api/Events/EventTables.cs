using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Events;

/// <summary>The tables of events.</summary>
internal static class EventTables
{
    extension(SegmentationDb db)
    {
        public DbSet<CustomerEvent> Events => db.Set<CustomerEvent>();
        public DbSet<SentimentState> SentimentStates => db.Set<SentimentState>();
    }
}
