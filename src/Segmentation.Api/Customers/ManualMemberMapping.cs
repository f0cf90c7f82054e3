using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Customers;

internal sealed class ManualMemberMapping : IEntityTypeConfiguration<ManualMember>
{
    public void Configure(EntityTypeBuilder<ManualMember> builder)
    {
        builder.ToTable("manual_members").HasKey(m => new { m.SegmentId, m.CustomerKey });
        builder.HasOne(m => m.Customer).WithMany(c => c.ManualMemberships).HasForeignKey(m => m.CustomerKey)
            .OnDelete(DeleteBehavior.Cascade);
        builder.HasIndex(m => m.CustomerKey).HasDatabaseName("ix_manual_members_customer");
    }
}
