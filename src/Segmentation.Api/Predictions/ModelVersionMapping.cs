using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

internal sealed class ModelVersionMapping : IEntityTypeConfiguration<ModelVersion>
{
    // As it was written: the binary form would order properties anew, and write small numbers out.
    private const string Text = "json";

    public void Configure(EntityTypeBuilder<ModelVersion> builder)
    {
        builder.ToTable("model_versions").HasKey(v => new { v.ModelKey, v.Version });
        builder.Property(v => v.ModelKey).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(v => v.Settings).HasColumnType(Text);
        builder.Property(v => v.Data).HasColumnType(Text);
        builder.Property(v => v.Parameters).HasColumnType(Text);
        builder.Property(v => v.Report).HasColumnType(Text);
        builder.Property(v => v.Warnings).HasColumnType(Text);
        builder.Ignore(v => v.PinnedTo);
        builder.HasOne(v => v.Weights).WithOne().HasForeignKey<ModelWeights>(w => new { w.ModelKey, w.Version })
            .OnDelete(DeleteBehavior.Cascade);
        builder.HasIndex(v => v.ModelKey).IsUnique().HasDatabaseName("ux_model_versions_in_force").HasFilter("in_force");
    }
}

internal sealed class ModelWeightsMapping : IEntityTypeConfiguration<ModelWeights>
{
    public void Configure(EntityTypeBuilder<ModelWeights> builder)
    {
        builder.ToTable("model_weights").HasKey(w => new { w.ModelKey, w.Version });
        builder.Property(w => w.ModelKey).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
    }
}
