using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Webhooks;

internal sealed class WebhookMapping : IEntityTypeConfiguration<Webhook>
{
    public void Configure(EntityTypeBuilder<Webhook> builder)
    {
        builder.ToTable("webhooks").HasKey(w => w.Key);
        builder.Property(w => w.Key).UseIdentityAlwaysColumn();
        builder.Property(w => w.Id).HasMaxLength(36).UseCollation("C");
        builder.Property(w => w.Url).HasMaxLength(Webhook.UrlMaxLength);
        builder.Property(w => w.Secret).HasMaxLength(Webhook.SecretMaxLength);
        builder.Property(w => w.PreviousSecret).HasMaxLength(Webhook.SecretMaxLength);
        builder.Property(w => w.DisabledReason).HasMaxLength(Webhook.ReasonMaxLength);
        builder.Property(w => w.Description).HasMaxLength(Webhook.DescriptionMaxLength);
        builder.Property(w => w.Version).IsConcurrencyToken();
        builder.HasIndex(w => w.Id).IsUnique().HasDatabaseName(Webhook.IdIndex);
    }
}

// No foreign keys, as in memberships; the sweep deletes the messages of a deleted webhook.
internal sealed class WebhookDeliveryMapping : IEntityTypeConfiguration<WebhookDelivery>
{
    public void Configure(EntityTypeBuilder<WebhookDelivery> builder)
    {
        builder.ToTable("webhook_deliveries").HasKey(d => d.Id);
        builder.Property(d => d.Id).UseIdentityAlwaysColumn();
        builder.Property(d => d.OrderKey).HasColumnName("customer_key");
        builder.Property(d => d.CustomerId).HasMaxLength(Customer.IdMaxLength).UseCollation("C");
        builder.Property(d => d.SegmentKey).HasMaxLength(Segment.KeyMaxLength).UseCollation("C");
        builder.Property(d => d.SegmentName).HasMaxLength(Segment.NameMaxLength);
        builder.Property(d => d.EventId).HasMaxLength(CustomerEvent.IdMaxLength);
        builder.Property(d => d.LastError).HasMaxLength(WebhookDelivery.ErrorMaxLength);

        // Messages that are due; those that a customer's later ones wait for; ends of segments, which all later ones wait for; lists and
        // counts; a message by its id; retention; a customer's that were sent, and its last ones, when it was erased.
        builder.HasIndex(d => new { d.WebhookKey, d.NextAttemptAt, d.Id }).HasFilter("state = 0")
            .HasDatabaseName("ix_webhook_deliveries_due");
        builder.HasIndex(d => new { d.OrderKey, d.WebhookKey, d.Id }).HasFilter("state = 0")
            .HasDatabaseName("ix_webhook_deliveries_customer");
        builder.HasIndex(d => d.WebhookKey).HasFilter("state = 0 AND customer_id IS NULL").HasDatabaseName("ix_webhook_deliveries_ends");
        builder.HasIndex(d => new { d.WebhookKey, d.State, d.Id }).HasDatabaseName("ix_webhook_deliveries_state");
        builder.HasIndex(d => d.MessageId).IsUnique().HasDatabaseName("ix_webhook_deliveries_message");
        builder.HasIndex(d => d.DoneAt).HasFilter("done_at IS NOT NULL").HasDatabaseName("ix_webhook_deliveries_done");
        builder.HasIndex(d => d.OrderKey).HasFilter("state > 0").HasDatabaseName("ix_webhook_deliveries_sent");
        builder.HasIndex(d => d.QueuedAt).HasFilter("cause = 8").HasDatabaseName("ix_webhook_deliveries_erased");
    }
}
