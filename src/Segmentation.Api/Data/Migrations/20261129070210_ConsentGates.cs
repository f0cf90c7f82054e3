using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class ConsentGates : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string[]>(
                name: "requires_consent",
                table: "segments",
                type: "text[]",
                nullable: false,
                defaultValue: new string[0]);

            migrationBuilder.AddColumn<int>(
                name: "expires_after_days",
                table: "purposes",
                type: "integer",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "restricted_at",
                table: "customers",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "restriction_reason",
                table: "customers",
                type: "character varying(1000)",
                maxLength: 1000,
                nullable: true);

            migrationBuilder.Sql(
                """
                -- Consents hold only instants that were written by the service, with their offset: no setting changes what they mean.
                CREATE FUNCTION seg_json_written_instant(document jsonb, path text[]) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
                    RETURN (document #>> path)::timestamptz;

                -- What a segment requires, and when consents expire, are part of the definitions.
                DROP TRIGGER definitions_changed ON segments;
                CREATE TRIGGER definitions_changed
                    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF key, kind, rule, time_zone, status, name, requires_consent ON segments
                    FOR EACH STATEMENT EXECUTE FUNCTION seg_definitions_changed();
                CREATE TRIGGER definitions_changed AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF expires_after_days ON purposes
                    FOR EACH STATEMENT EXECUTE FUNCTION seg_definitions_changed();

                -- Every rule reads it: without statistics PostgreSQL would take it for rarely null.
                ANALYZE customers (restricted_at);

                -- A playbook keeps the purpose that it requires on the register.
                UPDATE playbooks SET refers = array_append(refers, 'field:consent.' || (definition ->> 'requiresConsent'))
                WHERE definition ->> 'requiresConsent' IS NOT NULL
                    AND NOT 'field:consent.' || (definition ->> 'requiresConsent') = ANY (refers);
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(
                """
                DROP TRIGGER definitions_changed ON purposes;
                DROP TRIGGER definitions_changed ON segments;
                CREATE TRIGGER definitions_changed
                    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF key, kind, rule, time_zone, status, name ON segments
                    FOR EACH STATEMENT EXECUTE FUNCTION seg_definitions_changed();
                DROP FUNCTION seg_json_written_instant(jsonb, text[]);
                """);
            migrationBuilder.DropColumn(
                name: "requires_consent",
                table: "segments");

            migrationBuilder.DropColumn(
                name: "expires_after_days",
                table: "purposes");

            migrationBuilder.DropColumn(
                name: "restricted_at",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "restriction_reason",
                table: "customers");
        }
    }
}
