#!/usr/bin/env bash
# What can be proved of the Kubernetes files, azure.yaml and the workflows without a cluster. A part of deploy/check.sh, and by itself:
#   deploy/check/kubernetes.sh                    all of it, with one line for each check
#   deploy/check/kubernetes.sh prometheus-rule    prints the PrometheusRule that deploy/observability/alerts.yml makes
#
# Needs kubectl (or kustomize), and node 20 with npm; where one is missing, what needs it is skipped and named. Uses helm, promtool,
# nats-server (NATS_SERVER) and PostgreSQL (PG_BIN) where they are. AZURE_YAML_SCHEMA is a copy of azd's schema
# (github.com/Azure/azure-dev, schemas/v1.0/azure.yaml.json).
#
# Not checked here, because it takes a cluster or somebody's account: that images are pulled and pods scheduled, the probes, the
# ingress controller, KEDA and the operators at work, `helm install`, `azd up`, and a run of the workflow.

ROOT=${ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
K8S=$ROOT/deploy/k8s
K8S_TOOLS=$ROOT/artifacts/check-kubernetes
CHART_VERSION=2.14.2

P_STARTED=()
K8S_WORK=

check_kubernetes() {
  K8S_WORK=$(mktemp -d)
  if k8s_render; then
    k8s_rules
    if k8s_tools; then
      k8s_chart
      tell_all node "$K8S_TOOLS/main.mjs" manifests "$ROOT" "$K8S_WORK"
      k8s_end_to_end
      k8s_broker_configuration
      k8s_as_processes
    fi
  fi
  if k8s_tools; then k8s_repository; fi
  clean_kubernetes
}

# Ends what was started and removes what was written; for the EXIT trap of whoever calls check_kubernetes, too.
clean_kubernetes() {
  local process
  for process in "${P_STARTED[@]}"; do
    kill -KILL "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  P_STARTED=()
  [ -z "$K8S_WORK" ] || rm -rf "$K8S_WORK"
  K8S_WORK=
}

# tell_all COMMAND…: its lines are «ok text», «fail text», «skip text · why», and others that explain the line before.
tell_all() {
  local line
  while IFS= read -r line; do
    case $line in
      "ok "*) ok "${line#ok }" ;;
      "fail "*) fail "${line#fail }" ;;
      *) printf '%s\n' "$line" ;;
    esac
  done < <("$@" 2>&1 || echo "fail ${*:2:2} ended with an error")
}

# ---- manifests --------------------------------------------------------------------------------------------------------------------

kustomize_build() {
  if type -P kubectl >/dev/null; then kubectl kustomize "$1"; else kustomize build "$1"; fi
}

k8s_render() {
  if ! { type -P kubectl || type -P kustomize; } >/dev/null; then
    skip "the manifests" "neither kubectl nor kustomize is installed"
    return 1
  fi
  local overlay trouble=
  for overlay in dev production production/setup; do
    kustomize_build "$K8S/overlays/$overlay" >"$K8S_WORK/${overlay//\//-}.yaml" 2>"$K8S_WORK/error" || trouble+=" $overlay: $(tail -n 1 "$K8S_WORK/error")"
  done
  # The way to Secrets by an operator, which the overlay has commented out.
  mkdir "$K8S_WORK/with-secrets"
  cp -r "$K8S" "$ROOT/deploy/nats" "$ROOT/deploy/postgres" "$K8S_WORK/with-secrets"
  sed -i 's/^  # - \(.*external-secrets\)$/  - \1/' "$K8S_WORK/with-secrets/k8s/overlays/production/kustomization.yaml"
  kustomize_build "$K8S_WORK/with-secrets/k8s/overlays/production" >"$K8S_WORK/all.yaml" 2>"$K8S_WORK/error" || trouble+=" external-secrets: $(tail -n 1 "$K8S_WORK/error")"
  awk -v RS='---\n' '/\nkind: ExternalSecret\n/ { printf "---\n%s", $0 }' "$K8S_WORK/all.yaml" >"$K8S_WORK/external-secrets.yaml"
  "$K8S/secrets.sh" passwords >"$K8S_WORK/passwords.env"
  "$K8S/secrets.sh" manifests postgres.example.com <"$K8S_WORK/passwords.env" >"$K8S_WORK/secrets.yaml" || trouble+=" secrets.sh"
  if [ -n "$trouble" ]; then
    fail "the overlays are rendered:$trouble"
    return 1
  fi
  ok "the overlays dev, production and production/setup are rendered, and secrets.sh makes its Secrets"
}

