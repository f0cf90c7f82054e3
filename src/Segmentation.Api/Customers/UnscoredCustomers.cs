using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Customers;

/// <summary>
/// Customers to be scored anew: whoever stores events appends them in the same transaction, so that neither an event nor the need to score
/// its customer is lost. Scoring deletes what it has done.
/// </summary>
public sealed class UnscoredCustomers
{
    public long Id { get; set; }

    /// <summary>Their keys, of which one may no longer be anybody's.</summary>
    public long[] Keys { get; set; } = [];

    /// <summary>SQL that appends the customers of stored events.</summary>
    /// <param name="stored">Rows with <c>customer_key</c>.</param>
    internal static string AppendSql(string stored) =>
        $"INSERT INTO unscored_customers (keys) SELECT array_agg(DISTINCT customer_key) FROM {stored} HAVING count(*) > 0";
}

internal sealed class UnscoredCustomersMapping : IEntityTypeConfiguration<UnscoredCustomers>
{
    public void Configure(EntityTypeBuilder<UnscoredCustomers> builder)
    {
        builder.ToTable("unscored_customers").HasKey(u => u.Id);
        builder.Property(u => u.Id).UseIdentityAlwaysColumn();
    }
}
