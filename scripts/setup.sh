# Sourced by every script: finds the project's root, installs what the lock file names, and puts
# the pinned Node first in PATH. Words go to stderr only, so that a caller's stdout stays data.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

stopline_fail() {
  printf 'stopline: %s\n' "$1" >&2
  exit 1
}

stopline_package_arch() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo x64 ;;
    Linux-aarch64) echo arm64 ;;
    *) stopline_fail "this is $(uname -s) $(uname -m); use 64-bit Linux (x86_64 or aarch64)" ;;
  esac
}

# A copy of the lock file inside node_modules is written only after success, so a killed install is
# repaired by the next call.
stopline_install() {
  cmp -s "$ROOT/package-lock.json" "$ROOT/node_modules/.stopline-lock" && return 0
  command -v npm >/dev/null ||
    stopline_fail "npm is missing; install the packages 'nodejs' (18 or newer) and 'npm'"
  printf 'stopline: installing packages (once, about half a minute)\n' >&2
  (cd "$ROOT" && npm ci --include=dev --include=optional --ignore-scripts --no-audit --no-fund \
    --engine-strict=false --update-notifier=false --loglevel=error) >&2 ||
    stopline_fail "npm ci failed; its reason stands above; run this command again to go on"
  cp "$ROOT/package-lock.json" "$ROOT/node_modules/.stopline-lock"
}

# Debian packages by name: as root installs the missing ones, else says the exact command.
# $1 is a hint for people who can't install them, or empty.
stopline_packages() {
  local hint=$1 package missing=()
  shift
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] ||
    stopline_fail "packages are missing; run: sudo apt-get install -y ${missing[*]}${hint}"
  printf 'stopline: installing %s\n' "${missing[*]}" >&2
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
}

stopline_setup() {
  local arch
  arch=$(stopline_package_arch) || exit 1
  if command -v flock >/dev/null; then
    exec 9>"$ROOT/.setup-lock"
    flock 9
    stopline_install
    exec 9>&-
  else
    stopline_install
  fi
  local bin="$ROOT/node_modules/node-linux-$arch/bin"
  "$bin/node" -e 0 2>/dev/null ||
    stopline_fail "$bin/node does not start; remove node_modules and try again (glibc is needed)"
  PATH="$bin:$ROOT/node_modules/.bin:$PATH"
  export PATH
  unset NODE_ENV NODE_OPTIONS
  # better-sqlite3 and type stripping are stable in the pinned Node; nothing to warn a user about.
  export NODE_NO_WARNINGS=1
  # Compiled once: lamps 0.2 s earlier, and no compiler of types stays in memory.
  export NODE_COMPILE_CACHE="$ROOT/node_modules/.compile-cache"
  # Each thread's own heap of the C library keeps what it once needed: two for all of them do.
  export MALLOC_ARENA_MAX=2
}