# A fault in a file, not in memory: rendered and checked like the real ones.
k8s_end_to_end() {
  local copy=$K8S_WORK/broken
  mkdir -p "$copy/rendered"
  cp -r "$K8S" "$ROOT/deploy/nats" "$ROOT/deploy/postgres" "$copy"
  cp "$K8S_WORK"/*.yaml "$copy/rendered/"
  sed -i 's/name: order-service, key: orders }/name: order-service, key: database }/' "$copy/k8s/base/services/order-service.yaml"
  kustomize_build "$copy/k8s/overlays/dev" >"$copy/rendered/dev.yaml"
  node "$K8S_TOOLS/main.mjs" manifests "$ROOT" "$copy/rendered" >"$copy/verdicts" 2>&1
  if grep -q 'Deployment order-service: Secret order-service.* has no key database' "$copy/verdicts"
  then ok "a key misspelt in base/services/order-service.yaml is found in the rendered overlay"
  else fail "a key misspelt in base/services/order-service.yaml is found in the rendered overlay"
  fi
}

# What the check validates with, in artifacts/.
k8s_tools() {
  [ "${K8S_TOOLS_STATE:-}" = there ] && return
  [ "${K8S_TOOLS_STATE:-}" = missing ] && return 1
  K8S_TOOLS_STATE=missing
  if ! type -P node npm >/dev/null; then
    skip "schemas, references, network policies, azure.yaml and workflows" "node and npm are not installed"
    return 1
  fi
  mkdir -p "$K8S_TOOLS"
  cp "$ROOT"/deploy/check/kubernetes/* "$K8S_TOOLS/"
  if ! cmp -s "$K8S_TOOLS/package-lock.json" "$K8S_TOOLS/installed.json"; then
    if ! (cd "$K8S_TOOLS" && npm ci --no-audit --no-fund) >"$K8S_TOOLS/npm.log" 2>&1; then
      skip "schemas, references, network policies, azure.yaml and workflows" "npm ci failed: $(grep -m 1 -i 'error' "$K8S_TOOLS/npm.log" || tail -n 1 "$K8S_TOOLS/npm.log")"
      return 1
    fi
    cp "$K8S_TOOLS/package-lock.json" "$K8S_TOOLS/installed.json"
  fi
  K8S_TOOLS_STATE=there
}

# ---- alert rules ------------------------------------------------------------------------------------------------------------------

prometheus_rule() {
  cat <<'HEAD'
# Made of deploy/observability/alerts.yml; change it there, and here by:
#   deploy/check/kubernetes.sh prometheus-rule > deploy/k8s/components/monitoring/prometheus-rule.yaml
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: { name: eventshop }
spec:
HEAD
  sed -n '/^groups:/,$ { s/^./  &/; p }' "$ROOT/deploy/observability/alerts.yml"
}

k8s_rules() {
  local promtool=
  if diff <(prometheus_rule) "$K8S/components/monitoring/prometheus-rule.yaml" >/dev/null
  then ok "the PrometheusRule has the rules of deploy/observability/alerts.yml"
  else fail "the PrometheusRule differs from deploy/observability/alerts.yml: its first lines say how to make it anew"
  fi
  # shellcheck source=../../.ci/setup.sh
  [ -n "${PROMETHEUS_BIN:-}" ] || (cd "$ROOT" && . .ci/setup.sh && need_prometheus) >/dev/null 2>&1 || true
  for promtool in ${PROMETHEUS_BIN:+"$PROMETHEUS_BIN/promtool"} "$(type -P promtool)" "$ROOT/artifacts/prometheus/usr/bin/promtool" ""; do
    [ ! -x "$promtool" ] || break
  done
  if [ -z "$promtool" ]; then skip "promtool takes the rules" "no promtool: install it, or set PROMETHEUS_BIN"; return; fi
  sed -n '/^spec:/,$ { /^spec:/d; s/^  //; p }' "$K8S/components/monitoring/prometheus-rule.yaml" >"$K8S_WORK/rules.yml"
  if "$promtool" check rules "$K8S_WORK/rules.yml" >"$K8S_WORK/promtool.log" 2>&1
  then ok "promtool takes the PrometheusRule: $(sed -n 's/.*SUCCESS: //p' "$K8S_WORK/promtool.log")"
  else fail "promtool takes the PrometheusRule"; cat "$K8S_WORK/promtool.log"
  fi
}

# ---- the broker -------------------------------------------------------------------------------------------------------------------

# The chart's own manifests where helm and the chart can be had, otherwise those that chart.mjs makes after it.
k8s_chart() {
  local values=(--values "$K8S/nats/values.yaml") chart=(nats nats --repo https://nats-io.github.io/k8s/helm/charts/ --version "$CHART_VERSION" --namespace eventshop)
  if type -P helm >/dev/null \
    && helm template "${chart[@]}" "${values[@]}" >"$K8S_WORK/nats-chart.yaml" 2>"$K8S_WORK/helm.log" \
    && helm template "${chart[@]}" "${values[@]}" --values "$K8S/nats/values-zones.yaml" >"$K8S_WORK/nats-zones.yaml" 2>>"$K8S_WORK/helm.log"
  then ok "helm renders chart $CHART_VERSION of the broker with nats/values.yaml, and with values-zones.yaml"
  else
    rm -f "$K8S_WORK"/nats-{chart,zones}.yaml
    skip "helm renders the broker's chart" "helm or the chart is not at hand: kubernetes/chart.mjs stands in for it below"
  fi
  node "$K8S_TOOLS/main.mjs" chart "$ROOT" "$K8S_WORK"
}

# A nats-server that knows what the files ask for.
k8s_nats_server() {
  local candidate
  for candidate in "${NATS_SERVER:-}" "$ROOT/artifacts/debian/nats-server/usr/sbin/nats-server" "$(type -P nats-server)"; do
    if [ -n "$candidate" ] && "$candidate" --version 2>/dev/null | grep -qE 'v(2\.[1-9][0-9]+|[3-9])\.'; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

k8s_broker_configuration() {
  local server name trouble=
  # deploy/check.sh can unpack one of a later Debian's.
  if ! server=$(k8s_nats_server) && declare -F debian_package >/dev/null; then debian_package nats-server trixie sid >/dev/null 2>&1 || true; fi
  if ! server=$(k8s_nats_server); then
    skip "nats-server takes the broker's configuration, and refuses what its users may not do" "no nats-server 2.10 or later: set NATS_SERVER"
    return
  fi
  local environment=(SERVER_NAME=nats-0 ZONE_TAG=az:a NATS_PROVISIONER_PASSWORD=p1 NATS_ORDER_SERVICE_PASSWORD=p2 NATS_PAYMENT_SERVICE_PASSWORD=p3 NATS_SYS_PASSWORD=p4)
  for name in nats-chart nats-zones nats-dev; do
    env "${environment[@]}" "$server" -t -c "$K8S_WORK/$name/nats-config/nats.conf" >"$K8S_WORK/nats.log" 2>&1 || trouble+=" $name: $(tail -n 1 "$K8S_WORK/nats.log")"
  done
  sed -i 's/sync_interval/sync_intervall/' "$K8S_WORK/nats-zones/nats-config/nats.conf"
  ! env "${environment[@]}" "$server" -t -c "$K8S_WORK/nats-zones/nats-config/nats.conf" >/dev/null 2>&1 || trouble+=" it takes a misspelt setting as well"
  if [ -z "$trouble" ]
  then ok "nats-server $("$server" --version | sed 's/.* v//') takes the configurations of the chart, the chart with zones, and dev"
  else fail "nats-server takes the configurations of the chart, the chart with zones, and dev:$trouble"
  fi
}

# ---- the dev overlay, with processes in place of pods -----------------------------------------------------------------------------

# Broker, database, setup jobs and services run with the environment, users, roles and configuration that the overlay gives them.
k8s_as_processes() {
  local what="the dev overlay's settings, users and roles carry an order to Paid" nats_server pg_bin service
  for service in OrderService PaymentService PaymentGateway; do
    if [ ! -f "$ROOT/services/$service/bin/Release/net10.0/$service.dll" ]; then
      skip "$what" "the services are not built: dotnet build -c Release"
      return
    fi
  done
  if ! nats_server=$(k8s_nats_server); then skip "$what" "no nats-server 2.10 or later: set NATS_SERVER"; return; fi
  # Where initdb really is, psql is too.
  pg_bin=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)
  pg_bin=${PG_BIN:-$(dirname "$(readlink -f "$(type -P initdb || echo "$pg_bin")")")}
  if [ ! -x "$pg_bin/initdb" ] || [ ! -x "$pg_bin/psql" ]; then skip "$what" "no PostgreSQL with psql: install it, or set PG_BIN"; return; fi
  P_NATS=$nats_server P_PG=$pg_bin P_WORK=$K8S_WORK/processes
  processes_run "$what"
}

# in_dev WORKLOAD DLL [ARGUMENT]: runs a service's binary with the environment of that workload.
in_dev() {
  local workload=$1 dll=$2 environment
  shift 2
  mapfile -d '' -t environment < <(node "$K8S_TOOLS/main.mjs" environment "$ROOT" "$K8S_WORK" "$workload" \
    "nats:4222=>127.0.0.1:$NATS_PORT" "Host=postgres;=>Host=127.0.0.1;Port=$PG_PORT;" "payment-gateway:8080=>127.0.0.1:$GATEWAY_PORT" \
    "/ledger/=>$P_WORK/ledger/" "ASPNETCORE_HTTP_PORTS=8080=>ASPNETCORE_HTTP_PORTS=${PORT:-0}")
  cd "$ROOT/services/$dll/bin/Release/net10.0" || return
  exec env -i PATH="$PATH" HOME="$HOME" ${DOTNET_ROOT:+DOTNET_ROOT="$DOTNET_ROOT"} "${environment[@]}" dotnet "$dll.dll" "$@"
}

# eventually SECONDS COMMAND…
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.3
  done
}

processes_run() {
  local what=$1 order="" state=0 job ports
  mkdir -p "$P_WORK/ledger" "$P_WORK/nats"
  ports=$(node -e 'const s=[...Array(5)].map(()=>require("net").createServer().listen(0,"127.0.0.1"));Promise.all(s.map(x=>new Promise(r=>x.on("listening",r)))).then(()=>{console.log(s.map(x=>x.address().port).join(" "));s.forEach(x=>x.close())})')
  read -r NATS_PORT PG_PORT ORDER_PORT PAYMENT_PORT GATEWAY_PORT <<<"$ports"

  processes_broker || { fail "$what: the broker does not start"; tail -n 5 "$P_WORK/nats.log"; return; }
  processes_database || { fail "$what: the database does not start, or does not take init.sql"; tail -n 5 "$P_WORK/postgres.log"; return; }

  # Both at once: each waits for what the other makes.
  (in_dev order-service-setup OrderService setup) >"$P_WORK/order-setup.log" 2>&1 & job=$!
  (in_dev payment-service-setup PaymentService setup) >"$P_WORK/payment-setup.log" 2>&1 || state=1
  wait "$job" || state=1
  if [ "$state" != 0 ]; then
    fail "the jobs set up schemas, streams and consumers as the databases' owners and the broker's provisioner"
    tail -n 3 "$P_WORK"/*-setup.log
    return
  fi
  ok "the jobs set up schemas, streams and consumers as the databases' owners and the broker's provisioner"

  (PORT=$GATEWAY_PORT in_dev payment-gateway PaymentGateway) >"$P_WORK/gateway.log" 2>&1 & P_STARTED+=($!) GATEWAY=$!
  (PORT=$PAYMENT_PORT in_dev payment-service PaymentService) >"$P_WORK/payment.log" 2>&1 & P_STARTED+=($!) PAYMENT=$!
  (PORT=$ORDER_PORT in_dev order-service OrderService) >"$P_WORK/order.log" 2>&1 & P_STARTED+=($!) ORDER=$!
  if eventually 60 curl -fs "127.0.0.1:$ORDER_PORT/health" && eventually 60 curl -fs "127.0.0.1:$PAYMENT_PORT/health" && eventually 60 curl -fs "127.0.0.1:$GATEWAY_PORT/health"; then
    order=$(curl -fs "127.0.0.1:$ORDER_PORT/orders" -H 'Content-Type: application/json' \
      -d '{"customerId":"c-1","items":[{"sku":"SKU-1","quantity":1}],"paymentToken":"tok_ok"}' | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
  fi
  is_paid() { curl -fs "127.0.0.1:$ORDER_PORT/orders/$order" | grep -q '"status":"Paid"'; }
  if [ -n "$order" ] && eventually 30 is_paid && ! grep -q 'Permissions Violation' "$P_WORK"/{order,payment,nats}.log; then ok "$what"
  else
    fail "$what"
    grep -h 'Permissions Violation\|cannot start\|warn\|fail' "$P_WORK"/{order,payment,gateway,nats}.log | tail -n 5 || true
    return 0
  fi
  processes_dead_letter
  processes_rights
  processes_stop
}

processes_broker() {
  sed -e "s/^port: .*/host: 127.0.0.1\nport: $NATS_PORT/" -e '/^http_port/d' -e "s#store_dir: .*#store_dir: $P_WORK/nats#" -e 's/max_file_store: .*/max_file_store: 256MB/' \
    "$K8S_WORK/nats-dev/nats-config/nats.conf" >"$K8S_WORK/nats-dev/nats-config/here.conf"
  local environment
  mapfile -d '' -t environment < <(node "$K8S_TOOLS/main.mjs" environment "$ROOT" "$K8S_WORK" nats)
  env "${environment[@]}" "$P_NATS" -c "$K8S_WORK/nats-dev/nats-config/here.conf" >"$P_WORK/nats.log" 2>&1 &
  P_STARTED+=($!)
  eventually 20 grep -q 'Server is ready' "$P_WORK/nats.log"
}

