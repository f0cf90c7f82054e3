using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class OwnWatermarks : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "evaluated_until",
                table: "membership_states",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "ahead_until",
                table: "membership_leader",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.UpdateData(
                table: "membership_leader",
                keyColumn: "single",
                keyValue: true,
                column: "ahead_until",
                value: null);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "evaluated_until",
                table: "membership_states");

            migrationBuilder.DropColumn(
                name: "ahead_until",
                table: "membership_leader");
        }
    }
}
