"""Forms for log levels, of the API itself, the command line and the console alike."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from admin_ui.log_levels.levels import LoggerView
from config.log_levels import LEVELS
from tenants.schema_fields import Strict, text


class LogLevelPut(Strict):
    """A level for a while. `expires_in` is a number and a unit: 30m, 2h; a day at most."""

    level = fields.String(required=True, validate=validate.OneOf(LEVELS))
    expires_in = text(10, pattern=r"^[0-9]{1,6}[smhd]$", required=True)


class LogLevelView(Strict):
    """A logger and its level now. `until`, `set_at` and `set_by` are null where nobody has set one."""

    logger = fields.String(required=True)
    says = fields.String(required=True)
    level = fields.String(required=True)
    until = fields.DateTime(required=True, allow_none=True)
    set_at = fields.DateTime(required=True, allow_none=True)
    set_by = fields.String(required=True, allow_none=True)


class LogLevelList(Strict):
    """All loggers."""

    items = fields.List(fields.Nested(LogLevelView), required=True)


def logger_document(view: LoggerView) -> dict[str, Any]:
    """A logger as the API shows it."""
    kept = view.kept
    return {
        "logger": view.name,
        "says": view.says,
        "level": view.level,
        "until": kept.level.until if kept else None,
        "set_at": kept.set_at if kept else None,
        "set_by": kept.set_by if kept else None,
    }
