using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Functions : Migration
    {
        // What EF Core can't say: the functions that compiled rules call (SqlFunctions.cs has their twins), and the count of customers.
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // Events are stored by one statement that has locked their customers; checking each row again would cost more than storing it.
            migrationBuilder.DropForeignKey(name: "FK_events_customers_customer_key", table: "events");

            migrationBuilder.Sql("""
                CREATE FUNCTION seg_hour(at timestamptz, zone text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT extract(hour FROM timezone(zone, at))::integer $$;
                CREATE FUNCTION seg_day_of_week(at timestamptz, zone text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT extract(isodow FROM timezone(zone, at))::integer $$;
                CREATE FUNCTION seg_month(at timestamptz, zone text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT extract(month FROM timezone(zone, at))::integer $$;
                CREATE FUNCTION seg_date(at timestamptz, zone text) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT timezone(zone, at)::date $$;
                CREATE FUNCTION seg_month_day(at timestamptz, zone text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT (extract(month FROM timezone(zone, at)) * 100 + extract(day FROM timezone(zone, at)))::integer $$;
                CREATE FUNCTION seg_add_calendar(at timestamptz, zone text, months integer, days integer) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT timezone(zone, timezone(zone, at) + make_interval(months => months, days => days)) $$;
                CREATE FUNCTION seg_add_minutes(at timestamptz, minutes integer) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
                    AS $$ SELECT at + make_interval(mins => minutes) $$;
                CREATE FUNCTION seg_years(birth date, today date) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN birth <= today THEN (extract(year FROM today) - extract(year FROM birth))::integer
                        - CASE WHEN birth + make_interval(years => (extract(year FROM today) - extract(year FROM birth))::integer) > today THEN 1 ELSE 0 END END $$;
                CREATE FUNCTION seg_days_between(start timestamptz, finish timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT floor(extract(epoch FROM finish - start) / 86400)::integer $$;

                -- The haversine formula, radius 6371.0088 km.
                CREATE FUNCTION seg_distance_km(lat1 float8, lon1 float8, lat2 float8, lon2 float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT 2 * 6371.0088::float8 * asin(sqrt(least(1::float8,
                        sin((lat2 - lat1) * (pi() / 180) / 2) * sin((lat2 - lat1) * (pi() / 180) / 2)
                        + cos(lat1 * (pi() / 180)) * cos(lat2 * (pi() / 180)) * sin((lon2 - lon1) * (pi() / 180) / 2) * sin((lon2 - lon1) * (pi() / 180) / 2)))) $$;

                -- The even-odd rule; the same arithmetic as its twin, so that both put a point on the same side.
                CREATE FUNCTION seg_in_polygon(lat float8, lon float8, lons float8[], lats float8[]) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
                AS $$
                DECLARE
                    inside boolean := false;
                    n integer := array_length(lons, 1);
                    j integer := n;
                BEGIN
                    FOR i IN 1..n LOOP
                        IF (lats[i] > lat) <> (lats[j] > lat) THEN
                            IF lon < ((lons[j] - lons[i]) * (lat - lats[i]) / (lats[j] - lats[i])) + lons[i] THEN
                                inside := NOT inside;
                            END IF;
                        END IF;
                        j := i;
                    END LOOP;
                    RETURN inside;
                END $$;

                CREATE FUNCTION seg_has_none(list text[], value text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT value IS NULL OR value <> ALL (list) $$;
                CREATE FUNCTION seg_has_none(list integer[], value integer) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT value IS NULL OR value <> ALL (list) $$;
                CREATE FUNCTION seg_has_none(list numeric[], value numeric) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT value IS NULL OR value <> ALL (list) $$;

                -- The factor gives the division twenty decimals before it is rounded to eight.
                CREATE FUNCTION seg_average(total numeric, n integer) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN n <> 0 THEN round(total * 1.00000000000000000000 / n, 8) END $$;

                CREATE FUNCTION seg_json_text(document jsonb, name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document -> name) = 'string' THEN document ->> name END $$;
                CREATE FUNCTION seg_json_text(document jsonb, path text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document #> path) = 'string' THEN document #>> path END $$;
                CREATE FUNCTION seg_json_number(document jsonb, name text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document -> name) = 'number' THEN (document ->> name)::numeric END $$;
                CREATE FUNCTION seg_json_number(document jsonb, path text[]) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document #> path) = 'number' THEN (document #>> path)::numeric END $$;
                CREATE FUNCTION seg_json_boolean(document jsonb, name text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document -> name) = 'boolean' THEN (document ->> name)::boolean END $$;
                CREATE FUNCTION seg_json_boolean(document jsonb, path text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document #> path) = 'boolean' THEN (document #>> path)::boolean END $$;
                CREATE FUNCTION seg_json_date(document jsonb, name text) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document -> name) = 'number' THEN date '1970-01-01' + (document ->> name)::integer END $$;
                CREATE FUNCTION seg_json_instant(document jsonb, name text) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document -> name) = 'number' THEN to_timestamp(0) + (document ->> name)::bigint * interval '1 microsecond' END $$;
                CREATE FUNCTION seg_json_has_all(document jsonb, name text, items text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document -> name) = 'array' THEN (document -> name) ?& items ELSE false END $$;
                CREATE FUNCTION seg_json_has_any(document jsonb, name text, items text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document -> name) = 'array' THEN (document -> name) ?| items ELSE false END $$;
                CREATE FUNCTION seg_json_is_empty(document jsonb, name text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE WHEN jsonb_typeof(document -> name) = 'array' THEN jsonb_array_length(document -> name) = 0 ELSE true END $$;
                CREATE FUNCTION seg_json_exists(document jsonb, path text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT coalesce(jsonb_typeof(document #> path) <> 'null', false) $$;
                CREATE FUNCTION seg_json_scalar(document jsonb, path text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    AS $$ SELECT CASE jsonb_typeof(document #> path)
                        WHEN 'string' THEN 's' || (document #>> path)
                        WHEN 'number' THEN 'n' || trim_scale((document #>> path)::numeric)::text
                        WHEN 'boolean' THEN 'b' || (document #>> path) END $$;

                -- Rows that anyone may add to: a transaction takes one that no other holds, so nobody waits for the count.
                CREATE TABLE customer_count (shard integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customers bigint NOT NULL);
                CREATE VIEW customer_total AS SELECT coalesce(sum(customers), 0)::bigint AS customers FROM customer_count;
                CREATE FUNCTION seg_count_customers() RETURNS trigger LANGUAGE plpgsql AS $$
                DECLARE
                    change bigint;
                BEGIN
                    IF TG_OP = 'TRUNCATE' THEN
                        DELETE FROM customer_count;
                        RETURN NULL;
                    END IF;
                    SELECT CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END INTO change FROM changed;
                    IF change <> 0 THEN
                        UPDATE customer_count SET customers = customers + change
                            WHERE shard = (SELECT shard FROM customer_count ORDER BY shard LIMIT 1 FOR UPDATE SKIP LOCKED);
                        IF NOT FOUND THEN
                            INSERT INTO customer_count (customers) VALUES (change);
                        END IF;
                    END IF;
                    RETURN NULL;
                END $$;
                CREATE TRIGGER count_inserted AFTER INSERT ON customers REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION seg_count_customers();
                CREATE TRIGGER count_deleted AFTER DELETE ON customers REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION seg_count_customers();
                CREATE TRIGGER count_truncated AFTER TRUNCATE ON customers FOR EACH STATEMENT EXECUTE FUNCTION seg_count_customers();

                -- One number that any change of a definition moves: whoever has read the definitions can tell whether they still hold.
                CREATE TABLE definition_stamp (single boolean PRIMARY KEY DEFAULT true CHECK (single), stamp bigint NOT NULL);
                INSERT INTO definition_stamp (stamp) VALUES (1);
                CREATE FUNCTION seg_definitions_changed() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    UPDATE definition_stamp SET stamp = stamp + 1;
                    RETURN NULL;
                END $$;
                CREATE TRIGGER definitions_changed AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF key, kind, rule, time_zone, status, name ON segments
                    FOR EACH STATEMENT EXECUTE FUNCTION seg_definitions_changed();
                CREATE TRIGGER definitions_changed AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE ON attributes
                    FOR EACH STATEMENT EXECUTE FUNCTION seg_definitions_changed();

                -- The lifetime value at a rank, from whichever end of the index is nearer.
                CREATE FUNCTION seg_percentile_floor(percentile numeric, above boolean) RETURNS numeric LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
                DECLARE
                    n bigint := (SELECT customers FROM customer_total);
                    rank numeric := percentile * 0.01 * greatest(n - 1, 1);
                BEGIN
                    rank := CASE WHEN above THEN floor(rank) + 1 ELSE ceil(rank) END;
                    IF rank <= 0 THEN
                        RETURN '-Infinity';
                    ELSIF rank >= n THEN
                        RETURN 'Infinity';
                    ELSIF rank <= n / 2 THEN
                        RETURN (SELECT lifetime_value FROM customers ORDER BY lifetime_value OFFSET rank::bigint - 1 LIMIT 1);
                    ELSE
                        RETURN (SELECT lifetime_value FROM customers ORDER BY lifetime_value DESC OFFSET n - rank::bigint LIMIT 1);
                    END IF;
                END $$;

                CREATE FUNCTION seg_lifetime_values_at(as_of timestamptz, orders text[], refunds text[]) RETURNS TABLE (customer_key bigint, lifetime_value numeric) LANGUAGE sql STABLE PARALLEL SAFE AS $$
                    SELECT c.key, coalesce(e.total, 0) FROM customers c LEFT JOIN (
                        SELECT customer_key,
                            sum(CASE WHEN type = ANY (orders) THEN coalesce(amount, 0) ELSE 0 END - CASE WHEN type = ANY (refunds) THEN abs(coalesce(amount, 0)) ELSE 0 END) AS total
                        FROM events WHERE type = ANY (orders || refunds) AND occurred_at <= as_of GROUP BY customer_key) e ON e.customer_key = c.key $$;

                CREATE FUNCTION seg_percentile_floor_at(percentile numeric, above boolean, as_of timestamptz, orders text[], refunds text[]) RETURNS numeric LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
                DECLARE
                    n bigint := (SELECT customers FROM customer_total);
                    rank numeric := percentile * 0.01 * greatest(n - 1, 1);
                BEGIN
                    rank := CASE WHEN above THEN floor(rank) + 1 ELSE ceil(rank) END;
                    IF rank <= 0 THEN
                        RETURN '-Infinity';
                    ELSIF rank >= n THEN
                        RETURN 'Infinity';
                    END IF;
                    RETURN (SELECT lifetime_value FROM seg_lifetime_values_at(as_of, orders, refunds) ORDER BY lifetime_value OFFSET rank::bigint - 1 LIMIT 1);
                END $$;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("""
                DROP TRIGGER definitions_changed ON segments;
                DROP TRIGGER definitions_changed ON attributes;
                DROP FUNCTION seg_definitions_changed;
                DROP TABLE definition_stamp;
                DROP TRIGGER count_inserted ON customers;
                DROP TRIGGER count_deleted ON customers;
                DROP TRIGGER count_truncated ON customers;
                DROP FUNCTION seg_percentile_floor_at, seg_percentile_floor, seg_lifetime_values_at, seg_count_customers;
                DROP VIEW customer_total;
                DROP TABLE customer_count;
                DROP FUNCTION seg_json_scalar, seg_json_exists, seg_json_is_empty, seg_json_has_any, seg_json_has_all, seg_json_instant, seg_json_date,
                    seg_json_boolean(jsonb, text), seg_json_boolean(jsonb, text[]), seg_json_number(jsonb, text), seg_json_number(jsonb, text[]),
                    seg_json_text(jsonb, text), seg_json_text(jsonb, text[]), seg_has_none(text[], text), seg_has_none(integer[], integer), seg_has_none(numeric[], numeric), seg_average, seg_in_polygon, seg_distance_km, seg_days_between, seg_years,
                    seg_add_minutes, seg_add_calendar, seg_month_day, seg_date, seg_month, seg_day_of_week, seg_hour;
                """);
            migrationBuilder.AddForeignKey(
                name: "FK_events_customers_customer_key", table: "events", column: "customer_key", principalTable: "customers", principalColumn: "key", onDelete: ReferentialAction.Cascade);
        }
    }
}
