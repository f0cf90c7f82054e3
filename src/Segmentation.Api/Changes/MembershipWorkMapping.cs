using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Changes;

internal sealed class MembershipWorkMapping : IEntityTypeConfiguration<MembershipWork>
{
    public void Configure(EntityTypeBuilder<MembershipWork> builder)
    {
        builder.ToTable("membership_work").HasKey(w => w.Id);
        builder.Property(w => w.Id).UseIdentityAlwaysColumn();
    }
}
