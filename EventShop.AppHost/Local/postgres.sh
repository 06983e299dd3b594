#!/bin/sh
# Runs PostgreSQL for the AppHost (LocalInfrastructure.cs): TCP on 127.0.0.1 only, no Unix socket, fsync on.
#   PG_BIN        the folder of initdb and postgres
#   PG_HOME       the folder for its data, made if it is not there
#   PG_PORT       where it listens
#   PG_PASSWORD   of the user "postgres", when the data is made
set -eu
data=$PG_HOME/data

# PostgreSQL refuses to run as root, rightly: root runs it as the system's user "postgres".
as='' guard=''
# Linux: the server stops when this script was killed. Otherwise it would run on alone.
if setpriv --pdeathsig INT true 2>/dev/null; then guard='setpriv --pdeathsig INT --'; fi
mkdir -p -m 700 "$PG_HOME"
if [ "$(id -u)" = 0 ]; then
  as='runuser -u postgres --'
  if [ -n "$guard" ]; then
    as='setpriv --reuid=postgres --regid=postgres --init-groups --'
    guard="${as% --} --pdeathsig INT --"
  fi
  # The user may pass through the shop's data folder, and no more. Its own folder is its own.
  chgrp postgres "$PG_HOME/.."
  chmod 710 "$PG_HOME/.."
  chown postgres:postgres "$PG_HOME"
fi

# A server that still shuts down, or that outlived its script, is ours: the AppHost holds the folder's lock.
old=$(head -n 1 "$data/postmaster.pid" 2>/dev/null || true)
if [ -n "$old" ] && { ps -o args= -p "$old" || tr '\0' ' ' <"/proc/$old/cmdline"; } 2>/dev/null | grep -qF -- "-D $data "; then
  $as "$PG_BIN/pg_ctl" stop -D "$data" -m fast -t 30
fi

if [ ! -e "$data/PG_VERSION" ]; then
  # Into a folder beside it, renamed at the end: an initdb that was interrupted leaves nothing that looks complete.
  rm -rf "$data.new"
  (umask 077 && printf '%s' "$PG_PASSWORD" >"$PG_HOME/password")
  [ -z "$as" ] || chown postgres "$PG_HOME/password"
  $as "$PG_BIN/initdb" --pgdata "$data.new" --username postgres --auth scram-sha-256 --pwfile "$PG_HOME/password" --encoding UTF8 --no-locale
  rm "$PG_HOME/password"
  mv "$data.new" "$data"
fi
unset PG_PASSWORD

# To PostgreSQL, SIGTERM means to wait until the last client has left. SIGINT is the fast shutdown that a stop means here.
# shellcheck disable=SC2086 # A command with its arguments.
${guard:-$as} "$PG_BIN/postgres" -D "$data" -p "$PG_PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 &
server=$!
trap 'kill -s INT "$server"' TERM INT
while kill -s 0 "$server" 2>/dev/null; do
  status=0
  wait "$server" || status=$?
done
exit "$status"
