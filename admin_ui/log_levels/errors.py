"""Why a log level is not set."""

from __future__ import annotations

from tenants.errors import NotFound


class LoggerUnknown(NotFound):
    code = "logger_unknown"
    sentence = "There is no logger of this name; docs/operation.md and `vestibule log` list them all."
