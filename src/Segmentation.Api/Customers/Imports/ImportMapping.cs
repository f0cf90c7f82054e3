using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Customers;

internal sealed class ImportJobMapping : IEntityTypeConfiguration<ImportJob>
{
    public void Configure(EntityTypeBuilder<ImportJob> builder)
    {
        builder.ToTable("imports").HasKey(i => i.Id);
        builder.Property(i => i.Id).HasMaxLength(36).UseCollation("C");
        builder.Property(i => i.Error).HasMaxLength(ImportJob.ErrorMaxLength);
    }
}

internal sealed class ImportRejectionMapping : IEntityTypeConfiguration<ImportRejection>
{
    public void Configure(EntityTypeBuilder<ImportRejection> builder)
    {
        builder.ToTable("import_rejections").HasKey(r => r.Key);
        builder.Property(r => r.Key).UseIdentityAlwaysColumn();
        builder.Property(r => r.ImportId).HasMaxLength(36).UseCollation("C");
        builder.Property(r => r.CustomerId).HasMaxLength(Customer.IdMaxLength).UseCollation("C");
        builder.HasOne<ImportJob>().WithMany().HasForeignKey(r => r.ImportId).OnDelete(DeleteBehavior.Cascade);
        builder.HasIndex(r => new { r.ImportId, r.Line }).HasDatabaseName("ix_import_rejections_import");
        builder.HasIndex(r => r.Mentions).HasMethod("gin").HasDatabaseName("ix_import_rejections_mentions");
        builder.HasIndex(r => r.CustomerId).HasFilter("customer_id IS NOT NULL").HasDatabaseName("ix_import_rejections_customer");
    }
}

internal sealed class SeenInDryRunMapping : IEntityTypeConfiguration<SeenInDryRun>
{
    // Nothing that would have to outlive a crash.
    public void Configure(EntityTypeBuilder<SeenInDryRun> builder) =>
        builder.ToTable("seen_in_dry_runs").IsUnlogged().HasKey(s => new { s.ImportId, s.IdHash });
}
