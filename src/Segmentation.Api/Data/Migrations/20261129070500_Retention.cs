using System;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <summary>What events added up to that are no longer kept, and from when on they are.</summary>
    [DbContext(typeof(SegmentationDb))]
    [Migration("20261129070500_Retention")]
    public partial class Retention : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<int>(name: "forgotten_event_count", table: "customers", type: "integer", nullable: true);
            migrationBuilder.AddColumn<DateTimeOffset>(name: "forgotten_first_order_at", table: "customers", type: "timestamp with time zone", nullable: true);
            migrationBuilder.AddColumn<DateTimeOffset>(name: "forgotten_last_event_at", table: "customers", type: "timestamp with time zone", nullable: true);
            migrationBuilder.AddColumn<DateTimeOffset>(name: "forgotten_last_feedback_at", table: "customers", type: "timestamp with time zone", nullable: true);
            migrationBuilder.AddColumn<DateTimeOffset>(name: "forgotten_last_order_at", table: "customers", type: "timestamp with time zone", nullable: true);
            migrationBuilder.AddColumn<decimal>(name: "forgotten_lifetime_value", table: "customers", type: "numeric", nullable: true);
            migrationBuilder.AddColumn<decimal>(name: "forgotten_order_amount", table: "customers", type: "numeric", nullable: true);
            migrationBuilder.AddColumn<int>(name: "forgotten_order_count", table: "customers", type: "integer", nullable: true);
            migrationBuilder.Sql("""
                CREATE TABLE event_horizon (id boolean PRIMARY KEY CHECK (id), deleted_before timestamptz NOT NULL);

                CREATE OR REPLACE FUNCTION seg_lifetime_values_at(as_of timestamptz, orders text[], refunds text[]) RETURNS TABLE (customer_key bigint, lifetime_value numeric) LANGUAGE sql STABLE PARALLEL SAFE AS $$
                    SELECT c.key, coalesce(c.forgotten_lifetime_value, 0) + coalesce(e.total, 0) FROM customers c LEFT JOIN (
                        SELECT customer_key,
                            sum(CASE WHEN type = ANY (orders) THEN coalesce(amount, 0) ELSE 0 END - CASE WHEN type = ANY (refunds) THEN abs(coalesce(amount, 0)) ELSE 0 END) AS total
                        FROM events WHERE type = ANY (orders || refunds) AND occurred_at <= as_of GROUP BY customer_key) e ON e.customer_key = c.key $$;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("""
                DROP TABLE event_horizon;

                CREATE OR REPLACE FUNCTION seg_lifetime_values_at(as_of timestamptz, orders text[], refunds text[]) RETURNS TABLE (customer_key bigint, lifetime_value numeric) LANGUAGE sql STABLE PARALLEL SAFE AS $$
                    SELECT c.key, coalesce(e.total, 0) FROM customers c LEFT JOIN (
                        SELECT customer_key,
                            sum(CASE WHEN type = ANY (orders) THEN coalesce(amount, 0) ELSE 0 END - CASE WHEN type = ANY (refunds) THEN abs(coalesce(amount, 0)) ELSE 0 END) AS total
                        FROM events WHERE type = ANY (orders || refunds) AND occurred_at <= as_of GROUP BY customer_key) e ON e.customer_key = c.key $$;
                """);
            migrationBuilder.DropColumn(name: "forgotten_event_count", table: "customers");
            migrationBuilder.DropColumn(name: "forgotten_first_order_at", table: "customers");
            migrationBuilder.DropColumn(name: "forgotten_last_event_at", table: "customers");
            migrationBuilder.DropColumn(name: "forgotten_last_feedback_at", table: "customers");
            migrationBuilder.DropColumn(name: "forgotten_last_order_at", table: "customers");
            migrationBuilder.DropColumn(name: "forgotten_lifetime_value", table: "customers");
            migrationBuilder.DropColumn(name: "forgotten_order_amount", table: "customers");
            migrationBuilder.DropColumn(name: "forgotten_order_count", table: "customers");
        }
    }
}
