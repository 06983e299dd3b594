#!/usr/bin/env bash
# Starts EventShop by Docker Compose and returns when all of it is healthy. Arguments go to docker compose up:  ./deploy/up.sh --build
# Down, with the data kept:  docker compose -f deploy/compose.yaml down
set -euo pipefail
cd "$(dirname "$0")"

# Passwords are made once, with the data that they belong to, and readable by their owner only.
env=${ENV_FILE:-$PWD/.env}
if [ ! -e "$env" ]; then
  (
    umask 077
    while IFS= read -r line; do
      case $line in
        *_PASSWORD=) printf '%sp%s\n' "$line" "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" ;;
        *) printf '%s\n' "$line" ;;
      esac
    done <.env.example >"$env.new"
    mv "$env.new" "$env"
  )
  echo "Made $env: the passwords of this installation. Keep it as long as its data." >&2
fi

exec docker compose --env-file "$env" -f compose.yaml up --detach --wait "$@"
