using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Rfm : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "rfm_thresholds",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    computed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    customers = table.Column<long>(type: "bigint", nullable: false),
                    last_order_at = table.Column<DateTimeOffset?[]>(type: "timestamp with time zone[]", nullable: false),
                    order_count = table.Column<int?[]>(type: "integer[]", nullable: false),
                    lifetime_value = table.Column<decimal?[]>(type: "numeric[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_rfm_thresholds", x => x.id);
                });
            migrationBuilder.Sql(
                """
                CREATE TRIGGER definitions_changed AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE ON rfm_thresholds
                    FOR EACH STATEMENT EXECUTE FUNCTION seg_definitions_changed();
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "rfm_thresholds");
        }
    }
}
