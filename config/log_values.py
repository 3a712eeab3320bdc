"""What a value may look like in the log: bounded in length, breadth and depth, and without secrets (L1)."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from typing import Any

MAX_TEXT = 1_000
MAX_ITEMS = 30
MAX_DEPTH = 4
MASK = "[masked]"

_SECRET_NAME = re.compile(
    r"passw|secret|token|cookie|authori[sz]ation|credential|saml_?(re(quest|sponse)|art)|relay_?state|private|(^|_)(api_?)?keys?$"
)
_SECRET_IN_TEXT = re.compile(
    r"(?i)\b(bearer\s+|basic\s+|(?:SAMLResponse|SAMLRequest|RelayState|password|token|secret|cookie|signature)\s*[=:]\s*)[^\s&,;]+"
)
_ADDRESS = re.compile(r"[^\s\"'<>,;:()=]{1,64}@[^\s\"'<>,;()]{1,255}")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


_SHORT = frozenset({int, bool, type(None)})


def shown(name: str, value: Any) -> Any:
    """A field's value as the log may have it; that of a field which is named like a secret is masked."""
    if _is_secret(name):
        return MASK
    kind = value.__class__
    if kind in _SHORT or (kind is str and len(value) <= MAX_TEXT):  # as nearly all are
        return value
    return _plain(value)


def without_secrets(text: str) -> str:
    """For text that others wrote: what follows the name of a secret is masked."""
    return _SECRET_IN_TEXT.sub(lambda found: found[1] + MASK, text)


def without_addresses(text: str) -> str:
    """For text that may speak of people: whatever has the form of an e-mail address is masked."""
    return _ADDRESS.sub(MASK, text) if "@" in text else text


def bounded(text: str, limit: int = MAX_TEXT) -> str:
    """A text cut at `limit` characters, and how long it was."""
    return text if len(text) <= limit else f"{text[:limit]}… [{len(text)} characters]"


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON, secrets masked at every depth."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return bounded(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if depth < MAX_DEPTH and isinstance(value, Mapping):
        pairs = list(value.items())[:MAX_ITEMS]
        return {bounded(str(k), 100): MASK if _is_secret(str(k)) else _plain(v, depth + 1) for k, v in pairs}
    if depth < MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    return bounded(str(value))


@functools.lru_cache(maxsize=512)
def _is_secret(name: str) -> bool:
    words = _CAMEL.sub("_", name).lower().replace("-", "_")
    return bool(_SECRET_NAME.search(words))
