# Sourced by check.sh: builds every Dockerfile, starts deploy/compose.yaml, breaks it, and takes it down. Where no image can be pulled, the
# base images are made of this machine's programs (stand-ins.sh), and what has no such stand-in is skipped and named.

CHECK_PROJECT=eventshop-check
CHECK_SERVICES=(order-service:OrderService payment-service:PaymentService payment-gateway:PaymentGateway)

check_containers() {
  if engine "images and Compose" && containers_compose && containers_images && containers_build; then
    containers_stack
  fi
  clean_containers
}

# Ends what was started and removes what was made; safe to call twice.
clean_containers() {
  [ "$ENGINE" = there ] || return 0
  compose down --volumes --timeout 5 >/dev/null 2>&1 || true
  [ -n "${KEEP_IMAGES:-}" ] || remove_images "$CHECK_PROJECT"
}

containers_compose() {
  if ! docker_plugin compose; then
    skip "images and Compose" "docker compose is not installed"
    return 1
  fi
}

# Sets what compose.yaml and the Dockerfiles take for images: their defaults where they can be pulled, else the stand-ins.
containers_images() {
  export EVENTSHOP_VERSION=check EVENTSHOP_SOURCE=https://example.com/eventshop EVENTSHOP_REVISION
  EVENTSHOP_REVISION=$(git rev-parse HEAD 2>/dev/null || echo none)
  export ORDER_SERVICE_IMAGE=$CHECK_PROJECT/order-service PAYMENT_SERVICE_IMAGE=$CHECK_PROJECT/payment-service PAYMENT_GATEWAY_IMAGE=$CHECK_PROJECT/payment-gateway
  export COMPOSE_PROFILES=observability JAEGER_OTLP_ENDPOINT=http://jaeger:4317 USE_STAND_INS=false
  if images_can_be_pulled; then
    SDK_IMAGE=$(default_of SDK_IMAGE) RUNTIME_IMAGE=$(default_of RUNTIME_IMAGE)
    export SDK_IMAGE RUNTIME_IMAGE
    return
  fi
  COMPOSE_PROFILES='' JAEGER_OTLP_ENDPOINT=''
  [ ! -e .stand-ins ] || USE_STAND_INS=true
  if ! stand_in_programs; then
    skip "images and Compose" "no image can be pulled, and there is no haproxy here to make one of"
    return 1
  fi
  if ! containers_packages; then
    fail "the packages of the services are restored"
    return 1
  fi
  local images=(sdk aspnet nats postgres haproxy)
  [ -z "$PROMETHEUS" ] || images+=(prometheus)
  make_stand_ins "${images[@]}" || return 1
  export SDK_IMAGE=$STAND_IN/sdk:$STAND_IN_TAG RUNTIME_IMAGE=$STAND_IN/aspnet:$STAND_IN_TAG NATS_IMAGE=$STAND_IN/nats:$STAND_IN_TAG
  export POSTGRES_IMAGE=$STAND_IN/postgres:$STAND_IN_TAG HAPROXY_IMAGE=$STAND_IN/haproxy:$STAND_IN_TAG PROMETHEUS_IMAGE=$STAND_IN/prometheus:$STAND_IN_TAG
  [ -z "$PROMETHEUS" ] || COMPOSE_PROFILES=prometheus
  skip "the base images that users pull" "no image can be pulled here: stand-ins of $("$NATS_SERVER" --version), $("$PG_BIN/postgres" --version), $(docker run --rm "$HAPROXY_IMAGE" haproxy -v 2>/dev/null | sed -n '1s/ - .*//p'), .NET $(dotnet --version)"
  skip "Jaeger and Grafana: their images, deploy/grafana/provisioning" "neither is in Debian"
}

# A feed of the packages that the services' restore takes, made in a copy so that nobody's obj folders change.
containers_packages() {
  [ ! -e "$WORK/packages" ] || return 0
  mkdir "$WORK/source" "$WORK/packages"
  containers_source "$WORK/source"
  local entry
  for entry in "${CHECK_SERVICES[@]}"; do
    UseStandIns=$USE_STAND_INS NUGET_PACKAGES=$WORK/nuget dotnet restore "$WORK/source/services/${entry#*:}" --use-current-runtime -p:PublishReadyToRun=true >>"$WORK/restore.log" 2>&1 || return 1
  done
  find "$WORK/nuget" -name '*.nupkg' -exec mv {} "$WORK/packages/" \;
  rm -rf "$WORK/nuget" "$WORK/source"
}

