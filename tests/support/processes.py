"""Processes that a test run starts: each has its own group, a log to show when it fails, and an end that waits."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOG_TAIL_CHARACTERS = 3_000
POLL_SECONDS = 0.05
PORTS = (20_000, 32_000)
"""Below those of outgoing connections (net.ipv4.ip_local_port_range begins at 32,768), and none that browsers refuse."""


class NotStarted(RuntimeError):
    """A process ended, or did not answer in time; the end of its log is in the message."""


def free_port() -> int:
    """A loopback TCP port that nobody listens on, and that is this process's own to the end of it.

    Two things can take a port before it is listened on, or while a server is being started anew: somebody's outgoing
    connection, which gets any port of the system's range, so that this one is below it; and another process of a test run
    that looks for one, so that a name is held in the kernel for each that was given out.
    """
    port: int
    first = random.SystemRandom().randrange(*PORTS)
    for port in (*range(first, PORTS[1]), *range(PORTS[0], first)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            held = socket.socket(socket.AF_UNIX)
            try:
                held.bind(f"\0vestibule-port-{port}")
            except OSError:
                held.close()
                continue
            atexit.register(held.close)
            return port
    raise RuntimeError("no port is free")


@dataclass(frozen=True, slots=True)
class Running:
    """A process of ours and its children, which share one group."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The leader of the group."""
        return self.process.pid

    def wait_until(self, answers: Callable[[], bool], *, seconds: float) -> None:
        """Come back when it answers.

        Raises:
            NotStarted: it ended before, or it took longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not answers():
            if self.process.poll() is not None:
                raise NotStarted(f"ended with status {self.process.returncode}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise NotStarted(f"no answer in {seconds} s\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def log_tail(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:] if self.log.exists() else ""

    def kill(self) -> None:
        """End it without a word, children too, as a power cut would."""
        self._signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, *, seconds: float = 30) -> None:
        """Ask it to end, and end whatever of it is left after `seconds`."""
        if self.process.poll() is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def start(
    command: Sequence[str | Path], *, log: Path, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Running:
    """Start a process as the leader of a group of its own; what it writes goes to `log`.

    Args:
        environment: what is added to this process's own.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    return Running(process, log)
