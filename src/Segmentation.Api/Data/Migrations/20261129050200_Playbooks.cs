using System;
using System.Text.Json;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Playbooks : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "placements",
                columns: table => new
                {
                    key = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    name = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    description = table.Column<string>(type: "character varying(4000)", maxLength: 4000, nullable: true),
                    type = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false),
                    fallback = table.Column<JsonElement>(type: "json", nullable: true),
                    tags = table.Column<string[]>(type: "text[]", nullable: false),
                    status = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_placements", x => x.key);
                });

            migrationBuilder.CreateTable(
                name: "playbooks",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    key = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    definition = table.Column<JsonElement>(type: "json", nullable: false),
                    status = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false),
                    tags = table.Column<string[]>(type: "text[]", nullable: false),
                    play_count = table.Column<int>(type: "integer", nullable: false),
                    refers = table.Column<string[]>(type: "text[]", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_playbooks", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "playbook_versions",
                columns: table => new
                {
                    playbook_id = table.Column<int>(type: "integer", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    definition = table.Column<JsonElement>(type: "json", nullable: false),
                    changed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    changed_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_playbook_versions", x => new { x.playbook_id, x.version });
                    table.ForeignKey(
                        name: "FK_playbook_versions_playbooks_playbook_id",
                        column: x => x.playbook_id,
                        principalTable: "playbooks",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ux_playbooks_key",
                table: "playbooks",
                column: "key",
                unique: true);

            // Whoever has read placements, playbooks and experiments can tell by it whether they still hold.
            migrationBuilder.Sql(
                """
                CREATE TABLE decision_stamp (single boolean PRIMARY KEY DEFAULT true CHECK (single), stamp bigint NOT NULL);
                INSERT INTO decision_stamp (stamp) VALUES (1);
                CREATE FUNCTION seg_touch_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    UPDATE decision_stamp SET stamp = stamp + 1;
                    RETURN NULL;
                END $$;
                CREATE TRIGGER decisions_changed AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE ON placements
                    FOR EACH STATEMENT EXECUTE FUNCTION seg_touch_decisions();
                CREATE TRIGGER decisions_changed AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE ON playbooks
                    FOR EACH STATEMENT EXECUTE FUNCTION seg_touch_decisions();
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(
                "DROP FUNCTION seg_touch_decisions() CASCADE; DROP TABLE decision_stamp");

            migrationBuilder.DropTable(
                name: "placements");

            migrationBuilder.DropTable(
                name: "playbook_versions");

            migrationBuilder.DropTable(
                name: "playbooks");
        }
    }
}
