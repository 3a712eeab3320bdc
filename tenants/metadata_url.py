"""A URL that metadata is said to be at, taken apart; nothing in it is repaired, and nothing that has two readings passes."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urldefrag, urlsplit

import idna

from tenants.metadata_errors import URLNotAllowed

MAX_URL_CHARACTERS = 2000
"""As many as its column has."""

_DEFAULT_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_BRACKETED = re.compile(r"\[[0-9a-fA-F:.]+\](?::[0-9]*)?")


@dataclass(frozen=True, slots=True)
class Target:
    """Where one hop goes: a checked URL in its parts. `path` holds the query as well."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says (RFC 9112 3.2)."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"


def target_of(url: str) -> Target:
    """The parts of an http or https URL.

    Raises:
        URLNotAllowed: another scheme, a user name, a host that is none, blanks, or letters outside of ASCII in the path.
    """
    # The parser drops line breaks and tabs and repairs more: what it would have to repair is refused first.
    if len(url) > MAX_URL_CHARACTERS or not url.isprintable() or " " in url or "\\" in url:
        raise URLNotAllowed(f"the URL has a blank, a backslash or more than {MAX_URL_CHARACTERS} characters")
    try:
        parts = urlsplit(url)
        if "[" in parts.netloc and not _BRACKETED.fullmatch(parts.netloc.rpartition("@")[2]):
            raise ValueError
        host, port = _host_of(parts.hostname or ""), parts.port
    except ValueError:  # of which IDNAError is one
        raise URLNotAllowed("this is not a URL with a proper host and port") from None
    if parts.scheme not in ("http", "https"):
        raise URLNotAllowed(f"the URL begins with {parts.scheme[:20]!r} and not with https")
    if "@" in parts.netloc:
        raise URLNotAllowed("the URL has a user name or password")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if port == 0 or not path.isascii():
        raise URLNotAllowed("the URL has port 0 or letters outside of ASCII; write those as %XX")
    return Target(urldefrag(url).url, parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], path)


def _host_of(name: str) -> str:
    """A host as it is looked up and named to TLS: an address, or a name in ASCII form without a dot at its end."""
    if ":" in name:
        return str(ipaddress.IPv6Address(name))
    host = name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    if not _HOST.fullmatch(host):
        raise ValueError
    return host
