using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <summary>The tables whose statistics are made anew the night after an erasure: all that may have held something of somebody.</summary>
    [DbContext(typeof(SegmentationDb))]
    [Migration("20261129070920_ErasedStatistics")]
    public partial class ErasedStatistics : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
            """
            CREATE OR REPLACE FUNCTION erasure_analyze() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
                AS $$ BEGIN
                    ANALYZE customers, events, consent_records, memberships, manual_members, erased_members, erasure_queue,
                        webhook_deliveries, membership_work, segment_versions, playbook_versions, experiment_versions, experiment_runs,
                        model_versions, analyses, idempotency, imports, import_rejections, visitor_links, experiment_units, impressions,
                        exposure_reports;
                END $$;
            """);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            // The longer list does no harm.
        }
    }
}
