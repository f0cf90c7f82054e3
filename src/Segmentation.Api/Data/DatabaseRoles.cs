using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>The roles of the database: one that owns the tables, one of the service, one of analysts. Each may what it needs.</summary>
/// <remarks>What SQL could be made to say by whatever fault, it says as a role that can neither change a table nor reach a file.</remarks>
internal static class DatabaseRoles
{
    /// <summary>Owns the tables and applies migrations.</summary>
    public const string Owner = "segmentation_owner";

    /// <summary>The service's: rows, and temporary tables.</summary>
    public const string App = "segmentation_app";

    /// <summary>Reads customers, events, segments and membership.</summary>
    public const string Reader = "segmentation_read";

    // What the reader may see: nothing that holds a secret.
    private static readonly string[] ReaderTables =
    [
        "customers", "customer_scores", "events", "attributes", "segments", "segment_versions", "manual_members", "memberships",
        "membership_batches", "membership_states",
    ];

    // Tables that EF Core doesn't know, or keeps for itself.
    private static readonly string[] FurtherTables = ["customer_count", "definition_stamp", "decision_stamp", "mark_key", "event_horizon"];

    // Tables that the service reads; it writes them by functions of the owner's.
    private const string ReadOnlyTables = "'audit', 'audit_head'";
    private const string AuditFunction = "audit_append(timestamptz, text, text, text, text, text, text)";
    private const string AnalyzeFunction = "erasure_analyze()";
    private const string MigrationsTable = "__EFMigrationsHistory";

    // Of a role that the connected one may not make, and of tables that are not its own, nothing is granted.
    private static readonly string GrantSql =
        $$"""
        DO $grant$
        DECLARE
            tables text[] := string_to_array(current_setting('segmentation.tables'), ' ');
            readable text[] := string_to_array(current_setting('segmentation.readable'), ' ');
            r text;
            t record;
        BEGIN
            PERFORM pg_advisory_xact_lock(x'5E675F726F6C6573'::bigint);
            FOREACH r IN ARRAY ARRAY['{{Owner}}', '{{App}}', '{{Reader}}'] LOOP
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r)
                    AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
                    BEGIN
                        EXECUTE format('CREATE ROLE %I NOLOGIN', r);
                    EXCEPTION WHEN duplicate_object OR unique_violation THEN
                        NULL; -- Another database's migration was quicker.
                    END;
                END IF;
            END LOOP;
            FOR r IN SELECT rolname FROM pg_roles WHERE rolname IN ('{{App}}', '{{Reader}}') AND rolname <> current_user LOOP
                IF NOT has_database_privilege(r, current_database(), 'CONNECT') THEN
                    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), r);
                END IF;
                IF NOT has_schema_privilege(r, current_schema(), 'USAGE') THEN
                    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), r);
                END IF;
            END LOOP;
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{{App}}') AND current_user <> '{{App}}' THEN
                IF NOT has_database_privilege('{{App}}', current_database(), 'TEMPORARY') THEN
                    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO {{App}}', current_database());
                END IF;
                FOR t IN SELECT c.oid, c.relname, c.relkind FROM pg_class c
                    WHERE c.relnamespace = current_schema()::regnamespace AND pg_has_role(c.relowner, 'USAGE') AND (
                        (c.relkind IN ('r', 'p') AND (c.relname = ANY (tables) OR c.relname = '{{MigrationsTable}}'))
                        OR (c.relkind = 'v' AND c.relname = ANY (tables)) OR c.relname IN ({{ReadOnlyTables}})
                        OR (c.relkind = 'S' AND EXISTS (
                            SELECT FROM pg_depend d JOIN pg_class o ON o.oid = d.refobjid
                            WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND o.relname = ANY (tables)))) LOOP
                    IF t.relkind = 'S' THEN
                        EXECUTE format('GRANT USAGE, SELECT, UPDATE ON SEQUENCE %I TO {{App}}', t.relname);
                    ELSIF t.relkind = 'v' OR t.relname IN ('{{MigrationsTable}}', {{ReadOnlyTables}}) THEN
                        EXECUTE format('GRANT SELECT ON %I TO {{App}}', t.relname);
                    ELSE
                        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO {{App}}', t.relname);
                    END IF;
                END LOOP;
                IF to_regprocedure('{{AuditFunction}}') IS NOT NULL AND EXISTS (
                    SELECT FROM pg_proc p WHERE p.oid = to_regprocedure('{{AuditFunction}}') AND pg_has_role(p.proowner, 'USAGE')) THEN
                    GRANT EXECUTE ON FUNCTION {{AuditFunction}} TO {{App}};
                END IF;
                IF to_regprocedure('{{AnalyzeFunction}}') IS NOT NULL AND EXISTS (
                    SELECT FROM pg_proc p WHERE p.oid = to_regprocedure('{{AnalyzeFunction}}') AND pg_has_role(p.proowner, 'USAGE')) THEN
                    GRANT EXECUTE ON FUNCTION {{AnalyzeFunction}} TO {{App}};
                END IF;
            END IF;
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{{Reader}}') THEN
                FOR t IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
                    AND c.relname = ANY (readable) AND pg_has_role(c.relowner, 'USAGE') LOOP
                    EXECUTE format('GRANT SELECT ON %I TO {{Reader}}', t.relname);
                END LOOP;
            END IF;
        END $grant$
        """;

    /// <summary>Makes the roles where the connected one may, and grants them what they need of its tables: after each migration.</summary>
    public static async Task GrantAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var tables = db.Model.GetEntityTypes().SelectMany(e => (string?[])[e.GetTableName(), e.GetViewName()]).OfType<string>();
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            await using var batch = new NpgsqlBatch((NpgsqlConnection)db.Database.GetDbConnection());
            Set("segmentation.tables", tables.Concat(FurtherTables).Distinct());
            Set("segmentation.readable", ReaderTables);
            batch.BatchCommands.Add(new NpgsqlBatchCommand(GrantSql));
            await batch.ExecuteNonQueryAsync(cancellation);

            // DO takes no parameters; one batch is one transaction.
            void Set(string name, IEnumerable<string> values) => batch.BatchCommands.Add(
                new NpgsqlBatchCommand("SELECT set_config($1, $2, true)")
                {
                    Parameters = { SqlParameter.Create(name), SqlParameter.Create(string.Join(' ', values)) },
                });
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }
}
