using System;
using System.Text.Json;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Experiments : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "experiment_units",
                columns: table => new
                {
                    experiment_id = table.Column<int>(type: "integer", nullable: false),
                    run = table.Column<int>(type: "integer", nullable: false),
                    unit = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    variant = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    visitor_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    customer_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_experiment_units", x => new { x.unit, x.experiment_id, x.run });
                });

            migrationBuilder.CreateTable(
                name: "experiments",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    key = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    definition = table.Column<JsonElement>(type: "jsonb", nullable: false),
                    status = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false),
                    run = table.Column<int>(type: "integer", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_experiments", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "exposure_reports",
                columns: table => new
                {
                    visitor_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_exposure_reports", x => new { x.visitor_id, x.id });
                });

            migrationBuilder.CreateTable(
                name: "impressions",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    visitor_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    customer_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true, collation: "C"),
                    visit_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true, collation: "C"),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    placement = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    playbook = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    version = table.Column<int>(type: "integer", nullable: false),
                    play = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_impressions", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "visitor_links",
                columns: table => new
                {
                    visitor_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    customer_id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_visitor_links", x => x.visitor_id);
                });

            migrationBuilder.CreateTable(
                name: "experiment_runs",
                columns: table => new
                {
                    experiment_id = table.Column<int>(type: "integer", nullable: false),
                    run = table.Column<int>(type: "integer", nullable: false),
                    started_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    stopped_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    winner = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: true, collation: "C"),
                    reason = table.Column<string>(type: "character varying(4000)", maxLength: 4000, nullable: true),
                    definition = table.Column<JsonElement>(type: "jsonb", nullable: false),
                    max_coverage = table.Column<double>(type: "double precision", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_experiment_runs", x => new { x.experiment_id, x.run });
                    table.ForeignKey(
                        name: "FK_experiment_runs_experiments_experiment_id",
                        column: x => x.experiment_id,
                        principalTable: "experiments",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "experiment_versions",
                columns: table => new
                {
                    experiment_id = table.Column<int>(type: "integer", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    definition = table.Column<JsonElement>(type: "jsonb", nullable: false),
                    changed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    changed_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_experiment_versions", x => new { x.experiment_id, x.version });
                    table.ForeignKey(
                        name: "FK_experiment_versions_experiments_experiment_id",
                        column: x => x.experiment_id,
                        principalTable: "experiments",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_experiment_units_customer",
                table: "experiment_units",
                column: "customer_id",
                filter: "customer_id IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_experiment_units_run",
                table: "experiment_units",
                columns: new[] { "experiment_id", "run", "at" });

            migrationBuilder.CreateIndex(
                name: "ix_experiment_units_visitor",
                table: "experiment_units",
                column: "visitor_id");

            migrationBuilder.CreateIndex(
                name: "ux_experiments_key",
                table: "experiments",
                column: "key",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_exposure_reports_at",
                table: "exposure_reports",
                column: "at")
                .Annotation("Npgsql:IndexMethod", "brin");

            migrationBuilder.CreateIndex(
                name: "ix_impressions_at",
                table: "impressions",
                column: "at")
                .Annotation("Npgsql:IndexMethod", "brin");

            migrationBuilder.CreateIndex(
                name: "ix_impressions_customer",
                table: "impressions",
                columns: new[] { "customer_id", "at" },
                filter: "customer_id IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_impressions_playbook",
                table: "impressions",
                columns: new[] { "playbook", "at" });

            migrationBuilder.CreateIndex(
                name: "ix_impressions_visitor",
                table: "impressions",
                columns: new[] { "visitor_id", "at" });

            migrationBuilder.CreateIndex(
                name: "ix_visitor_links_customer",
                table: "visitor_links",
                column: "customer_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "experiment_runs");

            migrationBuilder.DropTable(
                name: "experiment_units");

            migrationBuilder.DropTable(
                name: "experiment_versions");

            migrationBuilder.DropTable(
                name: "exposure_reports");

            migrationBuilder.DropTable(
                name: "impressions");

            migrationBuilder.DropTable(
                name: "visitor_links");

            migrationBuilder.DropTable(
                name: "experiments");
        }
    }
}
