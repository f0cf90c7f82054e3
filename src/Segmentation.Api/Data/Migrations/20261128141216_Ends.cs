using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Ends : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AlterColumn<string>(
                name: "customer_id",
                table: "webhook_deliveries",
                type: "character varying(128)",
                maxLength: 128,
                nullable: true,
                collation: "C",
                oldClrType: typeof(string),
                oldType: "character varying(128)",
                oldMaxLength: 128,
                oldCollation: "C");

            migrationBuilder.AddColumn<string>(
                name: "erased_id",
                table: "membership_work",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "purged_until",
                table: "membership_leader",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "deleted_segments",
                columns: table => new
                {
                    segment_id = table.Column<int>(type: "integer", nullable: false),
                    key = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    name = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    batch = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_deleted_segments", x => x.segment_id);
                });

            migrationBuilder.CreateTable(
                name: "erased_members",
                columns: table => new
                {
                    segment_id = table.Column<int>(type: "integer", nullable: false),
                    left_batch = table.Column<long>(type: "bigint", nullable: false),
                    customer_key = table.Column<long>(type: "bigint", nullable: false),
                    customer_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true, collation: "C"),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_erased_members", x => new { x.segment_id, x.left_batch, x.customer_key });
                });

            migrationBuilder.UpdateData(
                table: "membership_leader",
                keyColumn: "single",
                keyValue: true,
                column: "purged_until",
                value: null);

            // What orders messages is made of the customer's id from now on, and no longer the customer's key.
            migrationBuilder.Sql("UPDATE webhook_deliveries SET customer_key = hashtextextended(customer_id, 0)");

            migrationBuilder.CreateIndex(
                name: "ix_webhook_deliveries_ends",
                table: "webhook_deliveries",
                column: "webhook_key",
                filter: "state = 0 AND customer_id IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_webhook_deliveries_erased",
                table: "webhook_deliveries",
                column: "queued_at",
                filter: "cause = 8");

            migrationBuilder.CreateIndex(
                name: "ix_webhook_deliveries_sent",
                table: "webhook_deliveries",
                column: "customer_key",
                filter: "state > 0");

            migrationBuilder.CreateIndex(
                name: "ix_deleted_segments_key",
                table: "deleted_segments",
                column: "key");

            migrationBuilder.CreateIndex(
                name: "ix_erased_members_named",
                table: "erased_members",
                column: "at",
                filter: "customer_id IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "deleted_segments");

            migrationBuilder.DropTable(
                name: "erased_members");

            migrationBuilder.DropIndex(
                name: "ix_webhook_deliveries_ends",
                table: "webhook_deliveries");

            migrationBuilder.DropIndex(
                name: "ix_webhook_deliveries_erased",
                table: "webhook_deliveries");

            migrationBuilder.DropIndex(
                name: "ix_webhook_deliveries_sent",
                table: "webhook_deliveries");

            migrationBuilder.DropColumn(
                name: "erased_id",
                table: "membership_work");

            migrationBuilder.DropColumn(
                name: "purged_until",
                table: "membership_leader");

            migrationBuilder.AlterColumn<string>(
                name: "customer_id",
                table: "webhook_deliveries",
                type: "character varying(128)",
                maxLength: 128,
                nullable: false,
                defaultValue: "",
                collation: "C",
                oldClrType: typeof(string),
                oldType: "character varying(128)",
                oldMaxLength: 128,
                oldNullable: true,
                oldCollation: "C");
        }
    }
}
