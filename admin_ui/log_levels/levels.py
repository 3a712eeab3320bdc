"""Flows: a log level is set for a while, falls back before, and is followed by every process (L1).

API, command line and console call these. What is set holds everywhere within FOLLOW_SECONDS and a little: each worker looks at
the table so often, and none has to be started anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from admin_ui.log_levels.errors import LoggerUnknown
from admin_ui.log_levels.records import KeptLevel, forget_level, keep_level, kept_levels
from config.log_levels import (
    LEVELS,
    NAMES,
    NEVER_QUIETER,
    TimedLevel,
    apply_levels,
    base_level,
    effective_level,
    end_levels,
    is_quieter,
    name_of,
)
from tenants.management_errors import FieldsInvalid
from tenants.staff_audit import StaffEventType, record_staff

FOLLOW_SECONDS = 2
"""How often each process looks; what is set holds within 5 seconds, whatever else it has to do."""
MAX_DURATION = dt.timedelta(hours=24)
"""DEBUG fills disks, and a logger that is kept quiet hides things: both end by themselves, and LOG_LEVEL is for what stays."""


@dataclass(frozen=True, slots=True)
class LoggerView:
    """A logger: what it says, its level now, and who has set that until when; `kept` None: nobody has."""

    name: str
    says: str
    level: str
    kept: KeptLevel | None


def logger_views(now: dt.datetime) -> Sequence[LoggerView]:
    """Every logger with the level that it has in all processes."""
    kept = {item.level.logger: item for item in kept_levels(now)}
    levels, base = {name: item.level for name, item in kept.items()}, base_level()
    return [LoggerView(name, says, effective_level(name, levels, base), kept.get(name)) for name, says in NAMES.items()]


def logger_view(name: str, now: dt.datetime) -> LoggerView:
    """One logger, named with or without `vestibule.` in front.

    Raises:
        LoggerUnknown
    """
    wanted = require_logger(name)
    return next(view for view in logger_views(now) if view.name == wanted)


def require_logger(logger: str) -> str:
    """The full name of a logger.

    Raises:
        LoggerUnknown
    """
    found = name_of(logger)
    if found is None:
        raise LoggerUnknown(f"no logger {logger[:60]!r}")
    return found


def set_level(name: str, level: str, duration: dt.timedelta, *, actor: str, now: dt.datetime) -> LoggerView:
    """Give a logger a level for a while, in place of the one that it has.

    Raises:
        LoggerUnknown
        FieldsInvalid: a level that there is not, or longer than a day.
    """
    wanted = require_logger(name)
    if level not in LEVELS:
        raise FieldsInvalid("level", errors={"level": [f"A level is one of {', '.join(LEVELS)}."]})
    if wanted == NEVER_QUIETER and is_quieter(level, base_level()):
        raise FieldsInvalid("level", errors={"level": ["The audit's lines are never fewer than the deployment decided."]})
    if not dt.timedelta(0) < duration <= MAX_DURATION:
        raise FieldsInvalid("duration", errors={"expires_in": ["A level lasts for a day at most: such as 30m, 2h or 24h."]})
    set_until = TimedLevel(wanted, level, now + duration)
    keep_level(set_until, now, actor)
    until = set_until.until.isoformat()
    record_staff(StaffEventType.LOG_LEVEL_SET, at=now, actor=actor, logger=wanted, level=level, until=until)
    return logger_view(wanted, now)


def reset_level(name: str, *, actor: str, now: dt.datetime) -> LoggerView:
    """Let a logger fall back before its time; one that nobody has set stays as it is.

    Raises:
        LoggerUnknown
    """
    wanted = require_logger(name)
    if forget_level(wanted, now):
        record_staff(StaffEventType.LOG_LEVEL_RESET, at=now, actor=actor, logger=wanted)
    return logger_view(wanted, now)


def follow_levels(now: dt.datetime) -> None:
    """Have in this process what the table says; what is over ends first, whether or not the database answers."""
    end_levels(now)
    apply_levels((item.level for item in kept_levels(now)), now)
