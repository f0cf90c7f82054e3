using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Privacy;

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
