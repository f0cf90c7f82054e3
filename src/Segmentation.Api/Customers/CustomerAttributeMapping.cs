using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Customers;

internal sealed class CustomerAttributeMapping : IEntityTypeConfiguration<CustomerAttribute>
{
    public void Configure(EntityTypeBuilder<CustomerAttribute> builder)
    {
        builder.ToTable("attributes").HasKey(a => a.Name);
        builder.Property(a => a.Name).HasMaxLength(63).UseCollation("C");
        builder.Property(a => a.Type).HasMaxLength(16);
        builder.Property(a => a.Kind).HasMaxLength(16);
        builder.Property(a => a.Label).HasMaxLength(CustomerAttribute.LabelMaxLength);
        builder.Property(a => a.Description).HasMaxLength(CustomerAttribute.DescriptionMaxLength);
    }
}