# containers_source FOLDER: a copy of what is under version control, as it is now.
containers_source() {
  if git rev-parse --git-dir >/dev/null 2>&1
  then git ls-files -z --cached --others --exclude-standard | xargs -0 tar -c --ignore-failed-read 2>/dev/null | tar -x -C "$1"
  else tar -c --exclude artifacts --exclude bin --exclude obj . | tar -x -C "$1"
  fi
}

# build_image NAME PROJECT CONTEXT: prints what the builder prints.
build_image() {
  local buildkit=1 network=()
  # The Dockerfiles do not need BuildKit, which is not everywhere.
  docker buildx version >/dev/null 2>&1 || buildkit=0
  [ -n "$PULLED" ] || network=(--network none)
  DOCKER_BUILDKIT=$buildkit BUILDKIT_PROGRESS=plain docker build --file "$3/services/$2/Dockerfile" --tag "$CHECK_PROJECT/$1:check" --build-arg SDK_IMAGE="$SDK_IMAGE" --build-arg RUNTIME_IMAGE="$RUNTIME_IMAGE" \
    --build-arg UseStandIns="$USE_STAND_INS" --build-arg VERSION=1.2.3 --build-arg REVISION="$EVENTSHOP_REVISION" \
    --build-arg SOURCE="$EVENTSHOP_SOURCE" "${network[@]}" "$3" 2>&1
}

