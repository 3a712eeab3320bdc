"""Logs: one JSON line per event on standard error, with the request's reference and without secrets (L1).

The names of the loggers are an interface (docs/operation.md): add to them, rename none.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import logging
import math
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

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


def _logger(area: str) -> BoundLogger:
    logger: BoundLogger = structlog.stdlib.get_logger(f"{ROOT}.{area}")
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
        processors=[structlog.stdlib.filter_by_level, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, StandardError) for handler in root.handlers):
        root.addHandler(StandardError())
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT).setLevel(level)
    for name in SILENCED:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def bind_request(request_id: str) -> None:
    """Put the request's reference on every line until `clear_request`, and forget the one before."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def clear_request() -> None:
    """Forget the request: threads are used again."""
    structlog.contextvars.clear_contextvars()


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

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(ProcessorFormatter(processors=[structlog.contextvars.merge_contextvars, _as_line]))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


def _as_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Everything that leaves the process passes here.

    ASCII only: line separators, terminal codes and text directions that a client sent come out as escapes.
    """
    record: logging.LogRecord = event.pop("_record")
    foreign = event.pop("_from_structlog", True) is False
    exc_info = event.pop("exc_info", None) or record.exc_info
    text = str(event.pop("event", ""))
    line: dict[str, Any] = {
        "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": _bounded(_without_secrets(text) if foreign else text, MAX_TEXT),
    }
    for name, value in event.items():
        line.setdefault(str(name), MASK if _is_secret(str(name)) else _plain(value))
    if exc_info:
        line["exception"] = _exception(exc_info, record)
    return json.dumps(line, ensure_ascii=True, separators=(",", ":"))


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


def _exception(exc_info: Any, record: logging.LogRecord) -> str:
    if exc_info is True:
        exc_info = sys.exc_info()
    elif isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    text = record.exc_text or logging.Formatter().formatException(exc_info)
    return _without_secrets(text)[-MAX_EXCEPTION:]


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… [{len(text)} characters]"
