using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Segments;

internal sealed class MetricMapping : IEntityTypeConfiguration<Metric>
{
    public void Configure(EntityTypeBuilder<Metric> builder)
    {
        builder.ToTable("metrics").HasKey(m => m.Key);
        builder.Property(m => m.Key).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
    }
}