containers_build() {
  local entry name project image started
  for entry in "${CHECK_SERVICES[@]}"; do
    name=${entry%:*} project=${entry#*:} image=$CHECK_PROJECT/${entry%:*}:check started=$SECONDS
    if ! build_image "$name" "$project" "$ROOT" >"$WORK/build.log"; then
      fail "services/$project/Dockerfile builds"
      tail -n 20 "$WORK/build.log"
      return 1
    fi
    ok "services/$project/Dockerfile builds ($((SECONDS - started)) s): $(image_size "$image"), $(own_size "$image") of it beside the base image"

    expect "$name: user 1654, port 8080, health check by its own binary" \
      "$(docker inspect --format '{{.Config.User}} {{range $port, $_ := .Config.ExposedPorts}}{{$port}}{{end}} {{json .Config.Healthcheck.Test}}' "$image")" \
      "1654 8080/tcp [\"CMD\",\"dotnet\",\"$project.dll\",\"health\",\"/ready\"]"
    expect "$name: OCI labels" \
      "$(docker inspect --format '{{index .Config.Labels "org.opencontainers.image.version"}} {{index .Config.Labels "org.opencontainers.image.revision"}} {{index .Config.Labels "org.opencontainers.image.source"}}' "$image")" \
      "1.2.3 $EVENTSHOP_REVISION $EVENTSHOP_SOURCE"
    if docker run --rm --entrypoint sh "$image" -c true >/dev/null 2>&1 || docker run --rm --entrypoint /bin/sh "$image" -c true >/dev/null 2>&1
    then fail "$name: there is a shell in the image"
    else ok "$name: no shell"
    fi
    expect "$name: no development settings, symbols or sources" \
      "$(files_of "$image" | grep -E '^app/.*(\.pdb|\.cs|Development\.json)$')" ""
  done

  # The layer that restores is used again when only sources have changed.
  mkdir "$WORK/context"
  containers_source "$WORK/context"
  build_image payment-gateway PaymentGateway "$WORK/context" >/dev/null
  echo "// changed" >>"$WORK/context/services/PaymentGateway/Program.cs"
  build_image payment-gateway PaymentGateway "$WORK/context" >"$WORK/build.log"
  # Said by the old builder and by BuildKit.
  if awk '/RUN dotnet restore/ { getline; found = /Using cache|CACHED/ } END { exit !found }' "$WORK/build.log"
  then ok "a change of sources takes the restored packages from the cache"
  else fail "a change of sources restores packages anew"
  fi
  rm -rf "$WORK/context"
}

files_of() {
  local container
  container=$(docker create "$1")
  docker export "$container" | tar -t
  docker rm "$container" >/dev/null
}

image_size() { docker image inspect --format '{{.Size}}' "$1" | awk '{ printf "%.0f MB", $1 / 1e6 }'; }
own_size() { echo "$(docker image inspect --format '{{.Size}}' "$1") $(docker image inspect --format '{{.Size}}' "$RUNTIME_IMAGE")" | awk '{ printf "%.0f MB", ($1 - $2) / 1e6 }'; }

# ---- the stack ---------------------------------------------------------------------------------------------------------------------

compose() { docker compose --project-name "$CHECK_PROJECT" --env-file "${ENV_FILE:-/dev/null}" -f deploy/compose.yaml "$@"; }

# container SERVICE [INDEX]: its id.
container() { compose ps --all --quiet --index "${2:-1}" "$1" 2>/dev/null || compose ps --all --quiet "$1" | sed -n "${2:-1}p"; }

containers_stack() {
  export COMPOSE_PROJECT_NAME=$CHECK_PROJECT ENV_FILE=$WORK/env FRONT_NETWORK=172.28.58.0/24
  free_ports ORDER_PORT PAYMENT_PORT GATEWAY_PORT ORDER_OPERATIONS_PORT PAYMENT_OPERATIONS_PORT PROMETHEUS_PORT JAEGER_PORT GRAFANA_PORT
  export ORDER_SERVICE=http://127.0.0.1:$ORDER_PORT PAYMENT_GATEWAY=http://127.0.0.1:$GATEWAY_PORT

  local started=$SECONDS
  if ! up; then
    fail "./deploy/up.sh starts everything, healthy"
    tail -n 5 "$WORK/up.log"
    compose ps --all
    compose logs --tail 5
    return
  fi
  ok "./deploy/up.sh starts everything, healthy ($((SECONDS - started)) s): $(compose ps --quiet | wc -l) containers run"
  expect "passwords of its own, readable by nobody else" "$(stat -c %a "$ENV_FILE") $(grep -c '_PASSWORD=p[0-9a-f]\{32\}$' "$ENV_FILE")" "600 11"
  check_hardening
  check_rights
  check_prometheus
  check_proxy
  tell_demo "the demo's order is paid"

  # Each node once: so the leader of every stream and consumer was among them.
  local node
  for node in nats-1 nats-2 nats-3; do
    while_loaded "$node killed under load: every order settled, none charged twice" kill_container "$node" 1
    tell_demo "the demo's order is paid with $node away"
    docker start "$(container "$node")" >/dev/null
    wait_healthy "$node" 1 || fail "$node comes back healthy"
  done

  while_loaded "a replica of the order service killed under load: every order settled, none charged twice" kill_container order-service 1
  while_loaded "a replica of the payment service killed under load: every order settled, none charged twice" kill_container payment-service 2
  tell_demo "the demo's order is paid by the replicas that are left"
  cold_start order-service 1
  cold_start payment-service 2
  tell_demo "the demo's order is paid with all replicas back"

  local before after
  before=$(paid_orders)
  compose down --timeout 40 >"$WORK/down.log" 2>&1 || fail "it goes down: $(tail -n 1 "$WORK/down.log")"
  expect "down leaves no container and keeps the volumes" \
    "$(docker ps --all --quiet --filter "label=com.docker.compose.project=$CHECK_PROJECT" | wc -l) $(docker volume ls --quiet --filter "label=com.docker.compose.project=$CHECK_PROJECT" | grep -cE '(nats-[123]|postgres|gateway)$')" "0 5"
  if up; then
    after=$(paid_orders)
    if [ "$before" -gt 0 ] && [ "$after" = "$before" ]; then ok "down and up again: all $before paid orders are there"; else fail "of $before paid orders $after were there after down and up"; fi
    tell_demo "the demo's order is paid after down and up"
  else
    fail "it comes up again: $(tail -n 1 "$WORK/up.log")"
  fi

  compose down --volumes --timeout 40 >"$WORK/down.log" 2>&1
  expect "down with --volumes leaves nothing" \
    "$(docker ps --all --quiet --filter "label=com.docker.compose.project=$CHECK_PROJECT" | wc -l) $(docker volume ls --quiet --filter "label=com.docker.compose.project=$CHECK_PROJECT" | wc -l) $(docker network ls --quiet --filter "label=com.docker.compose.project=$CHECK_PROJECT" | wc -l)" "0 0 0"
}

up() { ./deploy/up.sh >"$WORK/up.log" 2>&1; }

# What runs has no root, no capability it did not ask for, and cannot write where it should not.
check_hardening() {
  local id name found=()
  for id in $(compose ps --quiet); do
    name=$(docker inspect --format '{{.Name}}' "$id")
    [ "$(docker inspect --format '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}} {{.HostConfig.SecurityOpt}}' "$id")" = "true [ALL] [] [no-new-privileges:true]" ] || found+=("$name")
    [ "$(ps -o uid= -p "$(docker inspect --format '{{.State.Pid}}' "$id")" | tr -d ' ')" != 0 ] || found+=("$name runs as root")
  done
  expect "every container: not root, read-only root file system, no capabilities, no new privileges" "${found[*]}" ""
}

# The services' own users can neither change the schema nor make a stream.
check_rights() {
  local said
  said=$(docker exec -e PGPASSWORD="$(password ORDERS_APP_PASSWORD)" "$(container postgres)" psql -h 127.0.0.1 -U orders_app -d orders -c 'create table intruder ()' 2>&1)
  case $said in *"permission denied"*) ok "the order service's database user cannot change the schema" ;; *) fail "the order service's database user made a table: $said" ;; esac
  said=$(docker exec -e PGPASSWORD="$(password ORDERS_APP_PASSWORD)" "$(container postgres)" psql -h 127.0.0.1 -U orders_app -d payments -c 'select 1' 2>&1)
  case $said in *"permission denied"*) ok "it cannot connect to the payments' database" ;; *) fail "the order service's database user reads the payments' database: $said" ;; esac
}

