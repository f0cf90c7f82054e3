using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <summary>
    /// The model no longer says where a column stands in its table: a new one would move all after it, and PostgreSQL can't move columns anyway.
    /// Tables stay as they are, so that there is nothing to do.
    /// </summary>
    public partial class ModelWithoutColumnOrder : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
        }
    }
}
