using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class MembershipIndexesByCustomer : Migration
    {
        // Current stays by customer in an index of their own: 24 bytes each in place of the 40 that the key took with the past in it. Whoever joined in
        // which batch is the key now. As many entries are written for a change as before.
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
            ALTER TABLE memberships DROP CONSTRAINT "PK_memberships";
            DROP INDEX ix_memberships_joined;
            ALTER TABLE memberships ADD CONSTRAINT "PK_memberships" PRIMARY KEY (segment_id, joined_batch, customer_key);
            CREATE INDEX ix_memberships_customer ON memberships (customer_key, segment_id) WHERE left_batch IS NULL;
            CREATE INDEX ix_memberships_customer_left ON memberships (customer_key, left_batch) WHERE left_batch IS NOT NULL;
            """);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
            DROP INDEX ix_memberships_customer;
            DROP INDEX ix_memberships_customer_left;
            ALTER TABLE memberships DROP CONSTRAINT "PK_memberships";
            ALTER TABLE memberships ADD CONSTRAINT "PK_memberships" PRIMARY KEY (customer_key, segment_id, joined_batch) INCLUDE (left_batch);
            CREATE INDEX ix_memberships_joined ON memberships (segment_id, joined_batch, customer_key);
            """);
    }
}
