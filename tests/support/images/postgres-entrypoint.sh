#!/usr/bin/env bash
# postgres-entrypoint.sh - does for tests what the entry point of the image postgres:15-bookworm does: takes over its volume,
# makes the cluster once, runs the scripts of /docker-entrypoint-initdb.d, then becomes the server as the user postgres.
set -euo pipefail
export PATH=$PATH:/usr/lib/postgresql/15/bin PGDATA=/var/lib/postgresql/data

if (($(id -u) == 0)); then
  POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
  export POSTGRES_PASSWORD
  chown postgres: "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi

if [[ ! -s $PGDATA/PG_VERSION ]]; then
  initdb --auth=trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  pg_ctl --silent --wait -o '-c listen_addresses=' start
  for script in /docker-entrypoint-initdb.d/*; do "$script"; done
  pg_ctl --silent --wait --mode=fast stop
fi
unset POSTGRES_PASSWORD
exec "$@"
