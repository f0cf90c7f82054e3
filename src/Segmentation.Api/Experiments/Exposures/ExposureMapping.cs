using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Experiments;

// No foreign keys here: each would lock the experiment for every unit. Who deletes an experiment deletes its units.
internal sealed class ExperimentUnitMapping : IEntityTypeConfiguration<ExperimentUnit>
{
    public void Configure(EntityTypeBuilder<ExperimentUnit> builder)
    {
        // The unit first: a decision asks for one unit, of all experiments.
        builder.ToTable("experiment_units").HasKey(u => new { u.Unit, u.ExperimentId, u.Run });
        builder.Property(u => u.ExperimentId).ValueGeneratedNever();
        builder.Property(u => u.Run).ValueGeneratedNever();
        builder.Property(u => u.Unit).HasMaxLength(ExperimentUnit.IdMaxLength).UseCollation("C");
        builder.Property(u => u.Variant).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(u => u.VisitorId).HasMaxLength(ExperimentUnit.IdMaxLength).UseCollation("C");
        builder.Property(u => u.CustomerId).HasMaxLength(ExperimentUnit.IdMaxLength).UseCollation("C");
        builder.HasIndex(u => new { u.ExperimentId, u.Run, u.At }).HasDatabaseName("ix_experiment_units_run");
        builder.HasIndex(u => u.VisitorId).HasDatabaseName("ix_experiment_units_visitor");
        builder.HasIndex(u => u.CustomerId).HasFilter("customer_id IS NOT NULL").HasDatabaseName("ix_experiment_units_customer");
    }
}

internal sealed class ImpressionMapping : IEntityTypeConfiguration<Impression>
{
    public void Configure(EntityTypeBuilder<Impression> builder)
    {
        builder.ToTable("impressions").HasKey(i => i.Id);
        builder.Property(i => i.Id).UseIdentityAlwaysColumn();
        builder.Property(i => i.VisitorId).HasMaxLength(ExperimentUnit.IdMaxLength).UseCollation("C");
        builder.Property(i => i.CustomerId).HasMaxLength(ExperimentUnit.IdMaxLength).UseCollation("C");
        builder.Property(i => i.VisitId).HasMaxLength(ExperimentUnit.IdMaxLength).UseCollation("C");
        builder.Property(i => i.Placement).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(i => i.Playbook).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(i => i.Play).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");

        // Caps and keep ask for one visitor and customer; reports for a playbook; what is too old comes in the order of time.
        builder.HasIndex(i => new { i.VisitorId, i.At }).HasDatabaseName("ix_impressions_visitor");
        builder.HasIndex(i => new { i.CustomerId, i.At }).HasFilter("customer_id IS NOT NULL").HasDatabaseName("ix_impressions_customer");
        builder.HasIndex(i => new { i.Playbook, i.At }).HasDatabaseName("ix_impressions_playbook");
        builder.HasIndex(i => i.At).HasMethod("brin").HasDatabaseName("ix_impressions_at");
    }
}

internal sealed class VisitorLinkMapping : IEntityTypeConfiguration<VisitorLink>
{
    public void Configure(EntityTypeBuilder<VisitorLink> builder)
    {
        builder.ToTable("visitor_links").HasKey(l => l.VisitorId);
        builder.Property(l => l.VisitorId).HasMaxLength(ExperimentUnit.IdMaxLength).UseCollation("C");
        builder.Property(l => l.CustomerId).HasMaxLength(ExperimentUnit.IdMaxLength).UseCollation("C");
        builder.HasIndex(l => l.CustomerId).HasDatabaseName("ix_visitor_links_customer");
    }
}

internal sealed class ExposureReportMapping : IEntityTypeConfiguration<ExposureReport>
{
    public void Configure(EntityTypeBuilder<ExposureReport> builder)
    {
        builder.ToTable("exposure_reports").HasKey(r => new { r.VisitorId, r.Id });
        builder.Property(r => r.VisitorId).HasMaxLength(ExperimentUnit.IdMaxLength).UseCollation("C");
        builder.Property(r => r.Id).HasMaxLength(ExperimentUnit.IdMaxLength).UseCollation("C");
        builder.HasIndex(r => r.At).HasMethod("brin").HasDatabaseName("ix_exposure_reports_at");
    }
}
