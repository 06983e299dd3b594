#!/usr/bin/env bash
# public-api.sh [PROJECT…]: writes the public members of each library that are not shipped yet into its PublicAPI.Unshipped.txt. The build fails
# while they differ (RS0016, RS0017), so that a change of what adopters build on is seen in review.
# On a release, move the lines to PublicAPI.Shipped.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- libraries/*/*.csproj
for project; do
  [ -e "${project%/*}/PublicAPI.Shipped.txt" ] || echo '#nullable enable' >"${project%/*}/PublicAPI.Shipped.txt"
  echo '#nullable enable' >"${project%/*}/PublicAPI.Unshipped.txt"
  dotnet restore "$project" --verbosity quiet
  dotnet format analyzers "$project" --no-restore --diagnostics RS0016 --severity warn --verbosity quiet
  echo "$(basename "$project" .csproj): $(($(wc -l <"${project%/*}/PublicAPI.Unshipped.txt") - 1)) members"
done
