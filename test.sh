#!/usr/bin/env bash
# Builds everything and runs all tests; the last line is "N passed, N failed, N skipped".
# Arguments go to the test runner:  ./test.sh -class 'EventShop.Tests.Messaging.*'
set -euo pipefail
cd "$(dirname "$0")"
. .ci/setup.sh

need_dotnet
need_packages
need_servers
build Release

results=artifacts/tests.trx
mkdir -p artifacts
rm -f "$results"
status=0
dotnet EventShop.Tests/bin/Release/net10.0/EventShop.Tests.dll -trx "$results" -noLogo "$@" || status=$?

counter() { sed -n "s/.*<Counters[^>]* $1=\"\([0-9]*\)\".*/\1/p" "$results" 2>/dev/null | head -n 1; }
total=$(counter total) passed=$(counter passed) failed=$(counter failed)
echo "${passed:-0} passed, ${failed:-0} failed, $((${total:-0} - ${passed:-0} - ${failed:-0})) skipped"
# A run that ended without results has failed, whatever it printed.
[ "$status" -eq 0 ] && [ "${total:-0}" -gt 0 ]
