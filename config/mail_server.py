"""Which mail server to send by, taken apart from SMTP_URL, and whom mail comes from; nothing in it is repaired."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}
_ADDRESS = re.compile(r"(?:(?P<name>[^<>@]{1,100}) )?<?(?P<address>[^<>\s@]{1,64}@[A-Za-z0-9.-]{1,253})>?", re.ASCII)
HOW_TO_WRITE_IT = (
    "SMTP_URL must be smtp://user:password@mail.example.com:587 (STARTTLS) or smtps://user:password@mail.example.com:465, "
    "a password's special characters as %XX; ?tls=off at its end sends without encryption, and then takes no password"
)
HOW_TO_WRITE_SENDER = "MAIL_FROM must be an address, such as Vestibule <no-reply@example.com>"


class Security(StrEnum):
    """How the connection is kept from others: TLS from the first octet, STARTTLS before anything is said, or not at all."""

    TLS = "tls"
    STARTTLS = "starttls"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def mail_server_of(url: str) -> MailServer:
    """The server that SMTP_URL names.

    STARTTLS is required: a server that does not offer it gets no mail. Without encryption it goes to this machine itself, or
    where the operator has written so; a password goes without only to this machine.

    Raises:
        ValueError: with a sentence that says what to mend, and that holds nothing of the URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise ValueError(HOW_TO_WRITE_IT) from None
    rest = parts.path.strip("/") or parts.fragment
    known = not options or options in ({"tls": "off"}, {"tls": "required"})
    if parts.scheme not in _PORTS or not host or port == 0 or rest or not known or not url.isascii() or not url.isprintable():
        raise ValueError(HOW_TO_WRITE_IT)
    off = options.get("tls") == "off" or (_is_this_machine(host) and not options)
    security = Security.TLS if parts.scheme == "smtps" else Security.OFF if off else Security.STARTTLS
    if parts.scheme == "smtps" and options.get("tls") == "off":
        raise ValueError(HOW_TO_WRITE_IT)
    password = unquote(parts.password) if parts.password is not None else None
    user = unquote(parts.username) if parts.username else None
    if (user is None) != (password is None) or (user and security is Security.OFF and not _is_this_machine(host)):
        raise ValueError(HOW_TO_WRITE_IT)
    return MailServer(host, port or _PORTS[parts.scheme], security, user, password)


def sender_of(text: str) -> Address:
    """Whom mail comes from.

    Raises:
        ValueError: with a sentence that says what to mend.
    """
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or not text.isprintable() or ("<" in text) != (">" in text) or (found["name"] and "<" not in text):
        raise ValueError(HOW_TO_WRITE_SENDER)
    try:
        return Address((found["name"] or "").strip(' "'), addr_spec=found["address"])
    except (MessageError, ValueError, IndexError):
        raise ValueError(HOW_TO_WRITE_SENDER) from None


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
