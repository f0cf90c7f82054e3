using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Customers;

// A trigger moves definition_stamp when a row is added.
internal sealed class RfmThresholdsMapping : IEntityTypeConfiguration<RfmThresholds>
{
    public void Configure(EntityTypeBuilder<RfmThresholds> builder)
    {
        builder.ToTable("rfm_thresholds").HasKey(t => t.Id);
        builder.Property(t => t.Id).UseIdentityAlwaysColumn();
        builder.Ignore(t => t.Exist);
    }
}
