# Sourced by run.sh, test.sh and bench.sh: what they all need. Sets nothing but what is missing.

say() { printf '%s\n' "$*" >&2; }

need_dotnet() {
  command -v dotnet >/dev/null && return
  say "The .NET SDK 10 is needed: https://dotnet.microsoft.com/download"
  exit 1
}

# nats-server and PostgreSQL from the PATH, NATS_SERVER or PG_BIN; on Debian and Ubuntu, as root, installed by apt.
need_servers() {
  local missing=()
  [ -n "${NATS_SERVER:-}" ] || command -v nats-server >/dev/null || missing+=(nats-server)
  [ -n "${PG_BIN:-}" ] || command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  install_missing "macOS: brew install nats-server postgresql@17), or set NATS_SERVER and PG_BIN" "${missing[@]}"
}

# The load generator.
need_wrk() {
  command -v wrk >/dev/null || install_missing 'macOS: brew install wrk)' wrk
}

# install_missing ADVICE [PACKAGE…]: by apt where that can be, otherwise says what is missing and ends.
install_missing() {
  local advice=$1
  shift
  [ $# -eq 0 ] || apt_install "$@" && return
  say "Needed and not found: $*. Install them (Debian: apt-get install $*; $advice."
  exit 1
}

# apt_install [PACKAGE…]: fails where there is no apt, or we may not use it.
apt_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "Installing $* …"
  local log
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    say "apt-get could not install $*: see above"
    exit 1
  fi
  rm -f "$log"
}

# prometheus and promtool, for the tests, from the PATH or PROMETHEUS_BIN. Without them the tests that need them fail and say so.
need_prometheus() {
  [ -n "${PROMETHEUS_BIN:-}" ] || { command -v prometheus && command -v promtool; } >/dev/null && return
  fetch prometheus usr/bin/promtool
}

# pgbouncer, for the tests, from the PATH or PGBOUNCER_BIN.
need_pgbouncer() {
  [ -n "${PGBOUNCER_BIN:-}" ] || command -v pgbouncer >/dev/null && return
  fetch pgbouncer usr/sbin/pgbouncer 'libevent|c-?ares'
}

# fetch PACKAGE FILE [LIBRARIES]: on Debian and Ubuntu takes it out of apt's package into artifacts/ instead of installing it, because the
# package starts a daemon; with those of the libraries it depends on that match.
fetch() {
  [ -x "artifacts/$1/$2" ] && return
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 0
  say "Fetching $1 …"
  local log folder packages
  log=$(mktemp) folder=$(mktemp -d)
  { [ "$(id -u)" != 0 ] || apt-get update; } >"$log" 2>&1 && mapfile -t packages < <(with_libraries "$1" "${3:-}") \
    && (cd "$folder" && apt-get download "${packages[@]}") >>"$log" 2>&1 && mkdir -p "artifacts/$1" \
    && find "$folder" -name '*.deb' -exec dpkg-deb -x {} "artifacts/$1" \; >>"$log" 2>&1 || true
  if [ ! -x "artifacts/$1/$2" ]; then
    tail -n 20 "$log" >&2
    say "apt-get could not fetch $1: see above"
  fi
  rm -rf "$log" "$folder"
}

# with_libraries PACKAGE PATTERN: the package, and the libraries it depends on that match.
with_libraries() {
  echo "$1"
  [ -z "$2" ] || apt-cache depends --important "$1" | sed -n 's/^ *Depends: \(lib.*\)/\1/p' | grep -E "$2"
}

# Restores the packages. What the feed lacks and stand-ins/ has is built from there; .stand-ins remembers that, once the feed has
# answered that it has no such package. A feed that does not answer is an error, and nothing is remembered.
need_packages() {
  local log missing
  log=$(mktemp)
  say "Restoring packages …"
  if [ ! -e .stand-ins ] && ! dotnet restore EventShop.sln -p:UseStandIns=false >"$log" 2>&1; then
    missing=$(sed -nE 's/.*error NU110[123]: Unable to find (a stable )?package ([A-Za-z0-9.]*[A-Za-z0-9]).*/\2/p' "$log" | sort -u)
    if grep -q 'error NU1301' "$log" || [ -z "$missing" ] || ! has_stand_ins "$missing"; then
      restore_failed "$log"
    fi
    say "This feed lacks $(echo "$missing" | paste -sd' ' | sed 's/ / and /g'): built from stand-ins/ (delete .stand-ins to ask it again)"
    touch .stand-ins
  fi
  [ ! -e .stand-ins ] || dotnet restore EventShop.sln >"$log" 2>&1 || restore_failed "$log"
  rm -f "$log"
}

has_stand_ins() {
  local package
  for package in $1; do [ -e "stand-ins/$package" ] || return 1; done
}

restore_failed() {
  grep -E 'error' "$1" | sort -u | head -n 10 >&2 || tail -n 20 "$1" >&2
  say "The packages could not be restored: see above. Nothing was built."
  exit 1
}

build() {
  local log
  log=$(mktemp)
  say "Building …"
  if ! dotnet build EventShop.sln -c "$1" --no-restore --nologo -v quiet >"$log" 2>&1; then
    grep -E 'error|warn' "$log" | sort -u | head -n 30 >&2
    exit 1
  fi
  rm -f "$log"
}

# Containers where there is an engine; otherwise nats-server and PostgreSQL as processes.
infrastructure_mode() {
  if [ -n "${Infrastructure__Mode:-}" ]; then echo "$Infrastructure__Mode"
  elif docker info >/dev/null 2>&1; then echo Containers
  else echo Local; fi
}
