-- The roles of docs/roles.md in the database that this runs in, as a superuser; as often as one likes. The private PostgreSQL of ./run has
-- it run at each start, docker compose when its volume is made. Who may log in, and how, is said elsewhere.
DO $$
DECLARE
    r text;
    o record;
BEGIN
    FOREACH r IN ARRAY ARRAY['segmentation_owner', 'segmentation_app', 'segmentation_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
            EXECUTE format('CREATE ROLE %I', r);
        END IF;
    END LOOP;
    EXECUTE format('ALTER DATABASE %I OWNER TO segmentation_owner', current_database());

    -- What an earlier version made as the superuser. A sequence of a column goes with its table.
    FOR o IN
        SELECT format('%s %I', CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, relname) AS name
        FROM pg_class c
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') AND relowner = current_user::regrole
            AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')))
        UNION ALL
        SELECT format('FUNCTION %s', oid::regprocedure) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND proowner = current_user::regrole
    LOOP
        EXECUTE format('ALTER %s OWNER TO segmentation_owner', o.name);
    END LOOP;
END $$;
