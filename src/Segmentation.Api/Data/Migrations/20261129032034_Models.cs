using System;
using System.Text.Json;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Models : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "model_versions",
                columns: table => new
                {
                    model_key = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    version = table.Column<int>(type: "integer", nullable: false),
                    in_force = table.Column<bool>(type: "boolean", nullable: false),
                    fitted_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    as_of = table.Column<DateOnly>(type: "date", nullable: false),
                    pinned = table.Column<bool>(type: "boolean", nullable: false),
                    settings = table.Column<JsonElement>(type: "json", nullable: false),
                    data = table.Column<JsonElement>(type: "json", nullable: false),
                    parameters = table.Column<JsonElement>(type: "json", nullable: false),
                    report = table.Column<JsonElement>(type: "json", nullable: false),
                    warnings = table.Column<JsonElement>(type: "json", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_model_versions", x => new { x.model_key, x.version });
                });

            migrationBuilder.CreateTable(
                name: "models",
                columns: table => new
                {
                    key = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    settings = table.Column<JsonElement>(type: "jsonb", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_models", x => x.key);
                });

            migrationBuilder.CreateIndex(
                name: "ux_model_versions_in_force",
                table: "model_versions",
                column: "model_key",
                unique: true,
                filter: "in_force");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "model_versions");

            migrationBuilder.DropTable(
                name: "models");
        }
    }
}
