# Sourced by check.sh: images made of this machine's own programs, for a machine that can pull none. They have the users, folders, ports
# and commands of the images they stand for, as far as the Dockerfiles, deploy/compose.yaml and the AppHost use them.

STAND_IN=eventshop-stand-in
STAND_IN_TAG=check

# make_stand_in NAME FOLDER [INSTRUCTION…]: makes the folder an image, with these instructions of a Dockerfile.
make_stand_in() {
  local name=$1 folder=$2 instruction changes=()
  shift 2
  for instruction in "$@"; do changes+=(--change "$instruction"); done
  tar -C "$folder" -c . | docker import "${changes[@]}" - "$STAND_IN/$name:$STAND_IN_TAG" >/dev/null
  rm -rf "$folder"
}

# new_root NAME UID: an empty root file system, laid out like this machine's, with root and one more user.
new_root() {
  local root
  root=$(mktemp -d "$WORK/root.XXXXXX")
  chmod 755 "$root"
  mkdir -p "$root"/usr/{bin,lib,lib64,sbin} "$root"/{dev,etc,proc,root,run,sys,tmp,var}
  chmod 1777 "$root/tmp"
  ln -s ../run "$root/var/run"
  if [ -L /lib ]; then
    ln -s usr/bin usr/lib usr/lib64 usr/sbin "$root/"
  fi
  printf 'root:x:0:0::/root:/bin/sh\n%s:x:%s:%s::/:/bin/sh\n' "$1" "$2" "$2" >"$root/etc/passwd"
  printf 'root:x:0:\n%s:x:%s:\n' "$1" "$2" >"$root/etc/group"
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  echo "$root"
}

# libraries FILE…: what they are linked with, of this machine's.
libraries() { ldd "$@" 2>/dev/null | sed -nE 's/^(.* => |\t)(\/[^ ]+) .*/\2/p' | grep -v "^$DEBIAN/" | sort -u; }

# take ROOT FILE…: the files, at their own paths, with what they are linked with.
take() {
  local root=$1
  shift
  { printf '%s\n' "$@"; libraries "$@"; } | sort -u | xargs cp --no-clobber --dereference --parents --target-directory "$root"
}

# take_as ROOT FILE PATH: a program, at another path, with what it is linked with.
take_as() {
  mkdir -p "$1$(dirname "$3")"
  cp --dereference "$2" "$1$3"
  libraries "$2" | xargs -r cp --no-clobber --dereference --parents --target-directory "$1"
}

# programs NAME…: where they are.
programs() {
  local name
  for name in "$@"; do type -P "$name"; done
}

# Where the SDK is; the dotnet on the PATH may be a script.
dotnet_folder() { dotnet --list-sdks | sed -nE 's/.*\[(.*)\/sdk\]$/\1/p' | tail -n 1; }

# What the runtime is linked with, and what it loads when it needs it.
dotnet_libraries() {
  find "$(dotnet_folder)" -name '*.so' -exec ldd {} + 2>/dev/null | sed -nE 's/^(.* => |\t)(\/[^ ]+) .*/\2/p' | grep -v "^$(dotnet_folder)" | sort -u
  openssl_libraries
}

openssl_libraries() { ldconfig -p | sed -nE 's/.*lib(ssl|crypto)\.so\.3 .*=> //p'; }

# For mcr.microsoft.com/dotnet/sdk: the SDK, a shell, and a feed of the packages that the services need. Nothing of this machine's feed
# settings is in it.
stand_in_sdk() {
  local root
  root=$(new_root app 1654)
  mkdir -p "$root/usr/share" "$root/root/.nuget/NuGet"
  cp -a "$(dotnet_folder)" "$root/usr/share/dotnet"
  ln -s ../share/dotnet/dotnet "$root/usr/bin/dotnet"
  # shellcheck disable=SC2046
  take "$root" $(programs sh cat find mkdir mv rm) $(dotnet_libraries)
  cp -a "$WORK/packages" "$root/packages"
  echo '<configuration><packageSources><clear /><add key="packages" value="/packages" /></packageSources></configuration>' \
    >"$root/root/.nuget/NuGet/NuGet.Config"
  make_stand_in sdk "$root" 'ENV PATH=/usr/bin:/bin HOME=/root DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1'
}

# For mcr.microsoft.com/dotnet/aspnet, chiseled: the runtime and its libraries. No shell.
stand_in_aspnet() {
  local root version framework
  root=$(new_root app 1654)
  version=$(dotnet --list-runtimes | sed -n 's/^Microsoft.AspNetCore.App \(10\.[^ ]*\) .*/\1/p' | tail -n 1)
  mkdir -p "$root/usr/share/dotnet/shared"
  cp -a "$(dotnet_folder)"/{dotnet,host} "$root/usr/share/dotnet/"
  for framework in Microsoft.AspNetCore.App Microsoft.NETCore.App; do
    mkdir "$root/usr/share/dotnet/shared/$framework"
    cp -a "$(dotnet_folder)/shared/$framework/$version" "$root/usr/share/dotnet/shared/$framework/"
  done
  ln -s ../share/dotnet/dotnet "$root/usr/bin/dotnet"
  # shellcheck disable=SC2046
  take "$root" $(dotnet_libraries)
  make_stand_in aspnet "$root" USER\ 1654 'ENV PATH=/usr/bin APP_UID=1654 ASPNETCORE_HTTP_PORTS=8080 DOTNET_RUNNING_IN_CONTAINER=true DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=true'
}

