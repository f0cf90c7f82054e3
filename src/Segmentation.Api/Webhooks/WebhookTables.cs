using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Webhooks;

/// <summary>The tables of webhooks.</summary>
internal static class WebhookTables
{
    extension(SegmentationDb db)
    {
        public DbSet<Webhook> Webhooks => db.Set<Webhook>();
        public DbSet<WebhookDelivery> WebhookDeliveries => db.Set<WebhookDelivery>();

        /// <summary>The messages about a customer, after one of them; found by what orders them.</summary>
        public IQueryable<WebhookDelivery> MessagesAbout(string customerId, long after) => db.WebhookDeliveries.FromSql(
            $"""
            SELECT * FROM webhook_deliveries
            WHERE customer_key = hashtextextended({customerId} COLLATE "C", 0) AND customer_id = {customerId} AND id > {after}
            """);
    }
}
