using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class ExperimentsOfDecisions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
            """
            CREATE TRIGGER decisions_changed AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE ON experiments
                FOR EACH STATEMENT EXECUTE FUNCTION seg_touch_decisions();
            CREATE TRIGGER decisions_changed AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE ON experiment_runs
                FOR EACH STATEMENT EXECUTE FUNCTION seg_touch_decisions();
            """);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
            "DROP TRIGGER decisions_changed ON experiments; DROP TRIGGER decisions_changed ON experiment_runs");
    }
}
