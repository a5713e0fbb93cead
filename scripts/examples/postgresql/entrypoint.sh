#!/bin/sh
# Makes the cluster on an empty volume, then becomes the server.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	initdb --auth-host=scram-sha-256 --pwfile=/run/secrets/postgres
	echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
fi
exec "$@" -c "listen_addresses=*"
