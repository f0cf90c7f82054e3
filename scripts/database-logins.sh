#!/bin/sh
# For docker compose: lets the roles of database-roles.sql log in, when the volume is made. Of a volume that is there: docs/roles.md.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v owner="$OWNER_PASSWORD" -v app="$APP_PASSWORD" <<'SQL'
ALTER ROLE segmentation_owner LOGIN PASSWORD :'owner';
ALTER ROLE segmentation_app LOGIN PASSWORD :'app';
SQL
