"""Pages of a list by keyset: a cursor holds the last key of a page, and belongs to one list of one tenant."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from tenants.errors import NotFound
from tenants.management_errors import CursorInvalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_CURSOR_LENGTH = 800
NUMBER = re.compile("[1-9][0-9]{0,8}")
"""The number of a version."""
ROW_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BINDING_BYTES = 12

Item = TypeVar("Item")


def cursor_of(key: str, scope: str) -> str:
    """An opaque cursor. `scope` names the list, its tenant and its filter; there is nothing secret in it."""
    return base64.urlsafe_b64encode(_binding(key, scope) + key.encode()).decode().rstrip("=")


def is_row_id(text: str) -> bool:
    """Whether a text can be the id of a row; PostgreSQL fails on others."""
    return bool(ROW_ID.fullmatch(text))


def key_of(cursor: str | None, scope: str, form: re.Pattern[str] = ROW_ID) -> str | None:
    """The key that a cursor holds; None for the first page.

    Args:
        form: what a key of this list looks like; anybody can make up a cursor.

    Raises:
        CursorInvalid: it is none of this list.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = raw[_BINDING_BYTES:].decode()
    except (binascii.Error, ValueError):
        raise CursorInvalid("not a cursor") from None
    if not form.fullmatch(key) or not hmac.compare_digest(raw[:_BINDING_BYTES], _binding(key, scope)):
        raise CursorInvalid("of another list")
    return key


def page_of(
    found: Sequence[Item], limit: int, *, key: Callable[[Item], str], scope: str, path: str, query: Mapping[str, Any]
) -> tuple[Sequence[Item], str | None]:
    """A page and the URL of the next one, from one row more than a page has.

    Args:
        path: of this list; the URL has no host, so it is right behind every proxy.
        query: the filter that goes on holding.
    """
    items = found[:limit]
    return items, next_of(cursor_of(key(items[-1]), scope) if len(found) > limit else None, limit, path, query)


def next_of(cursor: str | None, limit: int, path: str, query: Mapping[str, Any]) -> str | None:
    """The URL of the page that a cursor leads to; None where there is none."""
    return f"{path}?{urlencode({**query, 'limit': limit, 'cursor': cursor})}" if cursor else None


def number_of(text: str) -> int:
    """The number of a version, as an address has it, or NotFound."""
    if not NUMBER.fullmatch(text):
        raise NotFound("no number of a version")
    return int(text)


def page_by_number(
    found: Callable[[int | None, int], Sequence[Item]],
    number: Callable[[Item], int | None],
    limit: int,
    cursor: str | None,
    *,
    scope: str,
) -> tuple[Sequence[Item], str | None]:
    """A page of versions, newest first, and the cursor of the next one.

    Args:
        found: below a number, and so many of them at most.
        number: of one.
    """
    below = key_of(cursor, scope, NUMBER)
    items = found(int(below) if below else None, limit + 1)
    following = cursor_of(str(number(items[limit - 1])), scope) if len(items) > limit else None
    return items[:limit], following


def _binding(key: str, scope: str) -> bytes:
    return hashlib.sha256(f"{scope}\x00{key}".encode()).digest()[:_BINDING_BYTES]


def cursor_scope(name: str, tenant_id: int, *filters: str) -> str:
    """What a cursor belongs to: a list, its tenant, and the filter that it was made under."""
    return "\x00".join((name, str(tenant_id), *filters))
