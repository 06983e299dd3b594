# Sourced by check.sh: runs the AppHost with its servers as containers, twice on the same data. Where no image can be pulled, stand-ins
# (stand-ins.sh) have the names and tags that the AppHost asks for, in an engine of our own. The container tunnel through which Prometheus
# reaches the services is Aspire's own, built by the orchestrator as on every machine.

APPHOST=
APPHOST_SERVICES="order-service payment-gateway payment-service"
# In the names of its volumes: the data of the AppHost that somebody runs from this folder is left alone.
APPHOST_NAME=c0ffeec0ff
# The orchestrator builds its tunnel on it.
TUNNEL_BASE_IMAGE=mcr.microsoft.com/azurelinux/base/core:3.0

check_apphost() {
  if engine "the AppHost's containers" && apphost_tools && apphost_images; then
    apphost_run
  fi
  clean_apphost
}

# Ends what was started and removes what was made; safe to call twice.
clean_apphost() {
  [ "$ENGINE" = there ] || return 0
  apphost_stop
  apphost_volumes | xargs -r docker volume rm >/dev/null 2>&1 || true
}

# The orchestrator asks for a docker of version 25 at least, and for BuildKit.
apphost_tools() {
  local version
  version=$(docker --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
  if [ "$version" -lt 25 ] && debian_package docker-cli trixie forky sid; then PATH=$DEBIAN/docker-cli/usr/bin:$PATH; fi
  if [ "$(docker --version | sed -n 's/.*version \([0-9]*\).*/\1/p')" -lt 25 ]; then
    skip "the AppHost's containers" "Aspire asks for a docker command of version 25 or later, this is $version"
    return 1
  fi
  if ! docker_plugin buildx; then
    skip "the AppHost's containers" "docker buildx is not installed"
    return 1
  fi
}

apphost_images() {
  APPHOST_IMAGES=("$(default_of NATS_IMAGE)" "$(default_of POSTGRES_IMAGE)" "$(default_of PROMETHEUS_IMAGE)" "$(default_of JAEGER_IMAGE)")
  ! images_can_be_pulled || return 0
  if [ -z "$CHECK_DOCKERD" ]; then
    skip "the AppHost's containers" "no image can be pulled, and only an engine of our own is given stand-ins under the names of real images"
    return 1
  fi
  if ! stand_in_programs || [ -z "$PROMETHEUS" ]; then
    skip "the AppHost's containers" "no image can be pulled, and there is no haproxy or prometheus here to make one of"
    return 1
  fi
  make_stand_ins nats postgres prometheus jaeger core || return 1
  local name index=0
  for name in nats postgres prometheus jaeger; do
    docker tag "$STAND_IN/$name:$STAND_IN_TAG" "${APPHOST_IMAGES[index]}"
    index=$((index + 1))
  done
  docker tag "$STAND_IN/core:$STAND_IN_TAG" "$TUNNEL_BASE_IMAGE"
  skip "the images that the AppHost pulls" "no image can be pulled here: stand-ins of $("$NATS_SERVER" --version), $("$PG_BIN/postgres" --version), $("$PROMETHEUS" --version 2>&1 | sed -n '1s/ (.*//p') under their names; Jaeger's takes traces and shows nothing; Aspire's tunnel is the real one, on a base image of this machine's libraries"
}

# ---- the run -----------------------------------------------------------------------------------------------------------------------

apphost_run() {
  free_ports ORDER_PORT PAYMENT_PORT GATEWAY_PORT PROMETHEUS_PORT JAEGER_PORT DASHBOARD_PORT DASHBOARD_OTLP_PORT DASHBOARD_RESOURCE_PORT
  export ORDER_SERVICE=http://127.0.0.1:$ORDER_PORT PAYMENT_GATEWAY=http://127.0.0.1:$GATEWAY_PORT
  local before order started=$SECONDS
  before=$(engine_objects)
  apphost_start || return
  ok "the AppHost starts its containers and the services, healthy ($((SECONDS - started)) s)"
  tell_demo "the demo's order is paid"
  order=$(sed -n 's/^Order \([0-9a-f-]*\):.*/\1/p' "$WORK/demo.log")
  eventually 120 apphost_scraped
  expect "its containers are of the images that deploy/compose.yaml has too" "$(docker ps --format '{{.Image}}' | sort | grep -Fx "$(printf '%s\n' "${APPHOST_IMAGES[@]}")")" "$(printf '%s\n' "${APPHOST_IMAGES[@]}" | sort)"
  expect "Prometheus, in its container, scrapes each service through Aspire's tunnel" "$(apphost_targets)" "$APPHOST_SERVICES"
  if eventually 60 apphost_traces; then ok "Jaeger, in its container, gets the services' traces"; else fail "Jaeger, in its container, gets the services' traces"; fi

  apphost_stop
  eventually 60 apphost_left_only_data "$before"
  expect "stopped, it leaves the volumes of its data, and no container or network" "$(new_objects "$before")" \
    "volume eventshop.apphost-$APPHOST_NAME-nats-data volume eventshop.apphost-$APPHOST_NAME-postgres-data"

  started=$SECONDS
  apphost_start || return
  ok "it starts again on its data ($((SECONDS - started)) s)"
  expect "the order of the first run is there, paid" "$(curl -fsS "$ORDER_SERVICE/orders/$order" | grep -o '"status":"[A-Za-z]*"' | head -n 1)" '"status":"Paid"'
  tell_demo "the demo's order is paid after the restart"
  apphost_stop
  apphost_volumes | xargs -r docker volume rm >/dev/null
  eventually 60 apphost_left_nothing "$before"
  expect "in the end nothing is left" "$(new_objects "$before")" ""
}

# Returns when it is healthy.
apphost_start() {
  # AppHostSha is Aspire's own setting: it gives the volumes their names.
  AppHostSha=$APPHOST_NAME DOTNET_ENVIRONMENT=Development ASPNETCORE_ENVIRONMENT=Development ASPIRE_ALLOW_UNSECURED_TRANSPORT=true \
    ASPNETCORE_URLS=http://localhost:$DASHBOARD_PORT ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL=http://localhost:$DASHBOARD_OTLP_PORT \
    ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL=http://localhost:$DASHBOARD_RESOURCE_PORT \
    dotnet run --project EventShop.AppHost -c Release --no-build --no-launch-profile -- --Infrastructure:Mode=Containers --Infrastructure:DataFolder="$WORK/apphost" \
    --Ports:order-service="$ORDER_PORT" --Ports:payment-service="$PAYMENT_PORT" --Ports:payment-gateway="$GATEWAY_PORT" \
    --Ports:prometheus="$PROMETHEUS_PORT" --Ports:jaeger="$JAEGER_PORT" >"$WORK/apphost.log" 2>&1 &
  APPHOST=$!
  eventually 300 apphost_healthy && return
  fail "the AppHost starts its containers and the services, healthy"
  docker ps --all --format '{{.Image}}: {{.Status}}'
  tail -n 20 "$WORK/apphost.log"
  return 1
}

apphost_healthy() {
  local port
  for port in "$ORDER_PORT" "$PAYMENT_PORT" "$GATEWAY_PORT"; do curl -fsS --max-time 2 "http://127.0.0.1:$port/health" || return; done
}

apphost_stop() {
  [ -n "$APPHOST" ] || return 0
  kill -TERM "$APPHOST" 2>/dev/null || true
  wait "$APPHOST" 2>/dev/null || true
  APPHOST=
}

# The jobs whose target is up.
apphost_targets() {
  curl -fsS --max-time 5 --get --data-urlencode 'query=count by (job) (up == 1)' "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query" | grep -o '"job":"[^"]*"' | cut -d '"' -f 4 | sort | xargs
}
apphost_scraped() { [ "$(apphost_targets)" = "$APPHOST_SERVICES" ]; }

# Jaeger tells the services that it knows; its stand-in the requests that it got.
apphost_traces() {
  curl -fsS --max-time 5 "http://127.0.0.1:$JAEGER_PORT/api/services" 2>/dev/null | grep -q order-service \
    || curl -fsS --max-time 5 "http://127.0.0.1:$JAEGER_PORT/;csv" | grep -qE '^otlp-grpc,FRONTEND,([^,]*,){5}[1-9]'
}

# What the engine has: a line for each container, network and volume.
engine_objects() {
  {
    docker ps --all --format 'container {{.Names}}'
    docker network ls --format 'network {{.Name}}'
    docker volume ls --format 'volume {{.Name}}'
  } | sort
}

new_objects() { comm -13 <(echo "$1") <(engine_objects) | xargs; }

apphost_volumes() { docker volume ls --quiet | grep -F -- "-$APPHOST_NAME"; }
apphost_left_only_data() { [ "$(engine_objects | comm -13 <(echo "$1") - | grep -cv "^volume .*-$APPHOST_NAME-")" = 0 ]; }
apphost_left_nothing() { [ -z "$(new_objects "$1")" ]; }
