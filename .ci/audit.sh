#!/usr/bin/env bash
# Fails when a package that is used, directly or by another, has a known vulnerability; and when the feed serves no vulnerability data,
# because then nothing was audited: `dotnet list package --vulnerable` reports success on such a feed.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/setup.sh

# Warnings of the build (Directory.Build.props: a feed without this data must not break it), errors here. NU1900, NU1905: no data.
as_errors='-warnaserror:NU1900;NU1901;NU1902;NU1903;NU1904;NU1905'

# The proof that the audit can fail: a version that is known to be vulnerable.
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
cat >"$probe/probe.csproj" <<'PROJECT'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework><NuGetAuditMode>all</NuGetAuditMode></PropertyGroup>
  <ItemGroup><PackageReference Include="Newtonsoft.Json" Version="12.0.1" /></ItemGroup>
</Project>
PROJECT
if dotnet restore "$probe/probe.csproj" "$as_errors" >"$probe/log" 2>&1; then
  say "This feed serves no vulnerability data: it does not report Newtonsoft.Json 12.0.1. Nothing was audited."
  exit 1
fi
grep -qE 'NU190[1-4]' "$probe/log" || { cat "$probe/log" >&2; exit 1; }

need_packages
dotnet restore EventShop.sln --force -p:NuGetAuditMode=all -p:NuGetAuditLevel=low "$as_errors"
echo "No package in use has a known vulnerability."
