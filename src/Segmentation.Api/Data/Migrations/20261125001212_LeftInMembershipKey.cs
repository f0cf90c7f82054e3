using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class LeftInMembershipKey : Migration
    {
        // A customer's segments are asked for more often than anything else: with left_batch in the key's index the table is not read for them, as
        // long as it is vacuumed; so that is done sooner than by default.
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
            ALTER TABLE memberships DROP CONSTRAINT "PK_memberships";
            ALTER TABLE memberships ADD CONSTRAINT "PK_memberships" PRIMARY KEY (customer_key, segment_id, joined_batch) INCLUDE (left_batch);
            ALTER TABLE memberships SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
            """);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
            ALTER TABLE memberships RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor);
            ALTER TABLE memberships DROP CONSTRAINT "PK_memberships";
            ALTER TABLE memberships ADD CONSTRAINT "PK_memberships" PRIMARY KEY (customer_key, segment_id, joined_batch);
            """);
    }
}
