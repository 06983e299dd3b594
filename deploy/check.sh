#!/usr/bin/env bash
# Proves what is under deploy/, as far as this machine can; one line for each check, and a total.
#   ./deploy/check.sh               all of it
#   ./deploy/check.sh containers    images and Compose, with the container engine (check/containers.sh)
#   ./deploy/check.sh apphost       the AppHost with its servers as containers (check/apphost.sh)
#   ./deploy/check.sh kubernetes    Kubernetes, Azure and CI, without a cluster (check/kubernetes.sh)
# KEEP_IMAGES=1 leaves the images that the first two make, for a quicker run the next time.
#
# Exit status 0 only if nothing failed; what could not be checked here is a line that begins with "skip", and says why.
set -uo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD
. .ci/setup.sh
. deploy/check/debian.sh
. deploy/check/engine.sh
. deploy/check/stand-ins.sh
. deploy/check/containers.sh
. deploy/check/apphost.sh
. deploy/check/kubernetes.sh

passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); echo "ok    $1"; }
fail() { failed=$((failed + 1)); echo "FAIL  $1"; }
skip() { skipped=$((skipped + 1)); echo "skip  $1 ($2)"; }

finish() {
  clean_containers
  clean_apphost
  clean_engine
  clean_kubernetes
}
trap finish EXIT
trap 'exit 130' INT TERM

# No file of deploy/ without a check. A line for each place: the part that checks it, or why nothing does.
check_coverage() {
  local file unknown=()
  while IFS= read -r file; do
    case $file in
      deploy/check.sh | deploy/check/*) ;;                                           # runs
      deploy/compose.yaml | deploy/.env.example | deploy/up.sh) ;;                   # containers: started by them
      deploy/nats/nats.conf | deploy/nats/users.conf | deploy/haproxy/*) ;;          # containers: read by the servers
      deploy/postgres/init.sql) ;;                                                  # containers, kubernetes: run
      deploy/observability/prometheus.compose.yml | deploy/observability/alerts.yml) ;; # containers: read by Prometheus
      deploy/observability/prometheus.yml) ;;                                        # apphost: read by Prometheus
      deploy/observability/alerts_test.yml) ;;                                       # ./test.sh: promtool
      deploy/observability/grafana-dashboard.json) ;;                                # ./test.sh: every query; containers, where Grafana's image is
      deploy/grafana/provisioning/*) ;;                                              # containers, where Grafana's image is: nothing else reads it
      deploy/k8s/* | deploy/*/kustomization.yaml) ;;                                 # kubernetes
      *) unknown+=("$file") ;;
    esac
  done < <(git ls-files deploy 2>/dev/null || find deploy -type f)
  if [ ${#unknown[@]} = 0 ]
  then ok "every file under deploy/ has a check, or says why it has none"
  else fail "no check knows ${unknown[*]}"
  fi
}

case "${1:-}" in
  "" | containers | apphost | kubernetes)
    need_dotnet
    need_packages
    build Release
    ;;
esac

case "${1:-}" in
  "")
    check_containers
    check_apphost
    check_kubernetes
    check_coverage
    ;;
  containers) check_containers ;;
  apphost) check_apphost ;;
  kubernetes) check_kubernetes ;;
  *) say "'$1' is not known: ./deploy/check.sh, or with containers, apphost or kubernetes"; exit 2 ;;
esac

finish
echo "$passed ok, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
