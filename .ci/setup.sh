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

# Chromium, which the tests look at the AppHost's own page with; only where the stand-ins are built, whose page it is.
need_browser() {
  [ -e .offline ] || return 0
  [ -n "${CHROMIUM:-}" ] || command -v chromium chromium-browser google-chrome >/dev/null || apt_install chromium ||
    say "No Chromium found: the test that looks at the AppHost's page will fail. Install it (Debian: apt-get install chromium), or set CHROMIUM."
}

# prometheus and promtool, for the tests, from the PATH or PROMETHEUS_BIN; on Debian and Ubuntu taken out of apt's package into
# artifacts/ instead of installed, because the package starts a daemon. Without them the tests that need them fail and say so.
need_prometheus() {
  [ -n "${PROMETHEUS_BIN:-}" ] || { command -v prometheus && command -v promtool; } >/dev/null && return
  [ -x artifacts/prometheus/usr/bin/promtool ] && return
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 0
  say "Fetching prometheus …"
  local log folder
  log=$(mktemp) folder=$(mktemp -d)
  if ! { { [ "$(id -u)" != 0 ] || apt-get update; } && (cd "$folder" && apt-get download prometheus) \
    && mkdir -p artifacts/prometheus && dpkg-deb -x "$folder"/prometheus_*.deb artifacts/prometheus; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    say "apt-get could not fetch prometheus: see above"
  fi
  rm -rf "$log" "$folder"
}

# Does the package feed have Aspire and NATS.Net? If not, their stand-ins under offline/ are built; .offline remembers it.
need_packages() {
  [ -e .offline ] && return
  local log
  log=$(mktemp)
  if ! dotnet restore EventShop.sln -p:OfflinePackages=false >"$log" 2>&1; then
    if ! grep -qE 'Aspire\.|NATS\.Net|NU1101|NU1102|could not be found' "$log"; then
      tail -n 20 "$log" >&2
      exit 1
    fi
    touch .offline
    say "This package feed lacks Aspire or NATS.Net: building the stand-ins under offline/ (remove .offline to ask again)."
  fi
  rm -f "$log"
}

build() {
  local log
  log=$(mktemp)
  if ! dotnet build EventShop.sln -c "$1" --nologo -v quiet >"$log" 2>&1; then
    grep -E 'error|warn' "$log" | sort -u | head -n 30 >&2
    exit 1
  fi
  rm -f "$log"
}

# The services once more, in a place of their own, with the calls that let the chaos tests kill them at a named step.
build_fail_points() {
  local log service
  log=$(mktemp)
  for service in PaymentGateway PaymentService OrderService; do
    if ! dotnet build "services/$service" -c "$1" -p:FailPoints=true --nologo -v quiet >"$log" 2>&1; then
      grep -E 'error|warn' "$log" | sort -u | head -n 30 >&2
      exit 1
    fi
  done
  rm -f "$log"
}

# Containers where there is an engine and the real Aspire; otherwise nats-server and PostgreSQL as processes.
infrastructure_mode() {
  if [ -n "${Infrastructure__Mode:-}" ]; then echo "$Infrastructure__Mode"
  elif [ ! -e .offline ] && docker info >/dev/null 2>&1; then echo Containers
  else echo Local; fi
}
