"""What is sent: starts of sign-ins, and the responses that identity providers make of them while no clock runs."""

from __future__ import annotations

import html
import re
import zlib
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

from benchmarks.client import Answer, Connection, get, post
from benchmarks.servers import Server
from benchmarks.tenancies import Tenancy
from tests.support.idp import encoded

_FIELD = re.compile(rb'<input type="hidden" name="(SAMLRequest|RelayState)" value="([^"]+)"')
_ID = re.compile(rb'\bID="([^"]+)"')
RAW_DEFLATE = -15


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a tenant."""

    tenancy: Tenancy
    name: str

    @property
    def email(self) -> str:
        """The address, which is the NameID too."""
        return f"{self.name}@{self.tenancy.domain}"


@dataclass(frozen=True, slots=True)
class Started:
    """A sign-in that left for the identity provider."""

    person: Person
    request_id: str
    relay_state: str
    cookies: str


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU milliseconds for one request, and what was answered."""

    milliseconds: float
    answers: tuple[Answer, ...]


def send_all(server: Server, requests: Sequence[bytes], *, expected: int) -> Measured:
    """Send one after the other, and tell what each cost the server's process tree and its database."""
    with Connection(server.port) as connection:
        before = server.cpu_seconds()
        answers = tuple(connection.send(request, expected=expected) for request in requests)
        spent = server.cpu_seconds() - before
    return Measured(spent * 1000 / len(requests), answers)


def starts(people: Sequence[Person]) -> list[bytes]:
    """The request with which each leaves for the identity provider, from a browser that was never here."""
    return [get(person.tenancy.host, "/saml/login?next=/reports%3Fyear%3D2026") for person in people]


def started(people: Sequence[Person], measured: Measured) -> list[Started]:
    """Read what the product sent, by either binding."""
    return [_started(person, answer) for person, answer in zip(people, measured.answers, strict=True)]


def arrivals(starts: Sequence[Started], *, sign: str = "assertion", encrypt: str | None = None) -> list[bytes]:
    """The POST with which each comes back; every response is made anew, of about 5 KB."""
    return [_arrival(start, sign, encrypt) for start in starts]


def response_bytes(arrival: bytes) -> int:
    """Octets of XML in an arrival."""
    form = parse_qs(arrival.rpartition(b"\r\n\r\n")[2].decode())
    return len(b64decode(form["SAMLResponse"][0]))


def _started(person: Person, answer: Answer) -> Started:
    if answer.location:
        query = parse_qs(urlsplit(answer.location).query)
        xml = zlib.decompress(b64decode(query["SAMLRequest"][0]), RAW_DEFLATE)
        relay_state = query["RelayState"][0]
    else:
        fields = {name: html.unescape(value.decode()) for name, value in _FIELD.findall(answer.body)}
        xml, relay_state = b64decode(fields[b"SAMLRequest"]), fields[b"RelayState"]
    found = _ID.search(xml)
    assert found
    return Started(person, found[1].decode(), relay_state, answer.cookies)


def _arrival(start: Started, sign: str, encrypt: str | None) -> bytes:
    person, tenancy = start.person, start.person.tenancy
    options: dict[str, Any] = {"encrypt": encrypt, "encryption_certificate": tenancy.own_key.public_key()} if encrypt else {}
    response = tenancy.idp.response(
        sp_entity_id=f"{tenancy.origin}/saml/metadata",
        acs_url=f"{tenancy.origin}/saml/acs",
        in_response_to=start.request_id,
        name_id=person.email,
        attributes={
            "uid": [person.name],
            "mail": [person.email],
            "givenName": ["Ada"],
            "sn": ["Lovelace"],
            "telephoneNumber": ["+41 44 123 45 67"],
            "groups": ["staff"],
        },
        sign=sign,
        **options,
    )
    form = f"SAMLResponse={quote_plus(encoded(response))}&RelayState={quote_plus(start.relay_state)}"
    return post(tenancy.host, "/saml/acs", form, start.cookies)
