#!/usr/bin/env bash
# Builds everything and runs all tests; the last line is "N passed, N failed, N skipped".
# Arguments go to the test runner:  ./test.sh -class 'EventShop.Messaging.Tests.*'
# ./test.sh --chaos [seconds]  runs only the tests that break things: all of them, and the random mix for that long (default 600).
set -euo pipefail
cd "$(dirname "$0")"
. .ci/setup.sh

need_dotnet
need_packages
need_servers
need_prometheus
need_pgbouncer
build Release

if [ "${1:-}" = --chaos ]; then
  export CHAOS_SECONDS="${2:-600}"
  set -- -trait Category=Chaos -explicit on
fi
mkdir -p artifacts
log=artifacts/tests.log
: >"$log"
status=0
say "The tests run; everything they print goes to $log"
for project in EventShop.Messaging.Tests samples/Shipping.Tests EventShop.Tests; do
  dotnet "$project/bin/Release/net10.0/${project##*/}.dll" -trx "artifacts/${project##*/}.trx" -noLogo -noColor "$@" >>"$log" 2>&1 || status=$?
done
# What failed comes last, so that a shortened CI log still shows it. (-a: what a test prints may hold any byte.)
grep -a -A 100 -F '[FAIL]' "$log" || true
grep -a -F '[FAIL]' "$log" || true

# The runner's summaries:  EventShop.Tests  Total: 9, Errors: 0, Failed: 1, Skipped: 0, Not Run: 0, Time: 1.2s
sum() { awk -v key="$1: " '/ Total: [0-9]+, Errors: / { split(substr($0, index($0, key) + length(key)), n, /[^0-9]/); all += n[1] } END { print all + 0 }' "$log"; }
failed=$(($(sum Failed) + $(sum Errors))) skipped=$(sum Skipped)
passed=$(($(sum Total) - failed - skipped - $(sum 'Not Run')))
echo "$passed passed, $failed failed, $skipped skipped"
# A run that ended without results has failed, whatever it printed.
[ "$status" -eq 0 ] && [ "$passed" -gt 0 ]
