"""Targets: the local paths that people may be sent to. Anything that a browser could read as another place is refused."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from identity.errors import RelayStateInvalid

MAX_TARGET_LENGTH = 2000
_LOCAL_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@%?#\[\]|{}^`][A-Za-z0-9\-._~!$&'()*+,;=:@%/?#\[\]|{}^`]*)?")
"""An absolute path by its first slash and a second character that is neither slash nor backslash (browsers read both as
`//host`); printable ASCII only, so no control character reaches a header."""
_NOT_TARGETS = ("/saml/", "/logout")


def is_target(text: str) -> bool:
    """Whether this is a path on the tenant's own host that a person may be sent to."""
    return len(text) <= MAX_TARGET_LENGTH and _LOCAL_PATH.fullmatch(text) is not None and not text.startswith(_NOT_TARGETS)


def require_target(text: str) -> str:
    """The target as given, or "/" for none.

    Raises:
        RelayStateInvalid: for another host, another scheme, control characters, or more than MAX_TARGET_LENGTH.
    """
    if text == "":
        return "/"
    if not is_target(text):
        raise RelayStateInvalid("the target is no local path")
    return text


def target_of_url(url: str, origin: str) -> str | None:
    """The local path of an absolute URL on the tenant's own canonical origin, which some identity providers are given."""
    if not url.startswith(origin + "/") or not url.isascii() or not url.isprintable():
        return None
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return path if is_target(path) else None
