using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Consents : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "consent_records",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    customer_key = table.Column<long>(type: "bigint", nullable: false),
                    purpose = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    granted = table.Column<bool>(type: "boolean", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    source = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    policy_version = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: true),
                    evidence = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_consent_records", x => x.id);
                    table.ForeignKey(
                        name: "FK_consent_records_customers_customer_key",
                        column: x => x.customer_key,
                        principalTable: "customers",
                        principalColumn: "key",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "purposes",
                columns: table => new
                {
                    name = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    label = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true),
                    description = table.Column<string>(type: "character varying(1024)", maxLength: 1024, nullable: true),
                    basis = table.Column<short>(type: "smallint", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_purposes", x => x.name);
                });

            migrationBuilder.CreateIndex(
                name: "ix_consent_records_standing",
                table: "consent_records",
                columns: new[] { "customer_key", "purpose", "at", "id" },
                descending: new[] { false, false, true, true });

            // What stands follows from the records: of a purpose the one with the greatest time, of equal ones the last received.
            migrationBuilder.Sql(
                """
                CREATE FUNCTION consents_merged(standing jsonb, sent jsonb) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN standing IS NULL THEN sent WHEN sent IS NULL THEN standing ELSE standing || coalesce((
                        SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(sent) AS e
                        WHERE NOT standing ? e.key
                            OR (e.value->>'at')::timestamptz >= (standing->e.key->>'at')::timestamptz), '{}') END $$;
                CREATE FUNCTION consents_granted(consents jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT coalesce(array_agg(e.key) FILTER (WHERE (e.value->>'granted')::boolean), '{}') FROM jsonb_each(consents) AS e $$;

                INSERT INTO purposes (name, basis, created_at, updated_at)
                SELECT DISTINCT e.key, 1, now(), now()
                FROM customers c CROSS JOIN LATERAL jsonb_object_keys(c.consents) AS e (key);

                INSERT INTO consent_records (customer_key, purpose, granted, at, received_at, source)
                SELECT c.key, e.key, (e.value->>'granted')::boolean, (e.value->>'at')::timestamptz, now(), 'profile'
                FROM customers c CROSS JOIN LATERAL jsonb_each(c.consents) AS e;

                -- A proof stays as it was taken down. It goes only with its customer.
                CREATE FUNCTION consent_records_stay() RETURNS trigger LANGUAGE plpgsql
                    AS $$ BEGIN RAISE EXCEPTION 'A consent''s record can not be changed.' USING ERRCODE = 'restrict_violation'; END $$;
                CREATE TRIGGER consent_records_stay BEFORE UPDATE ON consent_records
                    FOR EACH STATEMENT EXECUTE FUNCTION consent_records_stay();
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "consent_records");

            migrationBuilder.DropTable(
                name: "purposes");

            migrationBuilder.Sql(
                """
                DROP FUNCTION consent_records_stay();
                DROP FUNCTION consents_granted(jsonb);
                DROP FUNCTION consents_merged(jsonb, jsonb);
                """);
        }
    }
}
