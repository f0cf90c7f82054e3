using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <summary>Models of propensity add fields: they are a part of the definitions, as attributes are.</summary>
    [DbContext(typeof(SegmentationDb))]
    [Migration("20261129040000_Propensities")]
    public partial class Propensities : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
            """
            CREATE TRIGGER definitions_changed AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE ON models
                FOR EACH STATEMENT EXECUTE FUNCTION seg_definitions_changed();
            """);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) =>
            migrationBuilder.Sql("DROP TRIGGER definitions_changed ON models;");
    }
}
