# Sourced by check.sh: programs out of Debian's packages, unpacked into artifacts/debian and not installed. Every function fails where
# there is no apt.

DEBIAN=$ROOT/artifacts/debian

# debian_package NAME [SUITE…]: unpacks it into artifacts/debian/NAME with what it depends on and this machine lacks. Of this machine's
# own release; or of the first of Debian's later suites that has it, and then without what it depends on.
debian_package() {
  local name=$1 suite
  shift
  [ ! -e "$DEBIAN/$name" ] || return 0
  type -P apt-get dpkg-deb >/dev/null || return 1
  rm -rf "$DEBIAN/$name.new"
  mkdir -p "$DEBIAN/$name.new/packages"
  if [ $# -eq 0 ]; then
    debian_own "$name" || return 1
  else
    for suite in "$@" none; do
      [ "$suite" != none ] || return 1
      debian_later "$name" "$suite" && break
    done
  fi
  local package
  for package in "$DEBIAN/$name.new/packages"/*.deb; do dpkg-deb -x "$package" "$DEBIAN/$name.new"; done
  rm -rf "$DEBIAN/$name.new/packages"
  mv "$DEBIAN/$name.new" "$DEBIAN/$name"
}

debian_own() {
  local names
  [ "$(id -u)" != 0 ] || apt-get update >/dev/null 2>&1 || true
  names=$(apt-get install --simulate --no-install-recommends "$1" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
  # shellcheck disable=SC2086
  (cd "$DEBIAN/$1.new/packages" && apt-get download ${names:-$1}) >/dev/null 2>&1
}

debian_later() {
  local name=$1 suite=$2 archive options
  archive=$(apt-get indextargets --format '$(CREATED_BY) $(REPO_URI)' 2>/dev/null | sed -n 's/^Packages \(.*\/debian\/\)$/\1/p' | head -n 1)
  [ -n "$archive" ] || return 1
  mkdir -p "$DEBIAN/$suite/lists/partial" "$DEBIAN/$suite/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $suite main" >"$DEBIAN/$suite/sources.list"
  options=(-o "Dir::Etc::sourcelist=$DEBIAN/$suite/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$DEBIAN/$suite/lists"
    -o "Dir::Cache=$DEBIAN/$suite/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root)
  { apt-get "${options[@]}" update && (cd "$DEBIAN/$name.new/packages" && apt-get "${options[@]}" download "$name"); } >/dev/null 2>&1
}
