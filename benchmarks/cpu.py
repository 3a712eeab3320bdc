"""CPU time and memory of processes, as the kernel counts them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CPUCLOCK_SCHED = 2
"""Of <linux/posix-timers.h>: nanoseconds that the scheduler gave to all threads of a process, ended ones too."""


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU seconds of these processes and all below them, whoever ended meanwhile included."""
    return sum(_seconds_of(pid) for pid in tree_of(roots))


def tree_of(roots: Iterable[int]) -> set[int]:
    """These processes and all below them."""
    parents = {int(folder.name): _parent_of(folder) for folder in Path("/proc").iterdir() if folder.name.isdigit()}
    tree = {pid for pid in roots if pid in parents}
    while more := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return tree


def resident_bytes() -> int:
    """Memory of this process that is really there, OpenSSL's and libxml2's included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def cpu_model() -> str:
    """What the machine calls its processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _seconds_of(pid: int) -> float:
    try:
        own = time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)  # clock_getcpuclockid(3); /proc counts in steps of 10 ms
        return own + sum(map(int, _stat(Path(f"/proc/{pid}"))[13:15])) / TICKS
    except OSError:
        return 0.0


def _parent_of(folder: Path) -> int:
    try:
        return int(_stat(folder)[1])
    except OSError:
        return 0


def _stat(folder: Path) -> list[str]:
    """Fields of proc(5)'s stat from the third on: the second may hold blanks and brackets."""
    return (folder / "stat").read_text().rpartition(")")[2].split()
