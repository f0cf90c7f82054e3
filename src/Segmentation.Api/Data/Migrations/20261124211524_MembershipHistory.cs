using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class MembershipHistory : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_memberships_joined",
                table: "memberships");

            migrationBuilder.DropIndex(
                name: "ix_memberships_left",
                table: "memberships");

            migrationBuilder.CreateIndex(
                name: "ix_memberships_joined",
                table: "memberships",
                columns: new[] { "segment_id", "joined_batch", "customer_key" });

            migrationBuilder.CreateIndex(
                name: "ix_memberships_left",
                table: "memberships",
                columns: new[] { "segment_id", "left_batch", "customer_key" },
                filter: "left_batch IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_membership_batches_at",
                table: "membership_batches",
                column: "at");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_memberships_joined",
                table: "memberships");

            migrationBuilder.DropIndex(
                name: "ix_memberships_left",
                table: "memberships");

            migrationBuilder.DropIndex(
                name: "ix_membership_batches_at",
                table: "membership_batches");

            migrationBuilder.CreateIndex(
                name: "ix_memberships_joined",
                table: "memberships",
                columns: new[] { "segment_id", "joined_batch" });

            migrationBuilder.CreateIndex(
                name: "ix_memberships_left",
                table: "memberships",
                columns: new[] { "segment_id", "left_batch" },
                filter: "left_batch IS NOT NULL");
        }
    }
}
