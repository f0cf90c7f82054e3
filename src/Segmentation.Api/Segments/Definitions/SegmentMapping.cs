using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Segmentation.Api.Customers;

namespace Segmentation.Api.Segments;

internal sealed class SegmentMapping : IEntityTypeConfiguration<Segment>
{
    public void Configure(EntityTypeBuilder<Segment> builder)
    {
        builder.ToTable("segments").HasKey(s => s.Id);
        builder.Property(s => s.Id).UseIdentityAlwaysColumn();
        builder.Property(s => s.Key).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(s => s.Name).HasMaxLength(Segment.NameMaxLength);
        builder.Property(s => s.Description).HasMaxLength(Segment.TextMaxLength);
        builder.Property(s => s.Goal).HasMaxLength(Segment.TextMaxLength);
        builder.Property(s => s.GoalMetric).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(s => s.TimeZone).HasMaxLength(64);
        builder.Property(s => s.Kind).HasConversion<string>().HasMaxLength(16);
        builder.Property(s => s.Status).HasConversion<string>().HasMaxLength(16);
        builder.Property(s => s.Version).IsConcurrencyToken();
        builder.HasIndex(s => s.Key).IsUnique().HasDatabaseName(Segment.KeyIndex);
        builder.HasMany<ManualMember>().WithOne().HasForeignKey(m => m.SegmentId).OnDelete(DeleteBehavior.Cascade);
    }
}

// No foreign key: the segment is gone.
internal sealed class DeletedSegmentMapping : IEntityTypeConfiguration<DeletedSegment>
{
    public void Configure(EntityTypeBuilder<DeletedSegment> builder)
    {
        builder.ToTable("deleted_segments").HasKey(d => d.SegmentId);
        builder.Property(d => d.SegmentId).ValueGeneratedNever();
        builder.Property(d => d.Key).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(d => d.Name).HasMaxLength(Segment.NameMaxLength);
        builder.Property(d => d.Revision).HasColumnName("batch");
        builder.HasIndex(d => d.Key).HasDatabaseName("ix_deleted_segments_key");
    }
}

internal sealed class SegmentVersionMapping : IEntityTypeConfiguration<SegmentVersion>
{
    public void Configure(EntityTypeBuilder<SegmentVersion> builder)
    {
        builder.ToTable("segment_versions").HasKey(v => new { v.SegmentId, v.Version });
        builder.Property(v => v.ChangedBy).HasMaxLength(SegmentVersion.ChangedByMaxLength);
        builder.HasOne<Segment>().WithMany().HasForeignKey(v => v.SegmentId).OnDelete(DeleteBehavior.Cascade);
    }
}
