using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class ApiKeyProofs : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<byte[]>(
                name: "proof_key",
                table: "api_key_secrets",
                type: "bytea",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "proof_key",
                table: "api_key_secrets");
        }
    }
}
