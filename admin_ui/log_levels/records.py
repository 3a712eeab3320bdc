"""Records of log levels: one row for each logger that has one for a while."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from admin_ui.log_levels.models import LogLevel
from config.database import write, writing_connection
from config.log_levels import TimedLevel
from config.statements import Prepared


@dataclass(frozen=True, slots=True)
class KeptLevel:
    """A level that somebody set: until when, when and by whom."""

    level: TimedLevel
    set_at: dt.datetime
    set_by: str


_TABLE = LogLevel.__table__
_KEPT = Prepared(
    sa.select(LogLevel.logger, LogLevel.level, LogLevel.until, LogLevel.set_at, LogLevel.set_by)
    .where(LogLevel.until > sa.bindparam("now"))
    .order_by(LogLevel.logger)
)
_INSERTS: Mapping[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def kept_levels(now: dt.datetime) -> Sequence[KeptLevel]:
    """Levels that are not over: as many rows as there are loggers, at most."""
    return [
        KeptLevel(TimedLevel(row.logger, row.level, row.until), row.set_at, row.set_by)
        for row in _KEPT.all({"now": now})
    ]


def keep_level(level: TimedLevel, now: dt.datetime, actor: str) -> None:
    """Keep a level in place of the one that its logger had."""
    insert = _INSERTS[writing_connection().dialect.name](_TABLE)
    values = {"logger": level.logger, "level": level.level, "until": level.until, "set_at": now, "set_by": actor}
    changed = {name: insert.excluded[name] for name in values if name != "logger"}
    write(insert.values(**values).on_conflict_do_update(index_elements=["logger"], set_=changed))


def forget_level(logger: str, now: dt.datetime) -> bool:
    """Let a logger fall back; False where it had no level that was not over."""
    ended = write(sa.delete(_TABLE).where(LogLevel.logger == logger, LogLevel.until > now)).rowcount == 1
    write(sa.delete(_TABLE).where(LogLevel.until <= now))
    return ended
