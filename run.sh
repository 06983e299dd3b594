#!/usr/bin/env bash
# Starts the shop and prints its addresses; Ctrl+C stops it.
#   ./run.sh          run until stopped
#   ./run.sh --demo   place an order, print its history until it is paid and its journey through the services, stop; exit status 0 only if it was paid
set -euo pipefail
cd "$(dirname "$0")"
. .ci/setup.sh

case "${1:-}" in
  "" | --demo) ;;
  *) say "'$1' is not known: ./run.sh or ./run.sh --demo"; exit 2 ;;
esac

need_dotnet
need_packages
Infrastructure__Mode=$(infrastructure_mode)
export Infrastructure__Mode
[ "$Infrastructure__Mode" = Local ] && need_servers
build Release

apphost=(dotnet run --project EventShop.AppHost -c Release --no-build)
if [ "${1:-}" != --demo ]; then
  # Kill what you like: what dies is started again, as a container platform would.
  export AppHost__RestartCrashed=${AppHost__RestartCrashed:-true}
  exec "${apphost[@]}"
fi

# The journey is drawn from spans: the services send them to the demo, as they would to Jaeger.
demo=(dotnet EventShop.Demo/bin/Release/net10.0/EventShop.Demo.dll)
order=()
if [ -z "${JAEGER_OTLP_ENDPOINT:-}" ]; then
  order=(trace "$("${demo[@]}" port)")
  export JAEGER_OTLP_ENDPOINT="http://127.0.0.1:${order[1]}" OTEL_BSP_SCHEDULE_DELAY="${OTEL_BSP_SCHEDULE_DELAY:-200}"
fi

log=$(mktemp)
"${apphost[@]}" >"$log" 2>&1 &
shop=$!
stop() {
  kill -TERM "$shop" 2>/dev/null || true
  wait "$shop" 2>/dev/null || true
  rm -f "$log"
}
trap stop EXIT

"${demo[@]}" ready "$shop" || { tail -n 40 "$log" >&2; exit 1; }
"${demo[@]}" ${order[@]+"${order[@]}"} || { tail -n 40 "$log" >&2; exit 1; }
