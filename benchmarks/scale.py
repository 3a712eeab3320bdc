"""What grows with tenants: memory of a cached one, and a worker's start."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

from benchmarks.servers import ROOT, environment

START = """
import time
from wsgi import create_app
answer = create_app().test_client().get("/saml/login", base_url="http://{host}")
assert answer.status_code == 200, answer.status
print(time.process_time())
"""


def start_seconds(url: str, host: str, *, times: int) -> float:
    """CPU seconds until a fresh process has answered its first request: interpreter, imports, create_app, one start."""
    return median(float(_run(url, "-c", START.format(host=host))) for _ in range(times))


def cached_tenant_bytes(url: str, count: int) -> tuple[float, float]:
    """Bytes for each cached tenant of a fresh process, before and after its keys were used."""
    cached, used = map(float, _run(url, "-m", "benchmarks.memory", str(count)).split())
    return cached, used


def _run(url: str, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    environ = {**os.environ, **environment(url), "LOG_LEVEL": "WARNING"}
    return subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout
