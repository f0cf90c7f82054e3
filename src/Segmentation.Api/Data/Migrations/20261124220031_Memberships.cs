using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Memberships : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "membership_batches",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    joined = table.Column<int>(type: "integer", nullable: false),
                    left = table.Column<int>(type: "integer", nullable: false),
                    segment_id = table.Column<int>(type: "integer", nullable: false),
                    size = table.Column<int>(type: "integer", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_membership_batches", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "membership_leader",
                columns: table => new
                {
                    single = table.Column<bool>(type: "boolean", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    kept_until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    ready_stamp = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_membership_leader", x => x.single);
                });

            migrationBuilder.CreateTable(
                name: "membership_states",
                columns: table => new
                {
                    segment_id = table.Column<int>(type: "integer", nullable: false),
                    cancel_requested = table.Column<bool>(type: "boolean", nullable: false),
                    drift_joined = table.Column<int>(type: "integer", nullable: true),
                    drift_left = table.Column<int>(type: "integer", nullable: true),
                    failures = table.Column<int>(type: "integer", nullable: false),
                    finished_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    progress = table.Column<double>(type: "double precision", nullable: false),
                    retry_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    size = table.Column<int>(type: "integer", nullable: false),
                    started_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    error = table.Column<string>(type: "text", nullable: true),
                    fingerprint = table.Column<string>(type: "text", nullable: true),
                    status = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_membership_states", x => x.segment_id);
                });

            migrationBuilder.CreateTable(
                name: "membership_work",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    created = table.Column<bool>(type: "boolean", nullable: false),
                    segment_id = table.Column<int>(type: "integer", nullable: true),
                    cause = table.Column<short>(type: "smallint", nullable: false),
                    changed = table.Column<string[]>(type: "text[]", nullable: true),
                    event_ids = table.Column<string[]>(type: "text[]", nullable: true),
                    event_types = table.Column<string[]>(type: "text[]", nullable: true),
                    keys = table.Column<long[]>(type: "bigint[]", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_membership_work", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "memberships",
                columns: table => new
                {
                    customer_key = table.Column<long>(type: "bigint", nullable: false),
                    segment_id = table.Column<int>(type: "integer", nullable: false),
                    joined_batch = table.Column<long>(type: "bigint", nullable: false),
                    left_batch = table.Column<long>(type: "bigint", nullable: true),
                    joined_cause = table.Column<short>(type: "smallint", nullable: false),
                    joined_event = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true),
                    left_cause = table.Column<short>(type: "smallint", nullable: true),
                    left_event = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_memberships", x => new { x.customer_key, x.segment_id, x.joined_batch });
                });

            migrationBuilder.CreateTable(
                name: "webhook_deliveries",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    attempts = table.Column<int>(type: "integer", nullable: false),
                    customer_key = table.Column<long>(type: "bigint", nullable: false),
                    done_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    joined = table.Column<bool>(type: "boolean", nullable: false),
                    last_status = table.Column<int>(type: "integer", nullable: true),
                    next_attempt_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    queued_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    segment_version = table.Column<int>(type: "integer", nullable: false),
                    webhook_key = table.Column<int>(type: "integer", nullable: false),
                    cause = table.Column<short>(type: "smallint", nullable: false),
                    customer_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    event_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true),
                    last_error = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: true),
                    message_id = table.Column<Guid>(type: "uuid", nullable: false),
                    segment_key = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    segment_name = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    state = table.Column<short>(type: "smallint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_webhook_deliveries", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "webhooks",
                columns: table => new
                {
                    key = table.Column<int>(type: "integer", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    enabled = table.Column<bool>(type: "boolean", nullable: false),
                    previous_secret_until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    description = table.Column<string>(type: "character varying(4000)", maxLength: 4000, nullable: true),
                    id = table.Column<string>(type: "character varying(36)", maxLength: 36, nullable: true, collation: "C"),
                    previous_secret = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true),
                    secret = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false),
                    segments = table.Column<string[]>(type: "text[]", nullable: false),
                    url = table.Column<string>(type: "character varying(2048)", maxLength: 2048, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_webhooks", x => x.key);
                });

            migrationBuilder.InsertData(
                table: "membership_leader",
                columns: new[] { "single", "epoch", "kept_until", "ready_stamp" },
                values: new object[] { true, 0L, new DateTimeOffset(new DateTime(1970, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)), null });

            migrationBuilder.CreateIndex(
                name: "ix_membership_batches_at",
                table: "membership_batches",
                column: "at");

            migrationBuilder.CreateIndex(
                name: "ix_membership_batches_segment",
                table: "membership_batches",
                columns: new[] { "segment_id", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_memberships_joined",
                table: "memberships",
                columns: new[] { "segment_id", "joined_batch", "customer_key" });

            migrationBuilder.CreateIndex(
                name: "ix_memberships_left",
                table: "memberships",
                columns: new[] { "segment_id", "left_batch", "customer_key" },
                filter: "left_batch IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ux_memberships_current",
                table: "memberships",
                columns: new[] { "segment_id", "customer_key" },
                unique: true,
                filter: "left_batch IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_webhook_deliveries_customer",
                table: "webhook_deliveries",
                columns: new[] { "customer_key", "webhook_key", "id" },
                filter: "state = 0");

            migrationBuilder.CreateIndex(
                name: "ix_webhook_deliveries_done",
                table: "webhook_deliveries",
                column: "done_at",
                filter: "done_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_webhook_deliveries_due",
                table: "webhook_deliveries",
                columns: new[] { "webhook_key", "next_attempt_at", "id" },
                filter: "state = 0");

            migrationBuilder.CreateIndex(
                name: "ix_webhook_deliveries_message",
                table: "webhook_deliveries",
                column: "message_id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_webhook_deliveries_state",
                table: "webhook_deliveries",
                columns: new[] { "webhook_key", "state", "id" });

            migrationBuilder.CreateIndex(
                name: "ux_webhooks_id",
                table: "webhooks",
                column: "id",
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "membership_batches");

            migrationBuilder.DropTable(
                name: "membership_leader");

            migrationBuilder.DropTable(
                name: "membership_states");

            migrationBuilder.DropTable(
                name: "membership_work");

            migrationBuilder.DropTable(
                name: "memberships");

            migrationBuilder.DropTable(
                name: "webhook_deliveries");

            migrationBuilder.DropTable(
                name: "webhooks");
        }
    }
}
