"""Logout messages of an identity provider in the tests' hand: POST signed by libxmlsec1, Redirect by `cryptography`."""

from __future__ import annotations

import base64
import datetime as dt
import html
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree
from werkzeug.test import TestResponse

from tests.support.idp import ForgingIdP, new_xml_id
from tests.support.saml_xml import EMAIL_ADDRESS, SAML, SAMLP, STATUS, SUCCESS, Instant, attributes_of, element
from tests.support.world import Organisation, utc_now
from tests.support.xml_signing import SIGNATURES
from tests.support.xml_signing import sign as sign_element

MINUTE = dt.timedelta(minutes=1)
HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "rsa-sha1": hashes.SHA1(),
    "rsa-sha256": hashes.SHA256(),
    "rsa-sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutParts:
    """What a logout message is made of; None leaves a part out, `…_xml` writes it raw."""

    id: str
    destination: str | None
    issuer: str | None
    issue_instant: Instant
    version: str | None = "2.0"
    name_id: str | None = None
    name_id_format: str | None = EMAIL_ADDRESS
    name_id_xml: str | None = None
    session_indexes: Sequence[str] = ()
    not_on_or_after: Instant = None
    in_response_to: str | None = None
    status: tuple[str, str | None] = (SUCCESS, None)
    extra_xml: str = ""


def request_parts(organisation: Organisation, **overrides: Any) -> LogoutParts:
    """A request that the service would obey: the organisation's Ada, every session of hers."""
    good = LogoutParts(
        id=new_xml_id(),
        destination=f"{organisation.origin}/saml/slo",
        issuer=organisation.idp.entity_id,
        issue_instant=utc_now(),
        not_on_or_after=utc_now() + 5 * MINUTE,
        name_id=f"ada@{organisation.domain}",
    )
    return replace(good, **overrides)


def response_parts(organisation: Organisation, in_response_to: str | None, **overrides: Any) -> LogoutParts:
    """An answer that the service would take."""
    good = LogoutParts(
        id=new_xml_id(),
        destination=f"{organisation.origin}/saml/slo",
        issuer=organisation.idp.entity_id,
        issue_instant=utc_now(),
        in_response_to=in_response_to,
    )
    return replace(good, **overrides)


def request_xml(parts: LogoutParts) -> str:
    """The LogoutRequest, unsigned."""
    indexes = "".join(f"<samlp:SessionIndex>{escape(index)}</samlp:SessionIndex>" for index in parts.session_indexes)
    name_id = parts.name_id_xml
    if name_id is None:
        name_id = element("NameID", parts.name_id, Format=parts.name_id_format)
    opening = _opening(parts, NotOnOrAfter=parts.not_on_or_after)
    return f"<samlp:LogoutRequest{opening}{_issuer(parts)}{parts.extra_xml}{name_id}{indexes}</samlp:LogoutRequest>"


def response_xml(parts: LogoutParts) -> str:
    """The LogoutResponse, unsigned."""
    code, below = parts.status
    inner = f'<samlp:StatusCode Value="{below}"/>' if below else ""
    status = f'<samlp:Status><samlp:StatusCode Value="{code}">{inner}</samlp:StatusCode></samlp:Status>'
    opening = _opening(parts, InResponseTo=parts.in_response_to)
    return f"<samlp:LogoutResponse{opening}{_issuer(parts)}{parts.extra_xml}{status}</samlp:LogoutResponse>"


def posted(
    xml: str, id: str, idp: ForgingIdP, *, kind: str = "SAMLRequest", relay_state: str = "", **signing: Any
) -> dict[str, str]:
    """The form of the POST binding, signed by the identity provider; `signing` as for `sign_element`."""
    signed = sign_element(xml, id, signing.pop("key", idp.key), certificate=idp.certificate, **signing)
    return unsigned_form(signed, kind=kind, relay_state=relay_state)


def unsigned_form(xml: str | bytes, *, kind: str = "SAMLRequest", relay_state: str = "") -> dict[str, str]:
    """The form of the POST binding around any text."""
    octets = xml.encode() if isinstance(xml, str) else xml
    return {kind: base64.b64encode(octets).decode()} | ({"RelayState": relay_state} if relay_state else {})


def deflated(xml: str | bytes) -> bytes:
    """As the Redirect binding has it."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(xml.encode() if isinstance(xml, str) else xml) + compressor.flush()


def signed_query(
    xml: str,
    key: Any,
    *,
    kind: str = "SAMLRequest",
    relay_state: str = "",
    method: str = "rsa-sha256",
    lower_case: bool = False,
    spoil: Callable[[bytes], bytes] = bytes,
) -> str:
    """The query of the Redirect binding, signed over itself.

    Args:
        spoil: changes the deflated octets before they are signed.
        lower_case: %2b and not %2B, as AD FS escapes.
    """
    parts = [(kind, base64.b64encode(spoil(deflated(xml))).decode())]
    parts += [("RelayState", relay_state)] if relay_state else []
    parts.append(("SigAlg", SIGNATURES[method]))
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parts)
    if lower_case:
        query = re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), query)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = key.sign(query.encode(), padding.PKCS1v15(), HASHES[method])
    return f"{query}&Signature={quote(base64.b64encode(signature).decode(), safe='')}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A logout message of ours on its way: by Redirect where there is a query, else by POST."""

    location: str
    xml: bytes
    relay_state: str
    query: str

    @property
    def root(self) -> etree._Element:
        """The message."""
        return etree.fromstring(self.xml)

    @property
    def id(self) -> str:
        """Its ID."""
        return self.root.get("ID") or ""


def sent_by(answer: TestResponse, kind: str) -> Sent:
    """What an answer of ours sends the browser away with: a redirect, a page that goes on by itself, or a form."""
    if answer.status_code == 303:
        return _by_redirect(answer.location, kind)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    page = answer.get_data(as_text=True)
    onward = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page)
    if onward:
        return _by_redirect(html.unescape(onward[1]), kind)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    action = re.search(r'action="([^"]+)"', page)
    assert action, page
    xml = base64.b64decode(html.unescape(fields[kind]))
    return Sent(html.unescape(action[1]), xml, html.unescape(fields.get("RelayState", "")), "")


def _by_redirect(url: str, kind: str) -> Sent:
    query = urlsplit(url).query
    values = parse_qs(query)
    xml = zlib.decompress(base64.b64decode(values[kind][0]), -15)
    return Sent(url.partition("?")[0], xml, values.get("RelayState", [""])[0], query)


def _opening(parts: LogoutParts, **more: Instant) -> str:
    attributes = attributes_of(
        ID=parts.id, Version=parts.version, IssueInstant=parts.issue_instant, Destination=parts.destination, **more
    )
    return f' xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"{attributes}>'


def _issuer(parts: LogoutParts) -> str:
    return element("Issuer", parts.issuer)


PARTIAL = STATUS + "PartialLogout"
