using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <summary>Of which attributes an anonymous customer keeps its texts.</summary>
    [DbContext(typeof(SegmentationDb))]
    [Migration("20261129070600_KeepAnonymous")]
    public partial class KeepAnonymous : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.AddColumn<bool>(
            name: "keep_anonymous", table: "attributes", type: "boolean", nullable: false, defaultValue: false);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) =>
            migrationBuilder.DropColumn(name: "keep_anonymous", table: "attributes");
    }
}
