"""`./run`: the service with two tenants and the demo's identity provider, until Ctrl-C."""

from __future__ import annotations

import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from config.development import VARIABLES, write_development_file
from demo.keys import key_pair, secret_keys
from demo.people import STAFF_SLUG
from demo.seed import seed

VAR = Path("var")
KEYS = VAR / "demo-idp"
LOOPBACK = "127.0.0.1"
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
START_SECONDS = 60
STOP_SECONDS = 10
DEFAULT_PORT = 8000


class Ended(Exception):
    """Somebody pressed Ctrl-C, or sent TERM."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the environment asks for."""

    port: int
    idp_port: int
    workers: int

    @property
    def app_url(self) -> str:
        """Origin of the app host."""
        return f"http://localhost:{self.port}"

    @property
    def tenant_url(self) -> str:
        """Template of tenant origins."""
        return f"http://{{slug}}.localhost:{self.port}"

    @property
    def database_url(self) -> str:
        """A file for each port: addresses of tenants hold it, and stay what they were when they were made."""
        name = "vestibule.db" if self.port == DEFAULT_PORT else f"vestibule-{self.port}.db"
        return f"sqlite:///{(VAR / name).absolute()}"


def main() -> int:
    """Prepare, start, tell, wait, stop."""
    os.umask(0o077)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    children: list[subprocess.Popen[bytes]] = []
    try:
        options = _read_options()
        _require_free(options.port, "PORT")
        _require_free(options.idp_port, "DEMO_IDP_PORT")
        environment = _environment(options)
        write_development_file(environment)
        os.environ.update(environment)
        children.append(_start(_idp_command(options)))
        seed(options.idp_port, options.port, options.tenant_url, KEYS)
        children.append(_start(_serve_command(options)))
        children.append(_start([sys.executable, "-m", "command", "worker"]))
        _wait_until_ready(options, children)
        print(_welcome(options), flush=True)
        return _watch(children)
    except Ended:
        return 0
    finally:
        _stop(children)


def _read_options() -> Options:
    return Options(
        port=_number("PORT", DEFAULT_PORT), idp_port=_number("DEMO_IDP_PORT", 8001), workers=_number("WORKERS", 1)
    )


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        sys.exit(f"{name} must be a number, for example {name}={default} ./run")
    return int(text)


def _require_free(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            sys.exit(f"Port {port} cannot be used ({error.strerror}). Choose another one: {variable}={port + 1000} ./run")


def _environment(options: Options) -> dict[str, str]:
    """What the service runs with. Addresses belong to the demo; all else may be given, such as a mail server."""
    key_pair(KEYS)
    given = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    return given | {
        "SECRET_KEYS": os.environ.get("SECRET_KEYS") or secret_keys(VAR / "secret_keys"),
        "DATABASE_URL": os.environ.get("DATABASE_URL") or options.database_url,
        "APP_URL": options.app_url,
        "TENANT_URL": options.tenant_url,
        "STAFF_TENANT": STAFF_SLUG,
        "METADATA_ALLOWED_NETWORKS": os.environ.get("METADATA_ALLOWED_NETWORKS") or "127.0.0.0/8,::1/128",
    }


def _idp_command(options: Options) -> list[str]:
    return [
        *(sys.executable, "-m", "demo.idp", "--port", str(options.idp_port), "--service-port", str(options.port)),
        *("--tenant-url", options.tenant_url, "--keys", str(KEYS)),
    ]


def _serve_command(options: Options) -> list[str]:
    serve = ("serve", "--host", LOOPBACK, "--port", str(options.port), "--workers", str(options.workers))
    return [sys.executable, "-m", "command", *serve]


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that it is us who end it, and which ends if we are killed."""
    return subprocess.Popen(
        command,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        preexec_fn=_end_with_parent,  # noqa: PLW1509 - this process has one thread
    )


def _end_with_parent() -> None:
    """In the child, before it becomes what it is to be."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_ready(options: Options, children: Sequence[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_SECONDS
    waiting = {
        "the demo identity provider": (options.idp_port, "/metadata", {}),
        "the service": (options.port, "/readyz", {"Host": f"localhost:{options.port}"}),
    }
    for name, (port, path, headers) in waiting.items():
        while not _answers(port, path, headers):
            if any(child.poll() is not None for child in children):
                sys.exit(f"Did not start: {name} ended. What it said is above.")
            if time.monotonic() > deadline:
                sys.exit(f"Did not start: {name} gave no answer in {START_SECONDS} seconds.")
            time.sleep(0.1)


def _answers(port: int, path: str, headers: Mapping[str, str]) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path, headers=dict(headers))
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _welcome(options: Options) -> str:
    return f"""
Vestibule is running. Open one of these, sign in, and choose a person:

    {options.tenant_url.replace("{slug}", "acme")}
    {options.tenant_url.replace("{slug}", "globex")}

    http://localhost:{options.idp_port}   the demo's identity provider, to start from the other side

The console, without a password to type:

    {options.app_url}/admin/   for staff: choose "Sign in with SSO", then Ada (owner) or Grace (support)
    {options.tenant_url.replace("{slug}", "acme")}/admin/   for Acme's own: Ada is administrator, Grace a viewer

Management API: {options.app_url}/api/v1/openapi.json
    make a token with:  .venv/bin/vestibule token create --role staff

To try more, set it before ./run: DIRECTORY_ALLOWED_NETWORKS for a directory, SMTP_URL for mail (docs/operation.md).

Data is kept in var/. Ctrl-C stops everything.
"""


def _watch(children: Sequence[subprocess.Popen[bytes]]) -> int:
    while all(child.poll() is None for child in children):
        time.sleep(0.5)
    print("A part of the demo ended by itself; stopping the rest.", file=sys.stderr)
    return 1


def _end(_number: int, _frame: FrameType | None) -> None:
    raise Ended


def _stop(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """End the children and wait for them; a second Ctrl-C does not leave any behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for child in children:
        child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


if __name__ == "__main__":
    sys.exit(main())
