using System;
using System.Text.Json;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class ScoreCopies : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "score_copies",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    model_key = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    version = table.Column<int>(type: "integer", nullable: false),
                    pinned = table.Column<bool>(type: "boolean", nullable: false),
                    scored_on = table.Column<DateOnly>(type: "date", nullable: false),
                    known_until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    told_until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    settings = table.Column<JsonElement>(type: "json", nullable: false),
                    parameters = table.Column<JsonElement>(type: "json", nullable: true),
                    result = table.Column<JsonElement>(type: "json", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_score_copies", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "score_copy_parts",
                columns: table => new
                {
                    copy_id = table.Column<long>(type: "bigint", nullable: false),
                    part = table.Column<long>(type: "bigint", nullable: false),
                    customers = table.Column<long[]>(type: "bigint[]", nullable: false),
                    probabilities = table.Column<float[]>(type: "real[]", nullable: true),
                    repeats = table.Column<int[]>(type: "integer[]", nullable: true),
                    recency_days = table.Column<int[]>(type: "integer[]", nullable: true),
                    age_days = table.Column<int[]>(type: "integer[]", nullable: true),
                    paid_repeats = table.Column<int[]>(type: "integer[]", nullable: true),
                    mean_amounts = table.Column<float[]>(type: "real[]", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_score_copy_parts", x => new { x.copy_id, x.part });
                    table.ForeignKey(
                        name: "FK_score_copy_parts_score_copies_copy_id",
                        column: x => x.copy_id,
                        principalTable: "score_copies",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "IX_score_copies_model_key_told_until",
                table: "score_copies",
                columns: new[] { "model_key", "told_until" });

            migrationBuilder.CreateIndex(
                name: "IX_score_copy_parts_part",
                table: "score_copy_parts",
                column: "part");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "score_copy_parts");

            migrationBuilder.DropTable(
                name: "score_copies");
        }
    }
}
