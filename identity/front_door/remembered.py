"""The organisations that this browser went to last, in a cookie that can do no harm whatever somebody writes into it.

It holds MyDomain labels and nothing else. They are shown as links to addresses below the tenants' domain, which anybody may
visit, and are never looked up: a forged cookie tells its author nothing, and leads nowhere that its author could not go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

REMEMBERED_COOKIE = "__Host-vestibule_places"
REMEMBERED_SECONDS = 180 * 24 * 3600
MOST = 5
_SEPARATOR = "."
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])")
_LONGEST = MOST * 64


def remembered_in(cookie: str) -> tuple[str, ...]:
    """Labels, the latest first; what is none is left out."""
    labels = cookie.split(_SEPARATOR) if len(cookie) <= _LONGEST else []
    return tuple(dict.fromkeys(label for label in labels if _LABEL.fullmatch(label)))[:MOST]


def with_latest(labels: Sequence[str], label: str) -> str:
    """The cookie's value once this one was gone to."""
    return _SEPARATOR.join(tuple(dict.fromkeys((label, *labels)))[:MOST])


def without(labels: Sequence[str], label: str) -> str:
    """The cookie's value once this one was taken away; "" where none is left."""
    return _SEPARATOR.join(item for item in labels if item != label)
