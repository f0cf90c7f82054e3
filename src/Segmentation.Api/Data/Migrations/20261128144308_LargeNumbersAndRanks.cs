using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class LargeNumbersAndRanks : Migration
    {
        // Numbers past what a decimal holds are lists of a mark and their digits. All customers' ranks as arrays of eight bytes each: a binary search
        // finds a customer's, where a scalar sub-query for each would rank them all again.
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
            CREATE FUNCTION seg_json_large_number(document jsonb, path text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
                AS $$ SELECT CASE WHEN jsonb_typeof(document #> path) = 'array' THEN
                    CASE WHEN jsonb_array_length(document #> path) = 2 AND (document #> path) ->> 0 = chr(31) THEN (document #> path) ->> 1 END END $$;

            CREATE FUNCTION seg_customer_keys() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
                AS $$ SELECT coalesce(array_agg(key ORDER BY key), '{}') FROM customers $$;
            CREATE FUNCTION seg_customer_ranks() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
                AS $$ SELECT coalesce(array_agg(smaller ORDER BY key), '{}')
                    FROM (SELECT key, rank() OVER (ORDER BY lifetime_value) - 1 AS smaller FROM customers) AS ranked $$;
            CREATE FUNCTION seg_customer_ranks_at(as_of timestamptz, orders text[], refunds text[]) RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
                AS $$ SELECT coalesce(array_agg(smaller ORDER BY customer_key), '{}')
                    FROM (SELECT customer_key, rank() OVER (ORDER BY lifetime_value) - 1 AS smaller
                        FROM seg_lifetime_values_at(as_of, orders, refunds)) AS ranked $$;

            -- The factor gives the quotient as many decimals as .NET's.
            CREATE FUNCTION seg_percentile(key bigint, keys bigint[], ranks bigint[]) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
                AS $$ SELECT 100.000000000000000000000000 * ranks[width_bucket(key, keys)] / greatest(cardinality(keys) - 1, 1) $$;
            """);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
            DROP FUNCTION seg_percentile, seg_customer_ranks_at, seg_customer_ranks, seg_customer_keys, seg_json_large_number;
            """);
    }
}
