using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

// No foreign keys: checking each of millions of rows costs as much as writing it. The maintainer removes what has
// lost its segment or customer.
internal sealed class MembershipPeriodMapping : IEntityTypeConfiguration<MembershipPeriod>
{
    public void Configure(EntityTypeBuilder<MembershipPeriod> builder)
    {
        builder.ToTable("memberships").HasKey(m => new { m.SegmentId, m.JoinedRevision, m.CustomerKey });
        builder.Property(m => m.JoinedRevision).HasColumnName("joined_batch");
        builder.Property(m => m.LeftRevision).HasColumnName("left_batch");
        builder.Property(m => m.JoinedEvent).HasMaxLength(CustomerEvent.IdMaxLength);
        builder.Property(m => m.LeftEvent).HasMaxLength(CustomerEvent.IdMaxLength);

        // By segment: its members in the order of pages; who joined (the key) and who left in the order of time, and within a revision in
        // that of pages, since one revision can have all members.
        builder.HasIndex(m => new { m.SegmentId, m.CustomerKey })
            .IsUnique()
            .HasFilter("left_batch IS NULL")
            .HasDatabaseName("ux_memberships_current");
        builder.HasIndex(m => new { m.SegmentId, m.LeftRevision, m.CustomerKey })
            .HasFilter("left_batch IS NOT NULL")
            .HasDatabaseName("ix_memberships_left");

        // By customer: the segments of one, now and before. Each membership period is in one of the two: a query by
        // customer has to name one, or both.
        builder.HasIndex(m => new { m.CustomerKey, m.SegmentId })
            .HasFilter("left_batch IS NULL")
            .HasDatabaseName("ix_memberships_customer");
        builder.HasIndex(m => new { m.CustomerKey, m.LeftRevision })
            .HasFilter("left_batch IS NOT NULL")
            .HasDatabaseName("ix_memberships_customer_left");
    }
}

internal sealed class MembershipRevisionMapping : IEntityTypeConfiguration<MembershipRevision>
{
    public void Configure(EntityTypeBuilder<MembershipRevision> builder)
    {
        builder.ToTable("membership_batches").HasKey(b => b.Id);
        builder.Property(b => b.Id).UseIdentityAlwaysColumn();
        builder.HasIndex(b => new { b.SegmentId, b.Id }).HasDatabaseName("ix_membership_batches_segment");

        // From instants to revisions.
        builder.HasIndex(b => b.At).HasDatabaseName("ix_membership_batches_at");
    }
}

internal sealed class ErasedMemberMapping : IEntityTypeConfiguration<ErasedMember>
{
    public void Configure(EntityTypeBuilder<ErasedMember> builder)
    {
        builder.ToTable("erased_members").HasKey(e => new { e.SegmentId, e.LeftRevision, e.CustomerKey });
        builder.Property(e => e.LeftRevision).HasColumnName("left_batch");
        builder.Property(e => e.CustomerId).HasMaxLength(Customer.IdMaxLength).UseCollation("C");
        builder.HasIndex(e => e.At).HasFilter("customer_id IS NOT NULL").HasDatabaseName("ix_erased_members_named");
    }
}

internal sealed class MembershipStateMapping : IEntityTypeConfiguration<MembershipState>
{
    public void Configure(EntityTypeBuilder<MembershipState> builder)
    {
        builder.ToTable("membership_states").HasKey(s => s.SegmentId);
        builder.Property(s => s.SegmentId).ValueGeneratedNever();
        builder.Property(s => s.Status).HasConversion<string>().HasMaxLength(16);
    }
}

internal sealed class MembershipLeaderMapping : IEntityTypeConfiguration<MembershipLeader>
{
    public void Configure(EntityTypeBuilder<MembershipLeader> builder)
    {
        builder.ToTable("membership_leader").HasKey(l => l.Single);
        builder.Property(l => l.Single).ValueGeneratedNever();
        builder.Property(l => l.FencingToken).HasColumnName("epoch");
        builder.Property(l => l.Watermark).HasColumnName("kept_until");
        builder.Property(l => l.ReadyVersion).HasColumnName("ready_stamp");
        builder.HasData(new MembershipLeader { Single = true, FencingToken = 0, Watermark = DateTimeOffset.UnixEpoch });
    }
}
