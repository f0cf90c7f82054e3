using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <summary>Of which visitors impressions are left to be deleted behind an erasure.</summary>
    [DbContext(typeof(SegmentationDb))]
    [Migration("20261129070910_QueuedImpressions")]
    public partial class QueuedImpressions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string[]>(name: "visitors", table: "erasure_queue", type: "text[]", nullable: true);
            migrationBuilder.AddColumn<long>(name: "last_impression", table: "erasure_queue", type: "bigint", nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(name: "visitors", table: "erasure_queue");
            migrationBuilder.DropColumn(name: "last_impression", table: "erasure_queue");
        }
    }
}
