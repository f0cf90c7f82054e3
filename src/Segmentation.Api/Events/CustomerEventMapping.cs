using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Events;

internal sealed class CustomerEventMapping : IEntityTypeConfiguration<CustomerEvent>
{
    public void Configure(EntityTypeBuilder<CustomerEvent> builder)
    {
        builder.ToTable("events").HasKey(e => new { e.CustomerKey, e.Id });
        builder.Property(e => e.Id).HasMaxLength(CustomerEvent.IdMaxLength).UseCollation("C");
        builder.Property(e => e.Type).HasMaxLength(CustomerEvent.TypeMaxLength).UseCollation("C");
        builder.Property(e => e.TypeSent).HasMaxLength(CustomerEvent.TypeMaxLength);
        builder.Property(e => e.Channel).HasMaxLength(CustomerEvent.ChannelMaxLength);
        builder.Property(e => e.ChannelSent).HasMaxLength(CustomerEvent.ChannelMaxLength);
        builder.Property(e => e.Currency).HasMaxLength(CustomerEvent.CurrencyLength);
        builder.Property(e => e.SentimentSource).HasMaxLength(16).UseCollation("C");
        builder.HasOne(e => e.Customer).WithMany(c => c.Events).HasForeignKey(e => e.CustomerKey).OnDelete(DeleteBehavior.Cascade);

        // Windows over everybody, without the table; and one customer's events, or everybody's by customer.
        builder.HasIndex(e => new { e.Type, e.OccurredAt })
            .IncludeProperties(e => new { e.CustomerKey, e.Amount })
            .HasDatabaseName("ix_events_type");
        builder.HasIndex(e => new { e.CustomerKey, e.Type, e.OccurredAt })
            .IncludeProperties(nameof(CustomerEvent.Amount))
            .HasDatabaseName("ix_events_customer");

        // A customer's latest feedback, and everybody's.
        builder.HasIndex(e => new { e.CustomerKey, e.OccurredAt })
            .IncludeProperties(e => e.Sentiment!)
            .HasFilter("sentiment IS NOT NULL")
            .HasDatabaseName("ix_events_sentiment");
    }
}
