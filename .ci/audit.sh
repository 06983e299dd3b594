#!/usr/bin/env bash
# Fails when a package that is used, directly or by another, has a known vulnerability; and when the package feed does not tell of any,
# because an audit that cannot fail has audited nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# Warnings of the build (Directory.Build.props: a feed without this data must not break it), errors here. NU1900, NU1905: no data.
as_errors='-warnaserror:NU1900;NU1901;NU1902;NU1903;NU1904;NU1905'

# Of this version everybody knows.
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
cat >"$probe/probe.csproj" <<'PROJECT'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework><NuGetAuditMode>all</NuGetAuditMode></PropertyGroup>
  <ItemGroup><PackageReference Include="Newtonsoft.Json" Version="12.0.1" /></ItemGroup>
</Project>
PROJECT
if dotnet restore "$probe/probe.csproj" "$as_errors" >"$probe/log" 2>&1; then
  echo "The package feed knows of no vulnerability in Newtonsoft.Json 12.0.1, so it has no such data: nothing was audited." >&2
  exit 1
fi
grep -qE 'NU190[1-4]' "$probe/log" || { cat "$probe/log" >&2; exit 1; }

dotnet restore EventShop.sln --force -p:NuGetAuditMode=all -p:NuGetAuditLevel=low -p:WarningsNotAsErrors=NU1603 "$as_errors"
echo "No package in use has a known vulnerability."
