using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Playbooks;

// Triggers move decision_stamp. What is shown is of the type json, which keeps it as it was sent.
internal sealed class PlacementMapping : IEntityTypeConfiguration<Placement>
{
    public void Configure(EntityTypeBuilder<Placement> builder)
    {
        builder.ToTable("placements").HasKey(p => p.Key);
        builder.Property(p => p.Key).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(p => p.Name).HasMaxLength(Segment.NameMaxLength);
        builder.Property(p => p.Description).HasMaxLength(Segment.TextMaxLength);
        builder.Property(p => p.Type).HasConversion<string>().HasMaxLength(16);
        builder.Property(p => p.Fallback).HasColumnType("json");
        builder.Property(p => p.Status).HasConversion<string>().HasMaxLength(16);
        builder.Property(p => p.Version).IsConcurrencyToken();
    }
}

internal sealed class PlaybookMapping : IEntityTypeConfiguration<Playbook>
{
    public void Configure(EntityTypeBuilder<Playbook> builder)
    {
        builder.ToTable("playbooks").HasKey(p => p.Id);
        builder.Property(p => p.Id).UseIdentityAlwaysColumn();
        builder.Property(p => p.Key).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(p => p.Definition).HasColumnType("json");
        builder.Property(p => p.Status).HasConversion<string>().HasMaxLength(16);
        builder.Property(p => p.Version).IsConcurrencyToken();
        builder.HasIndex(p => p.Key).IsUnique().HasDatabaseName("ux_playbooks_key");
    }
}

internal sealed class PlaybookVersionMapping : IEntityTypeConfiguration<PlaybookVersion>
{
    public void Configure(EntityTypeBuilder<PlaybookVersion> builder)
    {
        builder.ToTable("playbook_versions").HasKey(v => new { v.PlaybookId, v.Version });
        builder.Property(v => v.Definition).HasColumnType("json");
        builder.Property(v => v.ChangedBy).HasMaxLength(SegmentVersion.ChangedByMaxLength);
        builder.HasOne<Playbook>().WithMany().HasForeignKey(v => v.PlaybookId).OnDelete(DeleteBehavior.Cascade);
    }
}
