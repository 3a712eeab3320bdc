"""What a seal is made of, octet by octet (docs/audit-seals.md): anybody can compute it from an export, with no code of ours."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

EVENT_LABEL = b"vestibule/audit-event/1\n"
SEAL_LABEL = b"vestibule/audit-seal/1\n"
"""What is hashed says what it is, so that no event can be taken for a seal."""
DIGEST_BYTES = 32
NOTHING_BEFORE = "0" * 64
"""What the first seal of a chain names as the one before it."""


_IN_ORDER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_BY_CODE_POINTS = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def canonical(value: Any) -> bytes:
    """JSON in one form only.

    Source: RFC 8785. What is hashed here holds no fractions, whose form that standard takes from ECMAScript.
    """
    text = _BY_CODE_POINTS.encode(value)
    # Names of ASCII stand in the same order by code points, in C, as by UTF-16 code units; what we record has no others.
    if not text.isascii():
        text = _IN_ORDER.encode(_ordered(value))
    return text.encode("utf-8", "surrogatepass")  # SQLite keeps what is no character; a seal must not fail at it


def _ordered(value: Any) -> Any:
    """Members of objects in the order of their names' UTF-16 code units (RFC 8785 section 3.2.3)."""
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value, key=_code_units)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _code_units(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def moment_text(moment: dt.datetime) -> str:
    """A time in UTC to the microsecond: 2026-11-24T08:00:00.000000Z."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def event_digest(chain: int, fields: Mapping[str, Any]) -> bytes:
    """SHA-256 of one event with every field of it, in the chain that it belongs to."""
    plain = {name: moment_text(value) if isinstance(value, dt.datetime) else value for name, value in fields.items()}
    return hashlib.sha256(EVENT_LABEL + canonical(plain | {"chain": chain})).digest()


def seal_digest(header: Mapping[str, Any], leaves: Iterable[tuple[str, bytes]]) -> bytes:
    """SHA-256 of a seal: its header, in which the seal before it is named, and each event's id and digest."""
    events = [[event_id, digest.hex()] for event_id, digest in leaves]
    return hashlib.sha256(SEAL_LABEL + canonical({**header, "events": events})).digest()
