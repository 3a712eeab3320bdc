"""Where a directory is: ldaps://, or ldap:// which always means StartTLS. There is no way in the clear."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_URL = 300
PORTS = {"ldaps": 636, "ldap": 389}
_HOST = re.compile(r"(?=.{1,253}\Z)(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


class URLInvalid(ValueError):
    """An address that is none of a directory; the text says why."""


@dataclass(frozen=True, slots=True)
class DirectoryURL:
    """A server of a directory. Make it with `directory_url`."""

    scheme: str
    host: str
    port: int

    @property
    def starttls(self) -> bool:
        """Whether TLS begins by asking for it, and not with the connection."""
        return self.scheme == "ldap"

    @property
    def authority(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def directory_url(text: str) -> DirectoryURL:
    """Read an address: scheme, host and maybe a port, nothing else.

    Raises:
        URLInvalid
    """
    if len(text) > MAX_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise URLInvalid("it is an address such as ldaps://ldap.example.com")
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        raise URLInvalid("it is an address such as ldaps://ldap.example.com") from None
    if parts.scheme not in PORTS:
        raise URLInvalid("it begins with ldaps://, or with ldap:// for StartTLS")
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise URLInvalid("it has a host and maybe a port, and nothing behind them")
    if port == 0 or not (_is_address(host) or _HOST.fullmatch(host)):
        raise URLInvalid("its host is a name such as ldap.example.com")
    return DirectoryURL(parts.scheme, host, port or PORTS[parts.scheme])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host
