#!/usr/bin/env bash
# Style, types, architecture: what can be judged without running anything.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python -m ruff check .
.venv/bin/python -m mypy
.venv/bin/python -c 'from importlinter.cli import lint_imports_command as check; check()' --no-cache
