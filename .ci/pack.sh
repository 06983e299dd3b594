#!/usr/bin/env bash
# pack.sh [FOLDER] [OPTION…]: packs all libraries and the template into the folder, artifacts/packages by default. Options go to dotnet pack:
#   .ci/pack.sh artifacts/packages -p:VersionSuffix=rc.1
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-artifacts/packages}")
[ $# -eq 0 ] || shift
# One build for all of them. The filter names them the way EventShop.sln does.
mkdir -p artifacts
projects=$(printf '"%s",' libraries/*/*.csproj templates/*/*.csproj | sed 's|/|\\\\|g')
filter=artifacts/packages.slnf
echo "{ \"solution\": { \"path\": \"../EventShop.sln\", \"projects\": [${projects%,}] } }" >"$filter"
dotnet pack "$filter" --configuration Release --output "$folder" --nologo --verbosity quiet "$@"
