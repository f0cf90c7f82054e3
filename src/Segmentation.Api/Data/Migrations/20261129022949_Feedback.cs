using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Feedback : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<decimal>(
                name: "sentiment",
                table: "events",
                type: "numeric",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "sentiment_source",
                table: "events",
                type: "character varying(16)",
                maxLength: 16,
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "last_feedback_at",
                table: "customers",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "sentiment_at1",
                table: "customers",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "sentiment_at2",
                table: "customers",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "sentiment_at3",
                table: "customers",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "sentiment_at4",
                table: "customers",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "sentiment_at5",
                table: "customers",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<decimal>(
                name: "sentiment_mean1",
                table: "customers",
                type: "numeric",
                nullable: true);

            migrationBuilder.AddColumn<decimal>(
                name: "sentiment_mean2",
                table: "customers",
                type: "numeric",
                nullable: true);

            migrationBuilder.AddColumn<decimal>(
                name: "sentiment_mean3",
                table: "customers",
                type: "numeric",
                nullable: true);

            migrationBuilder.AddColumn<decimal>(
                name: "sentiment_mean4",
                table: "customers",
                type: "numeric",
                nullable: true);

            migrationBuilder.AddColumn<decimal>(
                name: "sentiment_mean5",
                table: "customers",
                type: "numeric",
                nullable: true);

            migrationBuilder.CreateIndex(
                name: "ix_events_sentiment",
                table: "events",
                columns: new[] { "customer_key", "occurred_at" },
                filter: "sentiment IS NOT NULL")
                .Annotation("Npgsql:IndexInclude", new[] { "sentiment" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_events_sentiment",
                table: "events");

            migrationBuilder.DropColumn(
                name: "sentiment",
                table: "events");

            migrationBuilder.DropColumn(
                name: "sentiment_source",
                table: "events");

            migrationBuilder.DropColumn(
                name: "last_feedback_at",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "sentiment_at1",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "sentiment_at2",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "sentiment_at3",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "sentiment_at4",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "sentiment_at5",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "sentiment_mean1",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "sentiment_mean2",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "sentiment_mean3",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "sentiment_mean4",
                table: "customers");

            migrationBuilder.DropColumn(
                name: "sentiment_mean5",
                table: "customers");
        }
    }
}
