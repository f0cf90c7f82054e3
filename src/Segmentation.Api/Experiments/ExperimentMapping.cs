using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Experiments;

internal sealed class ExperimentMapping : IEntityTypeConfiguration<Experiment>
{
    public void Configure(EntityTypeBuilder<Experiment> builder)
    {
        builder.ToTable("experiments").HasKey(e => e.Id);
        builder.Property(e => e.Id).UseIdentityAlwaysColumn();
        builder.Property(e => e.Key).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(e => e.Status).HasConversion<string>().HasMaxLength(16);
        builder.HasIndex(e => e.Key).IsUnique().HasDatabaseName("ux_experiments_key");
    }
}

internal sealed class ExperimentVersionMapping : IEntityTypeConfiguration<ExperimentVersion>
{
    public void Configure(EntityTypeBuilder<ExperimentVersion> builder)
    {
        builder.ToTable("experiment_versions").HasKey(v => new { v.ExperimentId, v.Version });
        builder.Property(v => v.ChangedBy).HasMaxLength(SegmentVersion.ChangedByMaxLength);
        builder.HasOne<Experiment>().WithMany().HasForeignKey(v => v.ExperimentId).OnDelete(DeleteBehavior.Cascade);
    }
}

internal sealed class ExperimentRunMapping : IEntityTypeConfiguration<ExperimentRun>
{
    public void Configure(EntityTypeBuilder<ExperimentRun> builder)
    {
        builder.ToTable("experiment_runs").HasKey(r => new { r.ExperimentId, r.Run });
        builder.Property(r => r.Winner).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(r => r.Reason).HasMaxLength(Segment.TextMaxLength);
        builder.HasOne<Experiment>().WithMany().HasForeignKey(r => r.ExperimentId).OnDelete(DeleteBehavior.Cascade);
    }
}