password() { sed -n "s/^$1=//p" "$ENV_FILE"; }

check_prometheus() {
  case $COMPOSE_PROFILES in *prometheus* | *observability*) ;; *) skip "Prometheus in the stack" "no image, and no prometheus in this machine's packages"; return ;; esac
  local url=http://127.0.0.1:$PROMETHEUS_PORT
  eventually 40 prometheus_has "$url/api/v1/query?query=sum(up)" '"5"'
  expect "Prometheus scrapes both replicas of each service, and the gateway" "$(curl -fsS "$url/api/v1/query?query=sum(up)" | grep -o '"[0-9]*"\]' | tr -d '"]')" 5
  expect "Prometheus has the alert rules" "$(curl -fsS "$url/api/v1/rules" | grep -o '"type":"alerting"' | wc -l)" "$(grep -c '^ *- alert:' deploy/observability/alerts.yml)"
}

# What is for operators is not to be had from outside.
check_proxy() {
  local path answers=()
  for path in /products /health /ready /metrics /dead-letters; do answers+=("$(status "$ORDER_SERVICE$path")"); done
  answers+=("$(status "http://127.0.0.1:$ORDER_OPERATIONS_PORT/health")" "$(status "http://127.0.0.1:$ORDER_OPERATIONS_PORT/metrics")" "$(status "http://127.0.0.1:$PAYMENT_PORT/dead-letters")" "$(status "http://127.0.0.1:$PAYMENT_OPERATIONS_PORT/dead-letters")")
  expect "the proxy: the API for everybody, health, metrics and dead letters for operators" "${answers[*]}" "200 404 404 404 404 200 200 404 200"
}

status() { curl -s -o /dev/null -w '%{http_code}' --max-time 10 "$1"; }

# while_loaded TEXT COMMAND…: the command is run while orders are placed; all of them must come out right.
while_loaded() {
  local text=$1 load placed_before
  shift
  placed_before=$(placed_orders)
  "${demo[@]}" load 600 8 >"$WORK/load.log" 2>&1 &
  load=$!
  eventually 20 orders_are_placed
  "$@"
  if wait "$load"; then ok "$text ($(tail -n 1 "$WORK/load.log"))"; else fail "$text: $(tail -n 3 "$WORK/load.log" | tr '\n' ' ')"; fi
}

# More than there were when the load began.
orders_are_placed() { [ "$(placed_orders)" -gt "$placed_before" ]; }

placed_orders() { sql "select count(*) from orders"; }
paid_orders() { sql "select count(*) from orders where status = 'Paid'"; }
sql() { docker exec "$(container postgres)" psql -U postgres -d orders -At -c "$1"; }

kill_container() { docker kill "$(container "$1" "$2")" >/dev/null; }

# cold_start SERVICE INDEX: starts a replica that was killed; how long until it answers its health check with 200.
cold_start() {
  local id address from to
  id=$(container "$1" "$2")
  from=$(date +%s%N)
  docker start "$id" >/dev/null
  address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"${CHECK_PROJECT}_front\").IPAddress}}" "$id")
  if eventually 40 curl -fsS --max-time 2 "http://$address:8080/ready"; then
    to=$(date +%s%N)
    wait_healthy "$1" "$2"
    ok "$1: healthy $(((to - from) / 1000000)) ms after docker start"
  else
    fail "$1 is not healthy after docker start"
  fi
}

wait_healthy() { eventually 60 is_healthy "$(container "$1" "$2")"; }
is_healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$1")" = healthy ]; }
