"""A throw-away PostgreSQL cluster: no port, no fsync, one for all workers of a run, gone with the last of them.

It listens on a Unix socket in a folder that nobody else can enter. Databases are copied from a template, which is
faster than migrating each anew.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

SUPERUSER = "postgres"
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
MAX_FOLDER_LENGTH = 60
"""Characters: the address of a Unix socket has room for 107 with our folder's name and the socket's in it."""
MEMORY = Path("/dev/shm")
ENOUGH_MEMORY = 4 * 1024**3
"""Bytes; a run's databases and log take less than one GiB."""
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_size": "256MB",
    "max_wal_senders": "0",
    "max_connections": "200",
    "autovacuum": "off",
    "jit": "off",
}


_CONNECTIONS: dict[Path, psycopg.Connection] = {}
"""By a cluster's folder: where this process makes and removes databases."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster. `folder` holds its files and its socket."""

    folder: Path

    def url_of(self, name: str) -> str:
        """The SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://{SUPERUSER}@/{_require_name(name)}?host={self.folder}"

    def create(self, name: str, template: str | None = None) -> str:
        """Make a database, empty or a copy of a template that nobody is connected to, and give its URL.

        One of that name that was left behind is replaced.
        """
        # Copied file by file: without fsync that takes half the time of copying through the log.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(_require_name(name)), sql.Identifier(_require_name(template or "template0"))
        )
        connection = self._connection()
        _drop(connection, name)
        connection.execute(statement)
        return self.url_of(name)

    def drop(self, name: str) -> None:
        """Remove a database, and end the connections to it."""
        _drop(self._connection(), _require_name(name))

    def start(self) -> None:
        """Start it; again after `crash`, if a test wants to see the service come back."""
        options = " ".join(f"-c {name}={value!r}" for name, value in OPTIONS.items())
        log = self.folder / "log"
        _run("pg_ctl", "-D", self._files, "-w", "-t", "60", "-l", log, "-o", f"{options} -k {self.folder}", "start")

    def crash(self) -> None:
        """End the server at once, as a power cut would; its files stay."""
        self.leave()
        _run("pg_ctl", "-D", self._files, "-m", "immediate", "stop")

    def stop(self) -> None:
        """End the server and remove its files."""
        if (self._files / "postmaster.pid").exists():
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def leave(self) -> None:
        """Close this process's own connection, where there is one."""
        if connection := _CONNECTIONS.pop(self.folder, None):
            connection.close()

    @property
    def _files(self) -> Path:
        return self.folder / "files"

    def _connection(self) -> psycopg.Connection:
        """One for all: beginning one costs the server as much as half a copy of a database."""
        if self.folder not in _CONNECTIONS:
            _CONNECTIONS[self.folder] = psycopg.connect(
                host=str(self.folder), user=SUPERUSER, dbname="postgres", autocommit=True
            )
        return _CONNECTIONS[self.folder]


def start_cluster(folder: Path | None = None) -> Cluster:
    """Make and start a cluster in a fresh folder below `folder` (the system's temporary one unless given).

    PostgreSQL refuses to run as root: there, it runs as Debian's `postgres`, who must be able to enter `folder`.
    """
    home = Path(tempfile.mkdtemp(prefix="vestibule-pg-", dir=folder or _temporary_folder()))
    if os.geteuid() == 0:
        shutil.chown(home, SUPERUSER)
    cluster = Cluster(home)
    _run("initdb", "-D", home / "files", "-A", "trust", "-U", SUPERUSER, "--no-sync", "-E", "UTF8", "--locale=C")
    cluster.start()
    return cluster


@contextmanager
def shared_cluster(folder: Path) -> Iterator[Cluster]:
    """One cluster for all processes of a test run that share `folder`.

    Each user holds a shared lock on a lease; the last one stops the cluster. Where that one is killed, a janitor, which
    waits for the lease and gets it when nobody is left, does.
    """
    run = folder / f"postgresql-{os.environ.get('PYTEST_XDIST_TESTRUNUID') or os.getpid()}"
    run.mkdir(parents=True, exist_ok=True)
    address, lease_path = run / "address", run / "lease"
    with lease_path.open("a") as lease:
        with _locked(run / "lock"):
            fcntl.flock(lease, fcntl.LOCK_SH)
            if address.exists():
                cluster = Cluster(Path(address.read_text()))
            else:
                cluster = start_cluster()
                address.write_text(str(cluster.folder))
                _start_janitor(lease_path, cluster)
        try:
            yield cluster
        finally:
            cluster.leave()
            with _locked(run / "lock"):
                if _is_last(lease):
                    address.unlink()
                    cluster.stop()


def binaries() -> Path:
    """The folder of the newest PostgreSQL that Debian has installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1]


_JANITORS: list[subprocess.Popen[bytes]] = []
"""Kept, since they outlive this process on purpose and Python warns of a process object that goes before its process."""


def _is_last(lease: object) -> bool:
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type]  # any file object with a descriptor
    except BlockingIOError:
        return False
    return True


def _start_janitor(lease: Path, cluster: Cluster) -> None:
    stop = f"{binaries()}/pg_ctl -D {cluster.folder}/files -m immediate stop"
    if os.geteuid() == 0:
        stop = f"runuser -u {SUPERUSER} -- {stop}"
    script = f"flock {lease} true; test -d {cluster.folder} && {{ {stop}; rm -rf {cluster.folder}; }}"
    janitor = subprocess.Popen(
        ["sh", "-c", script],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _JANITORS.append(janitor)


def _run(program: str, *arguments: object) -> None:
    """Run a program of PostgreSQL, as a user that it accepts.

    Its output goes to a file and not to a pipe: the server that pg_ctl leaves behind would hold a pipe open for ever.
    """
    command = [str(binaries() / program), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["runuser", "-u", SUPERUSER, "--", *command]
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{program} failed: {output.read().decode(errors='replace')}")


def _temporary_folder() -> Path:
    """The temporary folder, unless `postgres` cannot enter it (TMPDIR of root's own) or its name is too long for a socket.

    Before that memory, where there is enough: a copy of a database is hundreds of small files, made four times as fast.
    """
    in_memory = [MEMORY] if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ENOUGH_MEMORY else []
    for folder in (*in_memory, Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):
        if len(str(folder)) <= MAX_FOLDER_LENGTH and _can_enter(folder):
            return folder
    raise RuntimeError(f"{SUPERUSER} can enter no temporary folder")


def _can_enter(folder: Path) -> bool:
    if os.geteuid() != 0:
        return os.access(folder, os.X_OK | os.W_OK)
    question = ["runuser", "-u", SUPERUSER, "--", "test", "-x", str(folder)]
    return subprocess.run(question, cwd="/", check=False).returncode == 0


def _require_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"not a plain database name: {name!r}")
    return name


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
