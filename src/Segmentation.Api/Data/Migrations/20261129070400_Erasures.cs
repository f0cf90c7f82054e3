using System;
using System.Text.Json;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Erasures : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "erasures",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    receipt = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false, collation: "C"),
                    kind = table.Column<int>(type: "integer", nullable: false),
                    requested_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    completed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    by = table.Column<string>(type: "text", nullable: false),
                    removed = table.Column<JsonElement>(type: "jsonb", nullable: false),
                    definitions = table.Column<string[]>(type: "text[]", nullable: false),
                    marks = table.Column<byte[][]>(type: "bytea[]", nullable: true),
                    is_analyzed = table.Column<bool>(type: "boolean", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_erasures", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "erased",
                columns: table => new
                {
                    id_hmac = table.Column<byte[]>(type: "bytea", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    erasure_id = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_erased", x => x.id_hmac);
                    table.ForeignKey(
                        name: "FK_erased_erasures_erasure_id",
                        column: x => x.erasure_id,
                        principalTable: "erasures",
                        principalColumn: "id",
                        onDelete: ReferentialAction.SetNull);
                });

            migrationBuilder.CreateTable(
                name: "erasure_queue",
                columns: table => new
                {
                    erasure_id = table.Column<long>(type: "bigint", nullable: false),
                    customer_key = table.Column<long>(type: "bigint", nullable: false),
                    order_key = table.Column<long>(type: "bigint", nullable: false),
                    has_events = table.Column<bool>(type: "boolean", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_erasure_queue", x => x.erasure_id);
                    table.ForeignKey(
                        name: "FK_erasure_queue_erasures_erasure_id",
                        column: x => x.erasure_id,
                        principalTable: "erasures",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_erased_at",
                table: "erased",
                column: "at");

            migrationBuilder.CreateIndex(
                name: "IX_erased_erasure_id",
                table: "erased",
                column: "erasure_id");

            migrationBuilder.CreateIndex(
                name: "ix_erasures_open",
                table: "erasures",
                column: "id",
                filter: "completed_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_erasures_unanalyzed",
                table: "erasures",
                column: "requested_at",
                filter: "NOT is_analyzed");

            migrationBuilder.CreateIndex(
                name: "ux_erasures_receipt",
                table: "erasures",
                column: "receipt",
                unique: true);

            // What statistics hold of those who were erased, only the tables' owner can have made anew.
            migrationBuilder.Sql(
                """
                CREATE FUNCTION erasure_analyze() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
                    AS $$ BEGIN
                        ANALYZE customers, events, consent_records, memberships, manual_members, erased_members, webhook_deliveries,
                            segment_versions, playbook_versions, experiment_versions, idempotency, import_rejections, visitor_links,
                            experiment_units, impressions, exposure_reports;
                    END $$;
                REVOKE ALL ON FUNCTION erasure_analyze() FROM PUBLIC;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("DROP FUNCTION erasure_analyze()");

            migrationBuilder.DropTable(
                name: "erased");

            migrationBuilder.DropTable(
                name: "erasure_queue");

            migrationBuilder.DropTable(
                name: "erasures");
        }
    }
}
