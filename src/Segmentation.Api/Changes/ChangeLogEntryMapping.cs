using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Changes;

internal sealed class ChangeLogEntryMapping : IEntityTypeConfiguration<ChangeLogEntry>
{
    public void Configure(EntityTypeBuilder<ChangeLogEntry> builder)
    {
        builder.ToTable("membership_work").HasKey(w => w.Id);
        builder.Property(w => w.Id).UseIdentityAlwaysColumn();
    }
}
