using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <summary>Whom the rejected lines of imports name, so that they go with them. Those that are there already have their 7 days.</summary>
    [DbContext(typeof(SegmentationDb))]
    [Migration("20261129070900_RejectedLineMentions")]
    public partial class RejectedLineMentions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long[]>(
                name: "mentions", table: "import_rejections", type: "bigint[]", nullable: false, defaultValue: new long[0]);
            migrationBuilder.CreateIndex(
                name: "ix_import_rejections_mentions", table: "import_rejections", column: "mentions")
                .Annotation("Npgsql:IndexMethod", "gin");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(name: "ix_import_rejections_mentions", table: "import_rejections");
            migrationBuilder.DropColumn(name: "mentions", table: "import_rejections");
        }
    }
}
