#!/usr/bin/env bash
# Starts the shop and prints its addresses; Ctrl+C stops it.
#   ./run.sh                          run until stopped
#   ./run.sh --demo                   place an order, print its history until it is paid and its journey through the services, stop; exit status 0 only if it was paid
#   ./run.sh --reset                  drop the data of the shop that does not run, and say what was dropped
#   --ports random                    with one of the first two: free ports for everything, for a second shop on one machine
#   --Ports:order-service=5201 …      any setting of the AppHost, as in its configuration
set -euo pipefail
cd "$(dirname "$0")"
. .ci/setup.sh

action=run settings=()
while [ $# -gt 0 ]; do
  case $1 in
    --demo) action=demo ;;
    --reset) action=reset settings+=(--Infrastructure:Reset=true) ;;
    --ports)
      [ "${2:-}" = random ] || { say "'--ports ${2:-}' is not known: --ports random, or --Ports:order-service=5201 and the like"; exit 2; }
      settings+=(--DcpPublisher:RandomizePorts=true)
      shift
      ;;
    --[A-Z]*=*) settings+=("$1") ;;
    *) say "'$1' is not known: ./run.sh, with --demo or --reset, --ports random, or settings such as --Ports:order-service=5201"; exit 2 ;;
  esac
  shift
done

need_dotnet
need_packages
Infrastructure__Mode=$(infrastructure_mode)
export Infrastructure__Mode
[ "$Infrastructure__Mode" = Local ] && need_servers
build Release

# The AppHost itself, with the environment of its launch profile, and not `dotnet run`, whose death would leave it running.
apphost() {
  local name value
  cd EventShop.AppHost
  while IFS=$'\t' read -r name value; do
    [ -n "${!name:-}" ] || export "$name=$value"
  done < <(sed -nE 's/^ *"applicationUrl": "([^"]*)".*/ASPNETCORE_URLS\t\1/p; s/^ *"([A-Z_]+)": "([^"]*)".*/\1\t\2/p' Properties/launchSettings.json)
  exec bin/Release/net10.0/EventShop.AppHost ${settings[@]+"${settings[@]}"}
}

[ "$action" = demo ] || apphost

# The journey is drawn from spans: the services send them to the demo, as they would to Jaeger.
demo=(dotnet EventShop.Demo/bin/Release/net10.0/EventShop.Demo.dll)
order=()
if [ -z "${JAEGER_OTLP_ENDPOINT:-}" ]; then
  order=(trace "$("${demo[@]}" port)")
  export JAEGER_OTLP_ENDPOINT="http://127.0.0.1:${order[1]}" OTEL_BSP_SCHEDULE_DELAY="${OTEL_BSP_SCHEDULE_DELAY:-200}"
fi

log=$(mktemp)
(apphost) >"$log" 2>&1 &
shop=$!
stop() {
  kill -TERM "$shop" 2>/dev/null || true
  wait "$shop" 2>/dev/null || true
  rm -f "$log"
}
trap stop EXIT

# The AppHost's last word of the start: a line for each address.
say "Starting the shop …"
for ((i = 0; i < 600; i++)); do
  grep -q 'The shop is open' "$log" && break
  kill -0 "$shop" 2>/dev/null || break
  sleep 0.2
done
address() { sed -nE "s|^ +$1 .*(http://[^/]+)/.*|\1|p" "$log" | head -n 1; }
ORDER_SERVICE=$(address order-service) PAYMENT_GATEWAY=$(address payment-gateway)
export ORDER_SERVICE PAYMENT_GATEWAY
if [ -z "$ORDER_SERVICE" ] || ! "${demo[@]}" ${order[@]+"${order[@]}"}; then
  tail -n 40 "$log" >&2
  exit 1
fi
