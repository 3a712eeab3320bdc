"""What grows with tenants and with the service itself: memory of a cached tenant, and the start."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.client import Connection, get
from benchmarks.servers import ROOT, environment, product

APP_HOST = "localhost:8000"


@dataclass(frozen=True, slots=True)
class Start:
    """CPU seconds of a whole process tree with one worker."""

    first_answer: float
    """From the program's start until a browser has been sent to its identity provider."""
    first_console_page: float
    """What the first page of the console takes beyond that: the rest of the service is put together for it."""


def start_seconds(url: str, host: str, folder: Path, *, times: int) -> Start:
    """Medians of so many starts of `vestibule serve`; one before them compiles whatever is not compiled yet."""
    starts = [_start(url, host, folder) for _ in range(times + 1)][1:]
    return Start(median(one.first_answer for one in starts), median(one.first_console_page for one in starts))


def _start(url: str, host: str, folder: Path) -> Start:
    with product(url, folder) as server, Connection(server.port) as connection:
        connection.send(get(host, "/saml/login"), expected=200)
        first_answer = server.cpu_seconds()
        connection.send(get(APP_HOST, "/admin/sign-in"), expected=200)
        return Start(first_answer, server.cpu_seconds() - first_answer)


def cached_tenant_bytes(url: str, count: int) -> tuple[float, float]:
    """Bytes for each cached tenant of a fresh process, before and after its keys were used."""
    cached, used = map(float, _run(url, "-m", "benchmarks.memory", str(count)).split())
    return cached, used


def _run(url: str, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    environ = {**os.environ, **environment(url), "LOG_LEVEL": "WARNING"}
    return subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout
