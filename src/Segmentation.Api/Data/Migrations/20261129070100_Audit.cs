using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Segmentation.Api.Data.Migrations
{
    /// <inheritdoc />
    public partial class Audit : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
            """
            CREATE TABLE mark_key (
                id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                follows integer NOT NULL UNIQUE,
                sealed text NOT NULL);

            CREATE TABLE audit (
                id bigint NOT NULL,
                at timestamp with time zone NOT NULL,
                actor text COLLATE "C" NOT NULL,
                action text COLLATE "C" NOT NULL,
                resource text COLLATE "C" NOT NULL,
                entry text NOT NULL,
                hash bytea NOT NULL,
                PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
            CREATE INDEX ix_audit_actor ON audit (actor, id);
            CREATE INDEX ix_audit_action ON audit (action, id);
            CREATE INDEX ix_audit_resource ON audit (resource, id);

            CREATE TABLE audit_head (
                one boolean PRIMARY KEY DEFAULT true CHECK (one),
                id bigint NOT NULL,
                hash bytea NOT NULL,
                at timestamp with time zone NOT NULL);
            INSERT INTO audit_head (id, hash, at) VALUES (0, decode(repeat('00', 32), 'hex'), '-infinity');

            CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $f$
            BEGIN
                RAISE EXCEPTION 'The audit log is only added to.' USING ERRCODE = 'insufficient_privilege';
            END $f$;
            CREATE TRIGGER audit_unchanged BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse();
            CREATE TRIGGER audit_untruncated BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
            CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_refuse();
            CREATE TRIGGER audit_head_untruncated BEFORE TRUNCATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

            CREATE FUNCTION audit_append(
                given timestamp with time zone, actor text, action text, resource text, opening text, middle text, ending text)
            RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $f$
            DECLARE
                head audit_head%ROWTYPE;
                moment timestamp with time zone;
                month date;
                part text;
                line text;
                sum bytea;
            BEGIN
                SELECT * INTO head FROM audit_head FOR UPDATE;
                moment := greatest(given, head.at);
                line := opening
                    || regexp_replace(to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '\.?0+$', '') || 'Z'
                    || middle || (head.id + 1) || ending;
                sum := sha256(head.hash || convert_to(line, 'UTF8'));
                month := date_trunc('month', moment AT TIME ZONE 'UTC');
                part := 'audit_' || to_char(month, 'YYYYMM');
                IF to_regclass(format('%I.%I', current_schema(), part)) IS NULL THEN
                    EXECUTE format('CREATE TABLE %I (LIKE audit INCLUDING DEFAULTS)', part);
                    EXECUTE format(
                        'ALTER TABLE audit ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part,
                        month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
                    EXECUTE format(
                        'CREATE TRIGGER audit_untruncated BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', part);
                END IF;
                INSERT INTO audit VALUES (head.id + 1, moment, actor, action, resource, line, sum);
                UPDATE audit_head SET id = head.id + 1, hash = sum, at = moment;
                RETURN head.id + 1;
            END $f$;
            REVOKE ALL ON FUNCTION audit_append(timestamptz, text, text, text, text, text, text) FROM PUBLIC;

            DO $do$
            BEGIN
                EXECUTE format(
                    'ALTER FUNCTION audit_append(timestamptz, text, text, text, text, text, text) SET search_path = %I, pg_temp',
                    current_schema());
            END $do$;
            """);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
            """
            DROP FUNCTION audit_append(timestamptz, text, text, text, text, text, text);
            DROP TABLE audit;
            DROP TABLE audit_head;
            DROP FUNCTION audit_refuse();
            DROP TABLE mark_key;
            """);
    }
}
