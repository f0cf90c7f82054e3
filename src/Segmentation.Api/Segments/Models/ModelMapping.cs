using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Segments;

internal sealed class ModelMapping : IEntityTypeConfiguration<Model>
{
    public void Configure(EntityTypeBuilder<Model> builder)
    {
        builder.ToTable("models").HasKey(m => m.Key);
        builder.Property(m => m.Key).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
    }
}
