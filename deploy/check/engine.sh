# Sourced by check.sh: the container engine, the images and the words that the parts with containers share.

ENGINE=
WORK=
CHECK_DOCKERD=
demo=(dotnet EventShop.Demo/bin/Release/net10.0/EventShop.Demo.dll)

# engine WHAT: the engine that runs; or, as root, one of our own that nothing else sees. Without one WHAT is skipped.
engine() {
  if [ -z "$ENGINE" ]; then
    ENGINE=missing
    WORK=$(mktemp -d)
    if docker info >/dev/null 2>&1 || start_engine; then ENGINE=there; fi
  fi
  [ "$ENGINE" = there ] && return
  skip "$1" "$WHY_NO_ENGINE"
  return 1
}

start_engine() {
  if ! type -P docker >/dev/null; then WHY_NO_ENGINE="no container engine; Debian: apt-get install docker.io"; return 1; fi
  if [ "$(id -u)" != 0 ] || ! type -P dockerd >/dev/null; then WHY_NO_ENGINE="the container engine does not answer"; return 1; fi
  export DOCKER_HOST=unix://$WORK/docker.sock
  mkdir -p "$ROOT/artifacts/docker"
  dockerd --host "$DOCKER_HOST" --data-root "$ROOT/artifacts/docker" --exec-root "$WORK/docker" --pidfile "$WORK/docker.pid" \
    >"$WORK/dockerd.log" 2>&1 &
  CHECK_DOCKERD=$!
  eventually 30 docker info && return
  WHY_NO_ENGINE="the container engine did not start: $(tail -n 1 "$WORK/dockerd.log")"
  return 1
}

# Ends our own engine with all that it holds, or takes the stand-ins out of the one that ran; safe to call twice.
clean_engine() {
  [ -n "$WORK" ] || return 0
  [ "$ENGINE" != there ] || [ -n "${KEEP_IMAGES:-}" ] || remove_images "$STAND_IN"
  if [ -n "$CHECK_DOCKERD" ]; then
    kill "$CHECK_DOCKERD" 2>/dev/null || true
    wait "$CHECK_DOCKERD" 2>/dev/null || true
    CHECK_DOCKERD=
    [ -n "${KEEP_IMAGES:-}" ] || rm -rf "$ROOT/artifacts/docker"
  fi
  rm -rf "$WORK"
  WORK= ENGINE=
}

# remove_images REPOSITORY
remove_images() {
  docker images --format '{{.Repository}}:{{.Tag}}' | grep "^$1/" | xargs -r docker rmi --force >/dev/null 2>&1 || true
}

# docker_plugin NAME: `docker NAME` works, of this machine or out of a later Debian's package.
docker_plugin() {
  docker "$1" version >/dev/null 2>&1 && return
  local plugin=$DEBIAN/docker-$1/usr/libexec/docker/cli-plugins/docker-$1
  debian_package "docker-$1" trixie forky sid && [ -x "$plugin" ] || return 1
  export DOCKER_CONFIG=$WORK/docker-config
  mkdir -p "$DOCKER_CONFIG/cli-plugins"
  ln -sf "$plugin" "$DOCKER_CONFIG/cli-plugins/"
  docker "$1" version >/dev/null 2>&1
}

# ---- images ------------------------------------------------------------------------------------------------------------------------

images_can_be_pulled() {
  if [ -z "${PULLED+known}" ]; then
    PULLED=
    ! timeout 60 docker pull --quiet "$(default_of NATS_IMAGE)" >/dev/null 2>&1 || PULLED=true
  fi
  [ -n "$PULLED" ]
}

# default_of VARIABLE: what deploy/compose.yaml takes where it is not set.
default_of() { sed -nE "s/.*\\$\\{$1:-([^}]*)\\}.*/\\1/p" deploy/compose.yaml | head -n 1; }

# The programs that the stand-ins are made of.
stand_in_programs() {
  need_servers
  PG_BIN=${PG_BIN:-$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)}
  # What nats.conf asks for is newer than Debian's stable release has.
  if [ -z "${NATS_SERVER:-}" ] && debian_package nats-server sid forky trixie; then NATS_SERVER=$DEBIAN/nats-server/usr/sbin/nats-server; fi
  NATS_SERVER=${NATS_SERVER:-$(type -P nats-server)}
  HAPROXY=$(type -P haproxy || { debian_package haproxy && echo "$DEBIAN/haproxy/usr/sbin/haproxy"; })
  PROMETHEUS=$(type -P prometheus || { debian_package prometheus && echo "$DEBIAN/prometheus/usr/bin/prometheus"; })
  [ -n "$HAPROXY" ]
}

# make_stand_ins NAME…: those that are not there yet.
make_stand_ins() {
  local image
  for image in "$@"; do
    case " ${MADE:-} " in *" $image "*) continue ;; esac
    docker image inspect "$STAND_IN/$image:$STAND_IN_TAG" >/dev/null 2>&1 && [ -n "${KEEP_IMAGES:-}" ] && continue
    if ! "stand_in_$image" >"$WORK/stand-in.log" 2>&1; then
      fail "a stand-in for the image of $image: $(tail -n 1 "$WORK/stand-in.log")"
      return 1
    fi
    MADE="${MADE:-} $image"
  done
}

# ---- words -------------------------------------------------------------------------------------------------------------------------

# tell_demo TEXT: one order of the demo's, which must be paid.
tell_demo() {
  if "${demo[@]}" >"$WORK/demo.log" 2>&1; then ok "$1"; else fail "$1: $(tail -n 1 "$WORK/demo.log")"; fi
}

# free_ports VARIABLE…: exports each with a port that is free.
free_ports() {
  local variable
  for variable in "$@"; do export "$variable=$("${demo[@]}" port)"; done
}

prometheus_has() { curl -fsS "$1" | grep -q "$2"; }

# eventually SECONDS COMMAND…: until it succeeds.
eventually() {
  local until=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt "$until" ] || return 1
    sleep 0.1
  done
}

# expect TEXT ACTUAL EXPECTED
expect() {
  if [ "$2" = "$3" ]; then ok "$1"; else fail "$1: '$2' instead of '$3'"; fi
}
