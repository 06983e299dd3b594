#!/usr/bin/env bash
# Measures the shop on this machine and writes artifacts/bench.json (docs/performance.md says what the figures mean).
#   ./bench.sh                      everything, in about twenty minutes
#   ./bench.sh --quick              in less than two minutes, to compare two builds
#   ./bench.sh --peer FOLDER        also another design, in the same run: seed-order, seed-payment and seed-gateway in FOLDER or FOLDER/bin
#   ./bench.sh --only NAME,NAME     only some of: peer, shop, relay, growth, telemetry, idle, recovery, replicas (as root), cluster
set -euo pipefail
cd "$(dirname "$0")"
. .ci/setup.sh

arguments=()
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) arguments+=("$1") ;;
    --only) arguments+=("$1" "${2:?--only needs names}"); shift ;;
    --peer)
      peer=${2:?--peer needs a folder}
      [ -x "$peer/seed-order" ] || peer=$peer/bin
      [ -x "$peer/seed-order" ] || { say "no seed-order in $2: build it first ($2/build.sh)"; exit 2; }
      arguments+=(--peer "$peer"); shift ;;
    *) say "'$1' is not known: ./bench.sh [--quick] [--peer FOLDER] [--only NAME,NAME]"; exit 2 ;;
  esac
  shift
done

need_dotnet
need_packages
need_servers
need_wrk
build Release
exec dotnet benchmarks/ShopBench/bin/Release/net10.0/ShopBench.dll "${arguments[@]}"
