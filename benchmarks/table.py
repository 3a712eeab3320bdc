"""The figures as people read them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from statistics import median

import sqlalchemy as sa

from benchmarks.cpu import cpu_model
from benchmarks.rounds import Row
from benchmarks.scale import Start
from tests.support.world import utc_now

HEAD = ("case", "against", "floor ms", "product ms", "ratio", "aim", "")
CACHED_AIM_KIB = 8.0
START_AIM_SECONDS = 2.0


def machine() -> str:
    """Date, processor and versions that the figures belong to."""
    return (
        f"{utc_now():%Y-%m-%d} · {cpu_model()}, {os.cpu_count()} cores · "
        f"Python {platform.python_version()} · SQLAlchemy {sa.__version__}"
    )


def table(database: str, rows: Sequence[Row]) -> str:
    """One line for each row, in Markdown that reads well as it stands."""
    lines = [[f"{database}", *HEAD[1:]], *(_cells(row) for row in rows if row.products)]
    return _aligned(lines)


def scale_lines(cached: tuple[float, float], start: Start) -> str:
    """Memory and start, in the same form."""
    unused, used = (size / 1024 for size in cached)
    lines = [
        ["with many tenants", "measured", "aim", ""],
        ["cached tenant, its keys not used yet", f"{unused:.1f} KiB", "", ""],
        ["cached tenant, after a signature made and one verified", f"{used:.1f} KiB", *_verdict(used, CACHED_AIM_KIB, " KiB")],
        [
            "`vestibule serve` from its start to its first answer, CPU",
            f"{start.first_answer:.2f} s",
            *_verdict(start.first_answer, START_AIM_SECONDS, " s"),
        ],
        ["the first page of the console after that, CPU", f"{start.first_console_page:.2f} s", "", ""],
    ]
    return _aligned(lines)


def plain_lines(lines: Sequence[Sequence[str]]) -> str:
    """Figures without an aim, in the same form."""
    return _aligned(lines)


def _cells(row: Row) -> list[str]:
    aim = ["", ""] if row.aim is None else [f"≤ {row.aim:.2f}", "ok" if row.ratio <= row.aim else "over"]
    return [row.name, row.against, f"{median(row.floors):.2f}", f"{median(row.products):.2f}", f"{row.ratio:.2f}", *aim]


def _verdict(value: float, aim: float, unit: str) -> list[str]:
    return [f"≤ {aim:g}{unit}", "ok" if value <= aim else "over"]


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in (lines[0], rule, *lines[1:])
    )
