"""Logs: one JSON line per event on standard error, with the request's reference and without secrets (L1).

The names of the loggers are an interface (docs/operation.md): add to them, rename none.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import logging
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import structlog

from config.json_text import compact_json
from config.log_values import bounded, shown, without_addresses, without_secrets

ROOT = "vestibule"
SILENCED = ("saml2", "xmlschema", "urllib3")
"""Libraries whose messages hold NameIDs, whole XML messages or URLs with their queries."""

MAX_EXCEPTION = 6_000

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class EventLogger(structlog.BoundLoggerBase):
    """structlog's logger, whose events go straight to the line.

    A record of the standard library, its copies and its search for the calling line took 0.08 ms for each event, and two
    are a sign-in's.
    """

    def debug(self, event: str, **fields: Any) -> None:
        """For whoever looks for a fault. On the way of a sign-in, ask `says_debug` first."""
        self._say(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Something happened as it should."""
        self._say(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Something to look at."""
        self._say(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Something is broken. `exc_info` is an exception, or True for the one that is being handled."""
        self._say(logging.ERROR, event, fields)

    def _say(self, level: int, event: str, fields: dict[str, Any]) -> None:
        logger: logging.Logger = self._logger
        if logger.isEnabledFor(level):
            exc_info = fields.pop("exc_info", None)
            line = _line(time.time(), level, logger.name, event, {**self._context, **fields} if self._context else fields)
            if exc_info:
                line["exception"] = _exception(exc_info)
            _standard_error.put(compact_json(line))


LOGGERS: Mapping[str, str] = {
    "access": "one line for each request",
    "sign_in": "how sign-ins end",
    "identity.saml": "each check of a SAML response: what was expected and what came",
    "metadata": "identity providers' metadata: fetches, and what was wrong with it",
    "api": "calls of the management API",
    "audit": "audit events as they are recorded",
    "jobs": "what is done every so often, and log levels that change",
    "start": "start and end of the service",
}
"""Every logger by its area, and what it says; its name is `vestibule.` and the area."""


def _logger(area: str) -> EventLogger:
    if area not in LOGGERS:
        raise LookupError(f"{area} is no logger that is documented")
    return EventLogger(logging.getLogger(f"{ROOT}.{area}"), (), {})


_STANDARD = {area: logging.getLogger(f"{ROOT}.{area}") for area in LOGGERS}


def says_debug(area: str) -> bool:
    """Whether lines of level DEBUG are written at this moment; a fiftieth of what a line costs that is not."""
    return _STANDARD[area].isEnabledFor(logging.DEBUG)


access_log = _logger("access")
sign_in_log = _logger("sign_in")
saml_log = _logger("identity.saml")
metadata_log = _logger("metadata")
api_log = _logger("api")
audit_log = _logger("audit")
jobs_log = _logger("jobs")
start_log = _logger("start")


def configure_logging(level: str) -> None:
    """Send every logger of this process to standard error as JSON; a second call only changes the level.

    Args:
        level: of our own loggers. Libraries say warnings and worse at most: their debug output holds what we mask.
    """
    root = logging.getLogger()
    if _standard_error not in root.handlers:
        root.addHandler(_standard_error)
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT).setLevel(level)
    for name in SILENCED:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def bind_request(request_id: str) -> None:
    """Put the request's reference on every line until `clear_request`, and forget the one before."""
    _request_id.set(request_id)


def clear_request() -> None:
    """Forget the request: threads are used again."""
    _request_id.set(None)


def log_request(*, method: str, host_kind: str, path: str, status: int, milliseconds: float) -> None:
    """The access log's line of one answer. `path` comes without its query, which may hold what nobody else may read."""
    access_log.info(
        "request",
        method=method[:20],
        host=host_kind,
        path=path.partition("?")[0][:200],
        status=status,
        ms=round(milliseconds, 1),
    )


class StandardError(logging.Handler):
    """Writes each event in one piece to whatever `sys.stderr` is by then."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a library's line: text that others wrote."""
        try:
            line = _line(record.created, record.levelno, record.name, without_secrets(record.getMessage()), {})
            if record.exc_info:
                line["exception"] = _exception(record.exc_info)
            self.put(compact_json(line))
        except Exception:
            self.handleError(record)

    def put(self, line: str) -> None:
        """Write one line. A log that cannot be written to (a full disk, a closed pipe) stops nobody's sign-in."""
        assert self.lock
        with self.lock, contextlib.suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


_standard_error = StandardError()


def _line(seconds: float, level: int, logger: str, event: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that leaves the process passes here.

    It is written in ASCII: line separators, terminal codes and text directions that a client sent come out as escapes.
    """
    whole, milliseconds = divmod(int(seconds * 1000), 1000)
    line: dict[str, Any] = {
        "at": f"{_second(whole)}.{milliseconds:03d}+00:00",
        "level": _level_name(level),
        "logger": logger,
        "event": bounded(event),
    }
    if (request_id := _request_id.get()) is not None:
        line["request_id"] = request_id
    for name, value in fields.items():
        if name not in line:
            line[name] = shown(name, value)
    return line


@functools.lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    """A second in UTC. Lines come by the dozen in one."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None).isoformat()


@functools.cache
def _level_name(level: int) -> str:
    return logging.getLevelName(level).lower()


def _exception(exc_info: Any) -> str:
    if exc_info is True:
        exc_info = sys.exc_info()
    elif isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    return without_addresses(without_secrets(logging.Formatter().formatException(exc_info)))[-MAX_EXCEPTION:]
