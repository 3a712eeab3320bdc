"""Levels of our loggers in this process: what the deployment decided, and what somebody has set for a while (L1).

A level that was set falls back at its end by a timer of this process, which asks neither database nor job. Libraries' loggers
are out of reach: what they say at lower levels holds names and messages.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.logs import LOGGERS, ROOT, jobs_log

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
"""That may be set at run time; errors are never silenced."""
NEVER_QUIETER = f"{ROOT}.audit"
"""Its lines have the anchors that show what was cut off from the audit (docs/audit-seals.md): whoever sets levels while the
service runs may have it say more, and never less than the deployment decided."""
NAMES: Mapping[str, str] = {ROOT: "all of these"} | {f"{ROOT}.{area}": says for area, says in LOGGERS.items()}
"""Every logger whose level may be set, by its name, and what it says."""


@dataclass(frozen=True, slots=True)
class TimedLevel:
    """A level that a logger has until a moment."""

    logger: str
    level: str
    until: dt.datetime


class _State:
    """What is set in this process; changed under `lock` alone."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.levels: Mapping[str, TimedLevel] = {}
        self.timer: threading.Timer | None = None
        self.base = "INFO"


_state = _State()


def name_of(text: str) -> str | None:
    """The full name of a logger that was named with or without `vestibule.` in front; None for one that there is not."""
    wanted = text if text == ROOT or text.startswith(f"{ROOT}.") else f"{ROOT}.{text}"
    return wanted if wanted in NAMES else None


def set_base_level(level: str) -> None:
    """What the deployment decided: the level of every logger that nobody has set another one for."""
    with _state.lock:
        _state.base = level
        for name in (ROOT, NEVER_QUIETER):
            logging.getLogger(name).setLevel(effective_level(name, _state.levels, level))


def base_level() -> str:
    """What the deployment decided."""
    return _state.base


def apply_levels(wanted: Iterable[TimedLevel], now: dt.datetime) -> None:
    """Have exactly these levels in force in this process from now on, each until its end."""
    levels = {item.logger: item for item in wanted if item.logger in NAMES and item.level in LEVELS and item.until > now}
    with _state.lock:
        _put(levels, now)


def end_levels(now: dt.datetime) -> None:
    """Let go of what is over."""
    with _state.lock:
        _put({name: item for name, item in _state.levels.items() if item.until > now}, now)


def effective_level(name: str, levels: Mapping[str, TimedLevel], base: str) -> str:
    """The level that a logger has where these are set: its own, or that of all, or the deployment's."""
    found = levels.get(name) or levels.get(ROOT)
    if found is None or (name == NEVER_QUIETER and is_quieter(found.level, base)):
        return base
    return found.level


def is_quieter(level: str, than: str) -> bool:
    """Whether a level says less than another one."""
    return logging.getLevelNamesMapping()[level] > logging.getLevelNamesMapping()[than]


def _put(levels: Mapping[str, TimedLevel], now: dt.datetime) -> None:
    before = _state.levels
    if levels == before:
        return
    _state.levels = levels
    for name in NAMES:
        inherits = name != ROOT and name not in levels and name != NEVER_QUIETER
        logging.getLogger(name).setLevel(logging.NOTSET if inherits else effective_level(name, levels, _state.base))
    _wake_at_the_next_end(now)
    for name in NAMES:
        if levels.get(name) != before.get(name):
            _tell(name, levels.get(name))


def _wake_at_the_next_end(now: dt.datetime) -> None:
    if _state.timer is not None:
        _state.timer.cancel()
        _state.timer = None
    if _state.levels:
        end = min(item.until for item in _state.levels.values())
        _state.timer = threading.Timer((end - now).total_seconds(), end_levels, args=[end])
        _state.timer.daemon = True
        _state.timer.start()


def _tell(name: str, level: TimedLevel | None) -> None:
    if level is None:
        jobs_log.info("log_level_ended", of=name, to=effective_level(name, _state.levels, _state.base))
    else:
        jobs_log.info("log_level_set", of=name, to=level.level, until=level.until.isoformat())