# For nats, alpine: a command that begins with a dash is nats-server's.
stand_in_nats() {
  local root
  root=$(new_root nats 1000)
  # shellcheck disable=SC2046
  take "$root" $(programs sh chown wget)
  take_as "$root" "$NATS_SERVER" /usr/bin/nats-server
  cat >"$root/usr/bin/docker-entrypoint.sh" <<'ENTRYPOINT'
#!/bin/sh
case ${1:-} in -*) set -- nats-server "$@" ;; esac
exec "$@"
ENTRYPOINT
  chmod +x "$root/usr/bin/docker-entrypoint.sh"
  make_stand_in nats "$root" 'ENV PATH=/usr/bin:/bin' 'ENTRYPOINT ["docker-entrypoint.sh"]'
}

# For postgres: started as root it becomes postgres; initdb on an empty volume, the scripts of /docker-entrypoint-initdb.d, then the server.
stand_in_postgres() {
  local root
  root=$(new_root postgres 999)
  # shellcheck disable=SC2046
  take "$root" $(programs bash cat chmod chown ls mkdir setpriv) "$PG_BIN"/{initdb,pg_ctl,pg_isready,postgres,psql}
  ln -s bash "$root/usr/bin/sh"
  take "$root" "$("$PG_BIN/pg_config" --pkglibdir)"/{plpgsql,dict_snowball}.so
  cp -r --parents "$("$PG_BIN/pg_config" --sharedir)" "$root"
  install -d -o 999 -g 999 "$root/var/lib/postgresql"
  install -d -o 999 -g 999 -m 3777 "$root/run/postgresql"
  install -d "$root/docker-entrypoint-initdb.d"
  cat >"$root/usr/bin/docker-entrypoint.sh" <<'ENTRYPOINT'
#!/bin/bash
set -e
if [ "$EUID" = 0 ]; then
  chown -R postgres:postgres /var/lib/postgresql
  exec setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"
fi
umask 077
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  initdb --username postgres --pwfile <(echo "$POSTGRES_PASSWORD") --auth-host scram-sha-256 --auth-local trust --encoding UTF8 --no-locale
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl -o "-c listen_addresses=''" -w start
  for script in /docker-entrypoint-initdb.d/*.sql; do [ ! -e "$script" ] || psql -v ON_ERROR_STOP=1 --username postgres --no-psqlrc -f "$script"; done
  pg_ctl -m fast -w stop
fi
exec "$@"
ENTRYPOINT
  chmod +x "$root/usr/bin/docker-entrypoint.sh"
  make_stand_in postgres "$root" "ENV PATH=$PG_BIN:/usr/bin:/bin PGDATA=/var/lib/postgresql/18/docker" 'VOLUME /var/lib/postgresql' \
    'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["postgres", "-c", "listen_addresses=*"]'
}

# A root with haproxy.
haproxy_root() {
  local root libraries
  root=$(new_root haproxy 99)
  if [ -e "$DEBIAN/haproxy" ]; then
    cp -r "$DEBIAN/haproxy/usr/lib/." "$root/usr/lib/"
    libraries=$(find "$DEBIAN/haproxy/usr/lib" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
  fi
  LD_LIBRARY_PATH=${libraries:-} take_as "$root" "$HAPROXY" /usr/bin/haproxy
  echo "$root"
}

# For haproxy, alpine.
stand_in_haproxy() {
  local root
  root=$(haproxy_root)
  take "$root" "$(type -P wget)"
  make_stand_in haproxy "$root" 'ENV PATH=/usr/bin:/bin' 'USER haproxy'
}

# For prom/prometheus.
stand_in_prometheus() {
  local root
  root=$(new_root nobody 65534)
  take_as "$root" "$PROMETHEUS" /usr/bin/prometheus
  install -d -o 65534 -g 65534 "$root/prometheus"
  make_stand_in prometheus "$root" 'ENV PATH=/usr/bin:/bin' 'USER nobody' 'WORKDIR /prometheus' 'VOLUME /prometheus' \
    'ENTRYPOINT ["/usr/bin/prometheus"]' 'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]'
}

# For jaegertracing/jaeger, which Debian has not: takes every export of traces with success and keeps none, and answers on the port of its page.
stand_in_jaeger() {
  local root
  root=$(haproxy_root)
  mkdir -p "$root/etc/haproxy"
  cat >"$root/etc/haproxy/haproxy.cfg" <<'CONFIGURATION'
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 5s
frontend otlp-grpc
  bind :4317 proto h2
  http-request return status 200 content-type application/grpc hdr grpc-status 0
frontend ui
  bind :16686
  stats enable
  stats uri /
CONFIGURATION
  make_stand_in jaeger "$root" 'ENV PATH=/usr/bin:/bin' 'USER haproxy' 'CMD ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"]'
}

# For mcr.microsoft.com/azurelinux/base/core, on which Aspire builds the image of its container tunnel: the libraries of that program.
stand_in_core() {
  local root
  root=$(new_root nobody 65534)
  # shellcheck disable=SC2046
  cp --dereference --parents --target-directory "$root" $(libraries "$(tunnel_program)")
  # shellcheck disable=SC2046
  take "$root" $(openssl_libraries)
  make_stand_in core "$root"
}

# Restored with the AppHost.
tunnel_program() { find "${NUGET_PACKAGES:-$HOME/.nuget/packages}"/aspire.hosting.orchestration.* -name dcptun_c | sort -V | tail -n 1; }
