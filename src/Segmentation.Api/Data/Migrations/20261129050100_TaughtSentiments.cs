using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class TaughtSentiments : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "model_weights",
                columns: table => new
                {
                    model_key = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    version = table.Column<int>(type: "integer", nullable: false),
                    weights = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_model_weights", x => new { x.model_key, x.version });
                    table.ForeignKey(
                        name: "FK_model_weights_model_versions_model_key_version",
                        columns: x => new { x.model_key, x.version },
                        principalTable: "model_versions",
                        principalColumns: new[] { "model_key", "version" },
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "sentiment_model",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: true),
                    weights = table.Column<byte[]>(type: "bytea", nullable: true),
                    changes = table.Column<long>(type: "bigint", nullable: false),
                    rewritten_to = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_sentiment_model", x => x.id);
                });

            migrationBuilder.InsertData(
                table: "sentiment_model",
                columns: new[] { "id", "changes", "rewritten_to", "version", "weights" },
                values: new object[] { 1, 0L, null, null, null });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "model_weights");

            migrationBuilder.DropTable(
                name: "sentiment_model");
        }
    }
}
