"""Logs: one JSON line per event on standard error, with the request's reference and without secrets (L1).

The names of the loggers are an interface (docs/operation.md): add to them, rename none.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import logging
import math
import re
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import structlog

ROOT = "vestibule"
SILENCED = ("saml2", "xmlschema", "urllib3")
"""Libraries whose messages hold NameIDs, whole XML messages or URLs with their queries."""

MAX_TEXT = 1_000
MAX_EXCEPTION = 6_000
MAX_ITEMS = 30
MAX_DEPTH = 4
MASK = "[masked]"

_SECRET_NAME = re.compile(
    r"passw|secret|token|cookie|authori[sz]ation|credential|saml_?(re(quest|sponse)|art)|relay_?state|private|(^|_)(api_?)?keys?$"
)
_SECRET_IN_TEXT = re.compile(
    r"(?i)\b(bearer\s+|basic\s+|(?:SAMLResponse|SAMLRequest|RelayState|password|token|secret|cookie|signature)\s*[=:]\s*)[^\s&,;]+"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


class EventLogger(structlog.BoundLoggerBase):
    """structlog's logger, whose events go straight to the line.

    A record of the standard library, its copies and its search for the calling line took 0.08 ms for each event, and two
    are a sign-in's.
    """

    def debug(self, event: str, **fields: Any) -> None:
        """For those who develop the service."""
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
            line = _line(time.time(), level, logger.name, event, {**self._context, **fields})
            if exc_info:
                line["exception"] = _exception(exc_info)
            _standard_error.put(_encode(line))


def _logger(area: str) -> EventLogger:
    logger: EventLogger = structlog.get_logger(f"{ROOT}.{area}")
    return logger


access_log = _logger("access")
sign_in_log = _logger("sign_in")
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
    structlog.configure(
        logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=EventLogger, cache_logger_on_first_use=True
    )
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
            line = _line(record.created, record.levelno, record.name, _without_secrets(record.getMessage()), {})
            if record.exc_info:
                line["exception"] = _exception(record.exc_info)
            self.put(_encode(line))
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
    line: dict[str, Any] = {
        "at": dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds"),
        "level": logging.getLevelName(level).lower(),
        "logger": logger,
        "event": _bounded(event, MAX_TEXT),
    }
    if (request_id := _request_id.get()) is not None:
        line["request_id"] = request_id
    for name, value in fields.items():
        line.setdefault(name, MASK if _is_secret(name) else _plain(value))
    return line


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON, bounded in length, breadth and depth, secrets masked at every depth."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _bounded(value, MAX_TEXT)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if depth < MAX_DEPTH and isinstance(value, Mapping):
        pairs = list(value.items())[:MAX_ITEMS]
        return {_bounded(str(k), 100): MASK if _is_secret(str(k)) else _plain(v, depth + 1) for k, v in pairs}
    if depth < MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    return _bounded(str(value), MAX_TEXT)


@functools.lru_cache(maxsize=512)
def _is_secret(name: str) -> bool:
    words = _CAMEL.sub("_", name).lower().replace("-", "_")
    return bool(_SECRET_NAME.search(words))


def _without_secrets(text: str) -> str:
    """For text that others wrote: what follows the name of a secret."""
    return _SECRET_IN_TEXT.sub(lambda found: found[1] + MASK, text)


def _exception(exc_info: Any) -> str:
    if exc_info is True:
        exc_info = sys.exc_info()
    elif isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    return _without_secrets(logging.Formatter().formatException(exc_info))[-MAX_EXCEPTION:]


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… [{len(text)} characters]"
