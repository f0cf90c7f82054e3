using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Segmentation.Api.Data;

/// <summary>
/// For <c>dotnet ef</c>, which would otherwise run Program, and that starts the private PostgreSQL. A migration is
/// made from the model alone:
/// nothing connects.
/// </summary>
internal sealed class DesignTimeDbFactory : IDesignTimeDbContextFactory<SegmentationDb>
{
    public SegmentationDb CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql("Host=nowhere")
            .ConfigureWarnings(w => w.Ignore(CoreEventId.ManyServiceProvidersCreatedWarning)).Options);
}
