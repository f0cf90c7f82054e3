using System;
using System.Text.Json;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Scores : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "customer_scores",
                columns: table => new
                {
                    customer_key = table.Column<long>(type: "bigint", nullable: false),
                    scored_on = table.Column<DateOnly>(type: "date", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: true),
                    silence = table.Column<decimal>(type: "numeric", nullable: true),
                    alive_probability = table.Column<decimal>(type: "numeric", nullable: true),
                    churn_risk = table.Column<decimal>(type: "numeric", nullable: true),
                    orders30 = table.Column<decimal>(type: "numeric", nullable: true),
                    orders90 = table.Column<decimal>(type: "numeric", nullable: true),
                    orders365 = table.Column<decimal>(type: "numeric", nullable: true),
                    average_order_value = table.Column<decimal>(type: "numeric", nullable: true),
                    lifetime_value = table.Column<decimal>(type: "numeric", nullable: true),
                    value_percentile = table.Column<decimal>(type: "numeric", nullable: true),
                    propensities = table.Column<JsonElement>(type: "jsonb", nullable: true),
                    repeats = table.Column<int>(type: "integer", nullable: true),
                    recency_days = table.Column<int>(type: "integer", nullable: true),
                    age_days = table.Column<int>(type: "integer", nullable: true),
                    paid_repeats = table.Column<int>(type: "integer", nullable: true),
                    mean_amount = table.Column<decimal>(type: "numeric", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_customer_scores", x => x.customer_key);
                    table.ForeignKey(
                        name: "FK_customer_scores_customers_customer_key",
                        column: x => x.customer_key,
                        principalTable: "customers",
                        principalColumn: "key",
                        onDelete: ReferentialAction.Cascade);
                })
                .Annotation("Npgsql:StorageParameter:fillfactor", 50);

            migrationBuilder.CreateTable(
                name: "scoring_state",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false),
                    scored_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    models = table.Column<string>(type: "text", nullable: false),
                    writes = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_scoring_state", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "unscored_customers",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    keys = table.Column<long[]>(type: "bigint[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_unscored_customers", x => x.id);
                });

            migrationBuilder.InsertData(
                table: "scoring_state",
                columns: new[] { "id", "models", "scored_at", "writes" },
                values: new object[] { 1, "", null, 0L });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "customer_scores");

            migrationBuilder.DropTable(
                name: "scoring_state");

            migrationBuilder.DropTable(
                name: "unscored_customers");
        }
    }
}
