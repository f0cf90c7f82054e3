using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Customers;

/// <summary>How many customers there are.</summary>
public sealed class CustomerTotal
{
    public long Customers { get; set; }
}

internal sealed class CustomerTotalMapping : IEntityTypeConfiguration<CustomerTotal>
{
    public void Configure(EntityTypeBuilder<CustomerTotal> builder) => builder.HasNoKey().ToView("customer_total");
}
