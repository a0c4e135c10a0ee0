#!/usr/bin/env bash
# Run once by the postgres image, as its user postgres, when the data volume is empty: a role that is no
# superuser, its database, and who may come in how.
set -euo pipefail

# psql reads the password from the environment: no command line shows it.
psql --no-psqlrc -v ON_ERROR_STOP=1 -U postgres -d postgres <<'SQL'
\set password `printf %s "$POSTGRES_PASSWORD"`
CREATE ROLE ninetosix LOGIN PASSWORD :'password';
CREATE DATABASE ninetosix OWNER ninetosix;
REVOKE CONNECT, TEMPORARY ON DATABASE ninetosix FROM PUBLIC;
SQL

# The daemons by password, the superuser only as the user postgres of this container; both by the socket.
cat >"$PGDATA/pg_hba.conf" <<'HBA'
local  ninetosix  ninetosix  scram-sha-256
local  all        postgres   peer
HBA
