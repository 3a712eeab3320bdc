#!/usr/bin/env bash
# Writes the lock files from setup.cfg's ranges. What is locked stays; name what is to move: tools/lock.sh -P flask
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "uv is needed (https://docs.astral.sh/uv/)." >&2; exit 1; }
lock() {
  local file=$1
  shift
  uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
    setup.cfg --extra build "$@" -o "$file"
}
lock requirements.lock "$@"
lock requirements-ldap.lock --extra ldap "$@"
lock requirements-test.lock --extra test "$@"
lock requirements-docs.lock --extra docs "$@"
