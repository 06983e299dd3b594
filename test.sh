#!/usr/bin/env bash
# Builds everything and runs all tests; the last line is "N passed, N failed, N skipped".
# Arguments go to the test runner:  ./test.sh -class 'EventShop.Tests.Messaging.*'
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
build_fail_points Release

if [ "${1:-}" = --chaos ]; then
  export CHAOS_SECONDS="${2:-600}"
  set -- -trait Category=Chaos -explicit on
fi
mkdir -p artifacts
log=artifacts/tests.log
status=0
say "The tests run; everything they print goes to $log"
dotnet EventShop.Tests/bin/Release/net10.0/EventShop.Tests.dll -trx artifacts/tests.trx -noLogo -noColor "$@" >"$log" 2>&1 || status=$?
# What failed comes last, so that a shortened CI log still shows it. (-a: what a test prints may hold any byte.)
grep -a -A 100 -F '[FAIL]' "$log" || true
grep -a -F '[FAIL]' "$log" || true

# The runner's summary:  EventShop.Tests  Total: 9, Errors: 0, Failed: 1, Skipped: 0, Not Run: 0, Time: 1.2s
summary() { sed -n "s/.* Total: .*$1: \([0-9]*\).*/\1/p" "$log" | tail -n 1 | grep . || echo 0; }
total=$(sed -n 's/.* Total: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
failed=$(($(summary Failed) + $(summary Errors))) skipped=$(summary Skipped) not_run=$(summary 'Not Run')
passed=$((${total:-0} - failed - ${skipped:-0} - ${not_run:-0}))
echo "$passed passed, $failed failed, ${skipped:-0} skipped"
# A run that ended without results has failed, whatever it printed.
[ "$status" -eq 0 ] && [ "$passed" -gt 0 ]
