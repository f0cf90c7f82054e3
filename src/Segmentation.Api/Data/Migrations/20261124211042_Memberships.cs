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

            migrationBuilder.InsertData(
                table: "membership_leader",
                columns: new[] { "single", "epoch", "kept_until", "ready_stamp" },
                values: new object[] { true, 0L, new DateTimeOffset(new DateTime(1970, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)), null });

            migrationBuilder.CreateIndex(
                name: "ix_membership_batches_segment",
                table: "membership_batches",
                columns: new[] { "segment_id", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_memberships_joined",
                table: "memberships",
                columns: new[] { "segment_id", "joined_batch" });

            migrationBuilder.CreateIndex(
                name: "ix_memberships_left",
                table: "memberships",
                columns: new[] { "segment_id", "left_batch" },
                filter: "left_batch IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ux_memberships_current",
                table: "memberships",
                columns: new[] { "segment_id", "customer_key" },
                unique: true,
                filter: "left_batch IS NULL");
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
        }
    }
}
