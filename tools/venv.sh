#!/usr/bin/env bash
# Makes .venv hold what a lock file says, hash by hash, and the `vestibule` command. Does nothing where it does already.
#   tools/venv.sh requirements.lock
# requirements-ldap.lock and requirements-test.lock hold python-ldap, which comes as source and is built here: that takes
# gcc and the headers of OpenLDAP and Cyrus SASL. On Debian 12: apt-get install gcc python3-dev libldap2-dev libsasl2-dev
set -euo pipefail
cd "$(dirname "$0")/.."
lock=$1
here=$PWD

fail() { printf '%s\n' "$@" >&2; exit 1; }

find_python() {
  for name in python3 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  fail "Python 3.11 or newer is needed. On Debian 12: apt-get install python3 python3-venv"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif sudo -n true 2>/dev/null; then sudo "$@"; else return 1; fi
}

make_venv() {
  local python
  python=$(find_python)
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian keeps this part of Python in a package of its own.
    local package
    package=python$("$python" -c 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")')-venv
    echo "Installing $package ..." >&2
    { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package"; } >/dev/null ||
      fail "Python's venv module is missing, and only root can install it. Run: apt-get install $package"
  fi
  echo "Making .venv ..." >&2
  "$python" -m venv --clear .venv
  printf '%s\n' "$here" >.venv/.made-in
}

# One at a time: ./run and ./test may be started together on a fresh checkout.
mkdir -p var
exec 9>var/.venv-lock
flock 9

# A virtual environment that was moved, or whose Python is gone, is of no use.
if [ "$(cat .venv/.made-in 2>/dev/null || echo "$here")" != "$here" ] || ! .venv/bin/python -c '' 2>/dev/null; then
  make_venv
fi

stamp=.venv/.holds-$(cat "$lock" setup.cfg pyproject.toml | sha256sum | cut -c1-16)
if [ ! -e "$stamp" ]; then
  echo "Installing $lock ..." >&2
  # The lock is complete: nothing is resolved. What is imported is compiled when it is.
  pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet --no-warn-script-location --no-deps --no-compile)
  built=python-ldap parts=$(mktemp -d)
  trap 'rm -r "$parts"' EXIT
  awk -v built="$built" -v parts="$parts" '/^[A-Za-z0-9]/ { of = $0 ~ "^" built "==" ? "built" : "others" }
    of { print > (parts "/" of) }' "$lock"
  "${pip[@]}" --require-hashes --only-binary :all: -r "$parts/others"
  # With the lock's own setuptools: pip would fetch what a build asks for by itself, of any version.
  [ ! -e "$parts/built" ] || "${pip[@]}" --require-hashes --no-build-isolation -r "$parts/built" ||
    fail "$built cannot be built. On Debian 12: apt-get install gcc python3-dev libldap2-dev libsasl2-dev"
  "${pip[@]}" --no-build-isolation --editable .
  touch "$stamp"
fi