processes_database() {
  local environment run=() data=$P_WORK/postgres
  mapfile -d '' -t environment < <(node "$K8S_TOOLS/main.mjs" environment "$ROOT" "$K8S_WORK" postgres)
  mkdir "$data"
  # PostgreSQL does not run as root.
  if [ "$(id -u)" = 0 ]; then
    run=(runuser -u postgres --)
    chown postgres "$data"
    chmod 711 "$K8S_WORK" "$P_WORK"
  fi
  printf '%s' "$(sed -n 's/^POSTGRES_PASSWORD=//p' < <(printf '%s\n' "${environment[@]}"))" >"$data.password"
  [ "$(id -u)" != 0 ] || chown postgres "$data.password"
  (cd / && "${run[@]}" "$P_PG/initdb" -D "$data" -U postgres --auth scram-sha-256 --pwfile "$data.password" --no-sync --no-locale --encoding UTF8) >"$P_WORK/postgres.log" 2>&1 || return
  (cd / && exec "${run[@]}" "$P_PG/postgres" -D "$data" -p "$PG_PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off) >>"$P_WORK/postgres.log" 2>&1 &
  P_STARTED+=($!)
  eventually 30 grep -q 'ready to accept connections' "$P_WORK/postgres.log" || return
  # As the image does at its first start.
  env "${environment[@]}" PGPASSWORD="$(cat "$data.password")" "$P_PG/psql" -h 127.0.0.1 -p "$PG_PORT" -U postgres -v ON_ERROR_STOP=1 --no-psqlrc -f "$ROOT/deploy/postgres/init.sql" >>"$P_WORK/postgres.log" 2>&1
}

# A message that no handler takes: given up, listed, redriven, given up again, discarded.
processes_dead_letter() {
  local what="a poisoned message is given up, listed, redriven and discarded with the services' own rights" letters="127.0.0.1:$PAYMENT_PORT/dead-letters" all
  exec 3<>"/dev/tcp/127.0.0.1/$NATS_PORT" || return 0
  printf 'CONNECT {"user":"order-service","pass":"dev-only-order-service","verbose":false,"lang":"check","version":"1","protocol":1}\r\nPUB orders.created 4\r\nnull\r\nPING\r\n' >&3
  timeout 5 sed '/^PONG/q' <&3 >/dev/null || true
  exec 3>&-
  has_letters() { [ "$(curl -fs "$letters" | grep -o '"sequence":' | wc -l)" = "$1" ]; }
  letter() { curl -fs "$letters" | sed -nE 's/.*"id":"([^"]*)".*"sequence":'"$1"',.*/\1/p'; }
  has_letter() { [ -n "$(letter "$1")" ]; }
  redriven() { [ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$letters/$(letter 1)/redrive")" = 202 ]; }
  discarded() { [ "$(curl -s -o /dev/null -w '%{http_code}' -X DELETE "$letters/$(letter 2)")" = 204 ]; }
  if eventually 20 has_letters 1 && redriven && eventually 20 has_letter 2 && discarded && has_letters 0
  then ok "$what"
  else fail "$what"; curl -s "$letters"; echo
  fi
}

# What is not needed is refused.
processes_rights() {
  tell_all node "$K8S_TOOLS/rights.mjs" "$NATS_PORT" provisioner=dev-only-provisioner order-service=dev-only-order-service payment-service=dev-only-payment-service
  sql() { PGPASSWORD=$1 "$P_PG/psql" -h 127.0.0.1 -p "$PG_PORT" -U "$2" -d "$3" --no-psqlrc -qtc "$4" >/dev/null 2>&1; }
  if sql dev-only-orders-app orders_app orders 'select 1 from orders' \
    && ! sql dev-only-orders-app orders_app orders 'create table t ()' \
    && ! sql dev-only-orders-app orders_app orders 'alter table orders add column c int' \
    && ! sql dev-only-orders-app orders_app orders 'truncate orders' \
    && ! sql dev-only-orders-app orders_app payments 'select 1' \
    && ! sql dev-only-payments-app payments_app orders 'select 1' \
    && ! sql dev-only-orders-owner orders_owner payments 'select 1'
  then ok "a service's role uses its own tables, changes none, and comes into no other database"
  else fail "a service's role uses its own tables, changes none, and comes into no other database"
  fi
}

# SIGTERM, as after preStop: everything ends by itself in the time that the manifests leave.
processes_stop() {
  local what="the services end within the 30 s that terminationGracePeriodSeconds leaves after preStop" since=$SECONDS process state=0
  kill -TERM "$ORDER" "$PAYMENT" "$GATEWAY"
  for process in "$ORDER" "$PAYMENT" "$GATEWAY"; do wait "$process" || state=$?; done
  if [ "$state" = 0 ] && [ $((SECONDS - since)) -le 30 ]; then ok "$what: $((SECONDS - since)) s"; else fail "$what: status $state, $((SECONDS - since)) s"; fi
}

# ---- azd, CI ----------------------------------------------------------------------------------------------------------------------

k8s_repository() {
  local schema=${AZURE_YAML_SCHEMA:-}
  tell_all node "$K8S_TOOLS/main.mjs" repository "$ROOT" "$K8S_WORK" $schema
  [ -n "$schema" ] || skip "azure.yaml agrees with azd's schema" "no copy of the schema: AZURE_YAML_SCHEMA"
}

# By itself: with its own verdicts.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  if [ "${1:-}" = prometheus-rule ]; then prometheus_rule; exit; fi
  passed=0 failed=0 skipped=0
  ok() { passed=$((passed + 1)); echo "ok    $1"; }
  fail() { failed=$((failed + 1)); echo "FAIL  $1"; }
  skip() { skipped=$((skipped + 1)); echo "skip  $1 ($2)"; }
  trap clean_kubernetes EXIT
  check_kubernetes
  echo "$passed ok, $failed failed, $skipped skipped"
  [ "$failed" = 0 ]
fi
