"""Flows: what somebody typed on the front page, and where it leads.

What is typed is answered in one way whatever it leads to: the answer is a cookie of one length, sealed, and the address of
the next page. What differs is read from the database by one look-up in an index, of the same two tables each time.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from config.sealing import KeyRing, SealBroken
from config.settings import Settings
from identity.front_door.records import Place, place_of_domain, place_of_name
from tenants.email_domains import ASCII_BLANKS, domain_of, normalise_email
from tenants.errors import HostInvalid
from tenants.hosts import read_host

MAX_TYPED = 300
"""Characters that are looked at: an address has 254 at most, and a pasted URL a few more."""
FOUND_LIFETIME = dt.timedelta(minutes=5)
SEALED_OCTETS = 512
"""What an answer is filled up to before it is sealed; the longest one has about 400."""
MAX_COOKIE = 1024
_PLACE = "front_door"
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class Found:
    """Where what was typed leads: an organisation, or None; `email` is the address where it was one."""

    place: Place | None
    email: str | None


def find_way(typed: str, settings: Settings) -> Found:
    """The MyDomain that an e-mail address, a MyDomain's name or its whole address leads to. Asks about no person."""
    text = typed[:MAX_TYPED].strip(ASCII_BLANKS)
    if "@" in text:
        email = normalise_email(text)
        return Found(place_of_domain(domain_of(email)) if email else None, email)
    name = _name_in(text.lower(), settings)
    return Found(place_of_name(name) if name else None, None)


def _name_in(text: str, settings: Settings) -> str | None:
    """A MyDomain's name: as it is, or out of an address that people copy from their browser."""
    host = urlsplit(text if "//" in text else f"//{text}").netloc if _is_plain(text) else ""
    if "." not in host and ":" not in host:
        return host if 0 < len(host) <= _LONGEST_NAME else None
    try:
        return read_host(host, settings)[1]
    except HostInvalid:
        return None


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not set(text) & set("[]\\ ")


def seal_found(keys: KeyRing, found: Found, now: dt.datetime) -> str:
    """The answer as the browser keeps it for the next page: of one length, whatever it says."""
    place = [found.place.tenant_id, found.place.slug] if found.place else None
    document = json.dumps([place, found.email, int(now.timestamp())]).encode()
    return keys.seal(document.ljust(SEALED_OCTETS), _PLACE)


def open_found(keys: KeyRing, sealed: str, now: dt.datetime) -> Found | None:
    """The answer that this browser was given a moment ago; None for any other one."""
    if not 0 < len(sealed) <= MAX_COOKIE:
        return None
    try:
        place, email, at = json.loads(keys.open(sealed, _PLACE))
    except SealBroken:
        return None
    return Found(place and Place(*place), email) if 0 <= now.timestamp() - at <= FOUND_LIFETIME.total_seconds() else None
