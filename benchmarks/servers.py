"""The two servers that are compared: `vestibule serve`, and the floor under the same gunicorn. Each is a process tree."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from benchmarks.client import Connection, get
from benchmarks.cpu import cpu_seconds
from benchmarks.tenancies import SECRET_KEYS, Tenancy
from tests.support.keys import private_pem, public_pem
from tests.support.processes import Running, free_port, start

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STATEMENT = "from command import main; main()"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and the processes whose time counts: its own, and its database's."""

    port: int
    running: Running
    database_pids: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """CPU seconds that it and its database have used so far."""
        return cpu_seconds((self.running.pid, *self.database_pids))


@contextmanager
def product(url: str, folder: Path, database_pids: tuple[int, ...] = (), *options: str) -> Iterator[Server]:
    """`vestibule serve` with one worker, its log written to a file."""
    port = free_port()
    command = [sys.executable, "-c", STATEMENT, "serve", "--port", str(port), "--workers", "1", *options]
    running = start(command, log=folder / f"product-{port}.log", folder=ROOT, environment=environment(url))
    with _served(Server(port, running, database_pids), get("localhost:8000", "/healthz"), 200) as server:
        yield server


@contextmanager
def floor(url: str, folder: Path, tenancy: Tenancy, database_pids: tuple[int, ...] = ()) -> Iterator[Server]:
    """The floor, for responses of that tenant's identity provider, beside the product's database and not in its tables."""
    idp_key, own_key = folder / "idp.pem", folder / "own.pem"
    idp_key.write_bytes(public_pem(tenancy.idp.public_key))
    own_key.write_bytes(private_pem(tenancy.own_key))
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.floor", "--port", str(port), "--database", _driver_address(url, folder)]
    command += ["--idp-key", str(idp_key), "--own-key", str(own_key)]
    running = start(command, log=folder / f"floor-{port}.log", folder=ROOT)
    with _served(Server(port, running, database_pids), get("localhost:8000", "/redirect"), 302) as server:
        yield server


def environment(url: str) -> Mapping[str, str]:
    """What the product reads: the default settings on that database.

    And where Python keeps what it compiled, as it does in production: somebody's shell may say that it is kept nowhere, and
    a start would be the time to compile 1,600 modules.
    """
    keys = ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in SECRET_KEYS.items())
    return {
        "SECRET_KEYS": keys,
        "DATABASE_URL": url,
        "APP_URL": "http://localhost:8000",
        "TENANT_URL": "http://{slug}.localhost:8000",
        "TRUSTED_PROXIES": "0",
        "LOG_LEVEL": "INFO",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(ROOT / "var" / "bytecode"),
    }


@contextmanager
def _served(server: Server, probe: bytes, expected: int) -> Iterator[Server]:
    def answers() -> bool:
        try:
            with Connection(server.port) as connection:
                return connection.send(probe, expected=expected).status == expected
        except OSError:
            return False

    try:
        server.running.wait_until(answers, seconds=START_SECONDS)
        yield server
    finally:
        server.running.stop()


def _driver_address(url: str, folder: Path) -> str:
    """What the bare driver takes: a SQLite file of its own beside the product's, or the same PostgreSQL database."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return str(folder / "floor.db")
    return f"host={parsed.query['host']} user={parsed.username} dbname={parsed.database}"
