using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Privacy;

internal sealed class ErasureMapping :
    IEntityTypeConfiguration<Erasure>, IEntityTypeConfiguration<QueuedErasure>, IEntityTypeConfiguration<ErasedId>
{
    public void Configure(EntityTypeBuilder<Erasure> builder)
    {
        builder.ToTable("erasures").HasKey(e => e.Id);
        builder.Property(e => e.Id).UseIdentityAlwaysColumn();
        builder.Property(e => e.Receipt).HasMaxLength(32).UseCollation("C");
        builder.HasIndex(e => e.Receipt).IsUnique().HasDatabaseName("ux_erasures_receipt");

        // Those that wait for somebody, or for the night; hardly any.
        builder.HasIndex(e => e.Id).HasFilter("completed_at IS NULL").HasDatabaseName("ix_erasures_open");
        builder.HasIndex(e => e.RequestedAt).HasFilter("NOT is_analyzed").HasDatabaseName("ix_erasures_unanalyzed");
    }

    public void Configure(EntityTypeBuilder<QueuedErasure> builder)
    {
        builder.ToTable("erasure_queue").HasKey(q => q.ErasureId);
        builder.Property(q => q.ErasureId).ValueGeneratedNever();
        builder.HasOne<Erasure>().WithOne().HasForeignKey<QueuedErasure>(q => q.ErasureId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<ErasedId> builder)
    {
        builder.ToTable("erased").HasKey(e => e.IdHmac);
        builder.HasOne<Erasure>().WithMany().HasForeignKey(e => e.ErasureId).OnDelete(DeleteBehavior.SetNull);

        // When the last one was.
        builder.HasIndex(e => e.At).HasDatabaseName("ix_erased_at");
    }
}

internal sealed class PrivacyMapping : IEntityTypeConfiguration<Purpose>, IEntityTypeConfiguration<ConsentRecord>
{
    public void Configure(EntityTypeBuilder<Purpose> builder)
    {
        builder.ToTable("purposes").HasKey(p => p.Name);
        builder.Property(p => p.Name).HasMaxLength(Purpose.NameMaxLength).UseCollation("C");
        builder.Property(p => p.Label).HasMaxLength(Purpose.LabelMaxLength);
        builder.Property(p => p.Description).HasMaxLength(Purpose.DescriptionMaxLength);
    }

    public void Configure(EntityTypeBuilder<ConsentRecord> builder)
    {
        builder.ToTable("consent_records").HasKey(r => r.Id);
        builder.Property(r => r.Id).UseIdentityAlwaysColumn();
        builder.Property(r => r.Purpose).HasMaxLength(Purpose.NameMaxLength).UseCollation("C");
        builder.Property(r => r.Source).HasMaxLength(ConsentRecord.TextMaxLength);
        builder.Property(r => r.PolicyVersion).HasMaxLength(ConsentRecord.TextMaxLength);
        builder.Property(r => r.Evidence).HasMaxLength(ConsentRecord.EvidenceMaxLength);

        // The standing record of each purpose is the first; the history is in this order, too.
        builder.HasIndex(r => new { r.CustomerKey, r.Purpose, r.At, r.Id }).IsDescending(false, false, true, true)
            .HasDatabaseName("ix_consent_records_standing");
    }
}
