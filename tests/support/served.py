"""`vestibule serve` as production starts it, in processes of its own, spoken to over a socket."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from lxml import etree

from tests.support.processes import Running, free_port, start
from tests.support.world import SECRET_KEYS

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 120
ANSWER_SECONDS = 60
SETTINGS = ("APP_URL", "TENANT_URL", "TRUSTED_PROXIES", "METADATA_ALLOWED_NETWORKS", "METADATA_DIRECTORY", "LOG_LEVEL")
_FIELD = re.compile(r'name="(SAMLRequest|RelayState)"[^>]*value="([^"]*)"')
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True)
class Begun:
    """A sign-in that has left for the identity provider: the request's ID, RelayState, and the browser's login cookie."""

    request_id: str
    relay_state: str
    cookie: str


@dataclass(frozen=True)
class Served:
    """A running server."""

    running: Running
    port: int

    @property
    def workers(self) -> list[int]:
        """Process ids of its workers: the children of the leader."""
        children = Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def request(self, method: str, host: str, path: str, *, cookie: str = "", **options: object) -> requests.Response:
        """One request at a host of the service; Python does not resolve *.localhost."""
        headers = {"Host": f"{host}:{self.port}"} | ({"Cookie": cookie} if cookie else {})
        return requests.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            headers=headers,
            timeout=ANSWER_SECONDS,
            allow_redirects=False,
            **options,  # type: ignore[arg-type]  # handed on as they are
        )

    def begin(self, host: str, target: str = "/") -> Begun:
        """Begin a sign-in at a tenant's host."""
        page = self.request("GET", host, "/saml/login", params={"next": target})
        fields = dict(_FIELD.findall(page.text))
        request = etree.fromstring(base64.b64decode(fields["SAMLRequest"]))
        return Begun(str(request.get("ID")), fields["RelayState"], page.headers["Set-Cookie"].partition(";")[0])

    def finish(self, host: str, begun: Begun, message: bytes) -> requests.Response:
        """Post the identity provider's answer in the browser that began."""
        form = {"SAMLResponse": base64.b64encode(message).decode(), "RelayState": begun.relay_state}
        return self.request("POST", host, "/saml/acs", cookie=begun.cookie, data=form)

    def send(self, octets: bytes, *, seconds: float = ANSWER_SECONDS) -> tuple[int, bytes]:
        """These very octets on a connection of their own: the first answer's status, and all that came; 0 where none came."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            with contextlib.suppress(OSError):  # answered and closed before all was sent
                connection.sendall(octets)
                connection.shutdown(socket.SHUT_WR)
            return read_answer(connection)


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Everything until the other side closes, and the status in it."""
    received = b""
    with contextlib.suppress(ConnectionResetError, TimeoutError):
        while chunk := connection.recv(65536):
            received += chunk
    found = _STATUS.search(received)
    return (int(found[1]) if found else 0), received


@contextmanager
def served(
    database_url: str, folder: Path, *, workers: int = 1, jobs: bool = True, **environment: str
) -> Iterator[Served]:
    """Serve a database that is migrated already, until the block ends; its log is served.log."""
    port = free_port()
    command = [sys.executable, "-m", "command", "serve", "--port", str(port), "--workers", str(workers)]
    command += [] if jobs else ["--no-jobs"]
    environment_of_it = _environment(database_url, environment)
    running = start(command, log=folder / "served.log", folder=folder, environment=environment_of_it)
    server = Served(running, port)
    try:
        running.wait_until(lambda: _is_up(server) and len(server.workers) == workers, seconds=START_SECONDS)
        yield server
    finally:
        running.stop()


@contextmanager
def working(database_url: str, folder: Path, name: str = "worker", **environment: str) -> Iterator[Running]:
    """`vestibule worker` on a database that is migrated already, until the block ends; its log is `name`.log."""
    command = [sys.executable, "-m", "command", "worker"]
    running = start(command, log=folder / f"{name}.log", folder=folder, environment=_environment(database_url, environment))
    try:
        running.wait_until(lambda: '"event":"working"' in running.log_tail(), seconds=START_SECONDS)
        yield running
    finally:
        running.stop()


def _environment(database_url: str, given: Mapping[str, str]) -> Mapping[str, str]:
    keys = ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in SECRET_KEYS.items())
    return {
        "PYTHONPATH": str(REPOSITORY),
        "DATABASE_URL": database_url,
        "SECRET_KEYS": keys,
        "RATE_LIMITS": "off",
        **dict.fromkeys(SETTINGS, ""),
        **given,
    }


def wait_for(server: Served, *, workers: int) -> None:
    """Come back when so many workers are there and one answers."""
    server.running.wait_until(lambda: len(server.workers) == workers and _is_up(server), seconds=START_SECONDS)


def _is_up(server: Served) -> bool:
    try:
        return server.request("GET", "localhost", "/healthz").status_code == 200
    except requests.RequestException:
        return False
