using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>How to connect as the role that owns the tables: for migrations, and for what only an owner may do.</summary>
internal sealed record OwnerConnection(string ConnectionString)
{
    /// <summary>A context with a connection of its own, for a few statements at the start: none that may so much stays open.</summary>
    public SegmentationDb CreateDb() => new(new DbContextOptionsBuilder<SegmentationDb>()
        .UseNpgsql(new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false }.ConnectionString)
        .ConfigureWarnings(w => w.Ignore(CoreEventId.ManyServiceProvidersCreatedWarning)).Options);
}
