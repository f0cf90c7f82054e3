using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Customers;

internal sealed class CustomerMapping : IEntityTypeConfiguration<Customer>
{
    private const string Pattern = "text_pattern_ops";

    public void Configure(EntityTypeBuilder<Customer> builder)
    {
        // Room on each page for the counters' next version: an update that changes no index then stays on its page.
        builder.ToTable("customers").HasKey(c => c.Key);
        builder.Metadata.AddAnnotation("Npgsql:StorageParameter:fillfactor", 85);
        builder.Property(c => c.Key).UseIdentityAlwaysColumn();
        builder.Property(c => c.Id).IsRequired().HasMaxLength(Customer.IdMaxLength).UseCollation("C");
        builder.Property(c => c.Email).HasMaxLength(Customer.EmailMaxLength);
        builder.Property(c => c.FirstName).HasMaxLength(Customer.TextMaxLength);
        builder.Property(c => c.LastName).HasMaxLength(Customer.TextMaxLength);
        builder.Property(c => c.Version).IsConcurrencyToken();
        builder.Ignore(c => c.Rank);
        builder.Ignore(c => c.MemberOf);
        builder.ComplexProperty(c => c.Demographic);
        builder.ComplexProperty(c => c.Geographic);
        builder.ComplexProperty(c => c.Psychographic);
        builder.ComplexProperty(c => c.Forgotten);

        builder.Property(c => c.RestrictionReason).HasMaxLength(Customer.ReasonMaxLength);
        builder.HasMany(c => c.ConsentRecords).WithOne().HasForeignKey(r => r.CustomerKey).OnDelete(DeleteBehavior.Cascade);
        builder.Navigation(c => c.Scores).AutoInclude();

        builder.HasIndex(c => c.Id).IsUnique().HasDatabaseName(Customer.IdIndex);

        // For what begins with a text, whatever the database's collation; equality they serve as well.
        builder.HasIndex(c => c.IdFolded).HasDatabaseName("ix_customers_id_folded").HasOperators(Pattern);
        builder.HasIndex(c => c.EmailFolded).HasDatabaseName("ix_customers_email").HasOperators(Pattern)
            .HasFilter("email_folded IS NOT NULL");
        builder.HasIndex(c => c.FirstNameFolded).HasDatabaseName("ix_customers_first_name").HasOperators(Pattern)
            .HasFilter("first_name_folded IS NOT NULL");
        builder.HasIndex(c => c.LastNameFolded).HasDatabaseName("ix_customers_last_name").HasOperators(Pattern)
            .HasFilter("last_name_folded IS NOT NULL");

        builder.HasIndex(c => c.Key).HasDatabaseName("ix_customers_restricted").HasFilter("restricted_at IS NOT NULL");

        // Serves percentiles. The only index on what events change.
        builder.HasIndex(c => c.LifetimeValue).HasDatabaseName("ix_customers_lifetime_value");
    }
}
