#!/usr/bin/env bash
# Restores every project that has a lock file from it: exactly those packages, with exactly that content. In a copy, with a
# configuration that takes EventShop.* from a local folder only: nobody can publish a package under our names and have it built in.
# After a change of packages:  dotnet restore EventShop.sln, and commit the packages.lock.json files.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=artifacts/locked-restore
rm -rf "$copy"
mkdir -p "$copy/own-packages"
git checkout-index --all --prefix="$copy/"

# The feeds are those that this machine has, by name: the repository names none.
feeds=$(DOTNET_CLI_UI_LANGUAGE=en dotnet nuget list source | sed -nE 's/^ *[0-9]+\. +(.*[^ ]) +\[Enabled\]$/\1/p')
{
  echo '<configuration>'
  echo '  <packageSources><add key="own" value="own-packages" /></packageSources>'
  echo '  <packageSourceMapping>'
  echo '    <packageSource key="own"><package pattern="EventShop.*" /></packageSource>'
  while IFS= read -r feed; do echo "    <packageSource key=\"$feed\"><package pattern=\"*\" /></packageSource>"; done <<<"$feeds"
  echo '  </packageSourceMapping>'
  echo '</configuration>'
} >"$copy/nuget.config"

cd "$copy"
for project in $(find . -name '*.csproj' | sort); do
  ! grep -q '<RestorePackagesWithLockFile>false<' "$project" || continue
  if [ ! -e "$(dirname "$project")/packages.lock.json" ]; then
    echo "$project has no packages.lock.json in version control: dotnet restore makes it." >&2
    exit 1
  fi
  dotnet restore "$project" --locked-mode --verbosity quiet
  echo "$(basename "$project" .csproj): restored from its lock file"
done
