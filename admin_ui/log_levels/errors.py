"""Why a log level is not set."""

from __future__ import annotations

from tenants.errors import Refusal


class LoggerUnknown(Refusal):
    code, status = "logger_unknown", 404
    heading = "There is no such logger"
    sentence = "There is no logger of this name; docs/operation.md and `vestibule log` list them all."
