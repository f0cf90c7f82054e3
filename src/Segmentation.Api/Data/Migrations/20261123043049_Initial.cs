using System;
using System.Text.Json;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "attributes",
                columns: table => new
                {
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    type = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false),
                    name = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    description = table.Column<string>(type: "character varying(1024)", maxLength: 1024, nullable: true),
                    kind = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false),
                    label = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true),
                    values = table.Column<string[]>(type: "text[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_attributes", x => x.name);
                });

            migrationBuilder.CreateTable(
                name: "customers",
                columns: table => new
                {
                    key = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    event_count = table.Column<int>(type: "integer", nullable: false),
                    first_event_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    first_order_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    first_seen_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    last_event_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    last_order_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    last_seen_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    order_count = table.Column<int>(type: "integer", nullable: false),
                    signed_up_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    demographic_birth_date = table.Column<DateOnly>(type: "date", nullable: true),
                    demographic_birth_month_day = table.Column<int>(type: "integer", nullable: true),
                    demographic_children = table.Column<int>(type: "integer", nullable: true),
                    demographic_household_size = table.Column<int>(type: "integer", nullable: true),
                    geographic_latitude = table.Column<double>(type: "double precision", nullable: true),
                    geographic_longitude = table.Column<double>(type: "double precision", nullable: true),
                    lifetime_value = table.Column<decimal>(type: "numeric", nullable: false),
                    order_amount = table.Column<decimal>(type: "numeric", nullable: false),
                    demographic_income = table.Column<decimal>(type: "numeric", nullable: true),
                    attributes_folded = table.Column<JsonElement>(type: "jsonb", nullable: true),
                    consents_granted = table.Column<string[]>(type: "text[]", nullable: false),
                    email_folded = table.Column<string>(type: "text", nullable: true),
                    first_name_folded = table.Column<string>(type: "text", nullable: true),
                    id_folded = table.Column<string>(type: "text", nullable: false),
                    last_name_folded = table.Column<string>(type: "text", nullable: true),
                    demographic_education_folded = table.Column<string>(type: "text", nullable: true),
                    demographic_gender_folded = table.Column<string>(type: "text", nullable: true),
                    demographic_language_folded = table.Column<string>(type: "text", nullable: true),
                    demographic_marital_status_folded = table.Column<string>(type: "text", nullable: true),
                    demographic_occupation_folded = table.Column<string>(type: "text", nullable: true),
                    geographic_city_folded = table.Column<string>(type: "text", nullable: true),
                    geographic_climate = table.Column<string>(type: "text", nullable: true),
                    geographic_country_folded = table.Column<string>(type: "text", nullable: true),
                    geographic_postal_code_folded = table.Column<string>(type: "text", nullable: true),
                    geographic_region_folded = table.Column<string>(type: "text", nullable: true),
                    geographic_time_zone = table.Column<string>(type: "text", nullable: true),
                    geographic_time_zone_folded = table.Column<string>(type: "text", nullable: true),
                    psychographic_attitudes_folded = table.Column<string[]>(type: "text[]", nullable: false),
                    psychographic_interests_folded = table.Column<string[]>(type: "text[]", nullable: false),
                    psychographic_lifestyle_folded = table.Column<string>(type: "text", nullable: true),
                    psychographic_motivations_folded = table.Column<string[]>(type: "text[]", nullable: false),
                    psychographic_personality_folded = table.Column<string>(type: "text", nullable: true),
                    psychographic_values_folded = table.Column<string[]>(type: "text[]", nullable: false),
                    attributes = table.Column<JsonElement>(type: "jsonb", nullable: true),
                    consents = table.Column<JsonElement>(type: "jsonb", nullable: true),
                    email = table.Column<string>(type: "character varying(320)", maxLength: 320, nullable: true),
                    first_name = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: true),
                    id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    last_name = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: true),
                    demographic_education = table.Column<string>(type: "text", nullable: true),
                    demographic_gender = table.Column<string>(type: "text", nullable: true),
                    demographic_language = table.Column<string>(type: "text", nullable: true),
                    demographic_marital_status = table.Column<string>(type: "text", nullable: true),
                    demographic_occupation = table.Column<string>(type: "text", nullable: true),
                    geographic_city = table.Column<string>(type: "text", nullable: true),
                    geographic_country = table.Column<string>(type: "text", nullable: true),
                    geographic_postal_code = table.Column<string>(type: "text", nullable: true),
                    geographic_region = table.Column<string>(type: "text", nullable: true),
                    psychographic_attitudes = table.Column<string[]>(type: "text[]", nullable: false),
                    psychographic_interests = table.Column<string[]>(type: "text[]", nullable: false),
                    psychographic_lifestyle = table.Column<string>(type: "text", nullable: true),
                    psychographic_motivations = table.Column<string[]>(type: "text[]", nullable: false),
                    psychographic_personality = table.Column<string>(type: "text", nullable: true),
                    psychographic_values = table.Column<string[]>(type: "text[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_customers", x => x.key);
                })
                .Annotation("Npgsql:StorageParameter:fillfactor", 85);

            migrationBuilder.CreateTable(
                name: "segments",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    evaluated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    member_count = table.Column<long>(type: "bigint", nullable: true),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    time_zone = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    description = table.Column<string>(type: "character varying(4000)", maxLength: 4000, nullable: true),
                    goal = table.Column<string>(type: "character varying(4000)", maxLength: 4000, nullable: true),
                    key = table.Column<string>(type: "character varying(63)", maxLength: 63, nullable: false, collation: "C"),
                    kind = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false),
                    name = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    rule = table.Column<JsonElement>(type: "jsonb", nullable: true),
                    status = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false),
                    tags = table.Column<string[]>(type: "text[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_segments", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "events",
                columns: table => new
                {
                    customer_key = table.Column<long>(type: "bigint", nullable: false),
                    occurred_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    amount = table.Column<decimal>(type: "numeric", nullable: true),
                    type = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    id = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: false, collation: "C"),
                    channel = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true),
                    channel_sent = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true),
                    currency = table.Column<string>(type: "character varying(3)", maxLength: 3, nullable: true),
                    properties = table.Column<JsonElement>(type: "jsonb", nullable: true),
                    properties_sent = table.Column<JsonElement>(type: "jsonb", nullable: true),
                    type_sent = table.Column<string>(type: "character varying(128)", maxLength: 128, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_events", x => new { x.customer_key, x.id });
                    table.ForeignKey(
                        name: "FK_events_customers_customer_key",
                        column: x => x.customer_key,
                        principalTable: "customers",
                        principalColumn: "key",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "manual_members",
                columns: table => new
                {
                    segment_id = table.Column<int>(type: "integer", nullable: false),
                    customer_key = table.Column<long>(type: "bigint", nullable: false),
                    added_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_manual_members", x => new { x.segment_id, x.customer_key });
                    table.ForeignKey(
                        name: "FK_manual_members_customers_customer_key",
                        column: x => x.customer_key,
                        principalTable: "customers",
                        principalColumn: "key",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "FK_manual_members_segments_segment_id",
                        column: x => x.segment_id,
                        principalTable: "segments",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "segment_versions",
                columns: table => new
                {
                    segment_id = table.Column<int>(type: "integer", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    changed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    changed_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    definition = table.Column<JsonElement>(type: "jsonb", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_segment_versions", x => new { x.segment_id, x.version });
                    table.ForeignKey(
                        name: "FK_segment_versions_segments_segment_id",
                        column: x => x.segment_id,
                        principalTable: "segments",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_customers_email",
                table: "customers",
                column: "email_folded",
                filter: "email_folded IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_customers_lifetime_value",
                table: "customers",
                column: "lifetime_value");

            migrationBuilder.CreateIndex(
                name: "ux_customers_id",
                table: "customers",
                column: "id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_events_customer",
                table: "events",
                columns: new[] { "customer_key", "type", "occurred_at" })
                .Annotation("Npgsql:IndexInclude", new[] { "amount" });

            migrationBuilder.CreateIndex(
                name: "ix_events_type",
                table: "events",
                columns: new[] { "type", "occurred_at" })
                .Annotation("Npgsql:IndexInclude", new[] { "customer_key", "amount" });

            migrationBuilder.CreateIndex(
                name: "ix_manual_members_customer",
                table: "manual_members",
                column: "customer_key");

            migrationBuilder.CreateIndex(
                name: "ux_segments_key",
                table: "segments",
                column: "key",
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "attributes");

            migrationBuilder.DropTable(
                name: "events");

            migrationBuilder.DropTable(
                name: "manual_members");

            migrationBuilder.DropTable(
                name: "segment_versions");

            migrationBuilder.DropTable(
                name: "customers");

            migrationBuilder.DropTable(
                name: "segments");
        }
    }
}
