using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <summary>Finds those few who are restricted, whom models leave out.</summary>
    [DbContext(typeof(SegmentationDb))]
    [Migration("20261130070100_RestrictedIndex")]
    public partial class RestrictedIndex : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.CreateIndex(
            name: "ix_customers_restricted", table: "customers", column: "key", filter: "restricted_at IS NOT NULL");

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) =>
            migrationBuilder.DropIndex(name: "ix_customers_restricted", table: "customers");
    }
}
