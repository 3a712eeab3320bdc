"""A logout message as it came, by HTTP-POST or HTTP-Redirect: read but not believed (SAML Bindings 3.4, 3.5).

A message by Redirect is signed over the query as it was sent, octet by octet. The query is therefore taken apart as it
came, and never put together again from decoded values: what one side escapes as %2b, the other may write as %2B.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from lxml import etree

from identity.errors import RequestInvalid, TooLarge
from identity.saml.bindings import RAW_DEFLATE, REQUEST, RESPONSE
from identity.saml.names import ISSUER, SAMLP
from identity.saml.schema import require_schema
from tenants.signed_xml.errors import ResponseMalformed
from tenants.signed_xml.xml import child_of, ids_of, parse, read_base64, read_text, require_plain_markup, text_of

TAGS: Mapping[str, str] = {REQUEST: SAMLP + "LogoutRequest", RESPONSE: SAMLP + "LogoutResponse"}
MAX_LOGOUT_OCTETS = 64 * 1024
"""Of one message, inflated. Real ones have two or three thousand; each SessionIndex adds a hundred."""
MAX_QUERY_OCTETS = 32 * 1024
MAX_ECHOED_BYTES = 1024
"""Of a RelayState that is given back. SAML allows 80; SimpleSAMLphp sends more."""
DEFLATE = b"urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
_RELAY_STATE, _ALGORITHM, _SIGNATURE, _ENCODING = b"RelayState", b"SigAlg", b"Signature", b"SAMLEncoding"
_KNOWN = frozenset({REQUEST.encode(), RESPONSE.encode(), _RELAY_STATE, _ALGORITHM, _SIGNATURE, _ENCODING})
_MAX_PARAMETERS = 20


@dataclass(frozen=True, slots=True)
class SignedQuery:
    """What the signature of a message by Redirect covers, and that signature."""

    octets: bytes = field(repr=False)
    method: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnverifiedLogout:
    """A schema-valid LogoutRequest or LogoutResponse that anyone may have written.

    `query` is there where it came by Redirect and claims to be signed; `root` is the tree without comments.
    """

    root: etree._Element = field(repr=False)
    is_request: bool
    by_redirect: bool
    query: SignedQuery | None
    relay_state: str = field(repr=False)
    unverified_issuer: str


def read_posted_logout(fields: Sequence[tuple[str, str]]) -> UnverifiedLogout:
    """Read a message of the HTTP-POST binding from the fields of its form. Nothing is inflated.

    Raises:
        RequestInvalid: not exactly one message, a field twice, RelayState beyond all measure.
        TooLarge, ResponseMalformed, XMLForbidden
    """
    kind = _only_message([name for name, _ in fields if name in TAGS])
    value = dict(fields)[kind]
    relay_states = [text for name, text in fields if name == _RELAY_STATE.decode()]
    if len(relay_states) > 1:
        raise RequestInvalid(f"RelayState {len(relay_states)} times")
    relay_state = _bounded(relay_states[0] if relay_states else "")
    if len(value) > MAX_LOGOUT_OCTETS * 2:
        raise TooLarge(f"a logout message of more than {MAX_LOGOUT_OCTETS // 1024} KiB")
    octets = _octets_of(value)
    if len(octets) > MAX_LOGOUT_OCTETS:
        raise TooLarge(f"a logout message of more than {MAX_LOGOUT_OCTETS // 1024} KiB")
    return _read(octets, kind, relay_state, by_redirect=False, query=None)


def read_redirected_logout(query: bytes) -> UnverifiedLogout:
    """Read a message of the HTTP-Redirect binding from the query as it came. Inflating is bounded.

    Raises:
        RequestInvalid: not exactly one message, a parameter twice or under a disguised name, another encoding than DEFLATE.
        TooLarge, ResponseMalformed, XMLForbidden
    """
    if len(query) > MAX_QUERY_OCTETS:
        raise TooLarge(f"a query of more than {MAX_QUERY_OCTETS // 1024} KiB")
    raw = _raw_parameters(query)
    kind = _only_message([name for name in TAGS if name.encode() in raw])
    if raw.get(_ENCODING) is not None and unquote_to_bytes(raw[_ENCODING]) != DEFLATE:
        raise RequestInvalid("a SAMLEncoding other than DEFLATE")
    relay_state = _bounded(_text(raw.get(_RELAY_STATE, b"").replace(b"+", b" ")))
    xml = _inflated(_octets_of(_text(raw[kind.encode()])))
    return _read(xml, kind, relay_state, by_redirect=True, query=_signed_query(kind, raw))


def _raw_parameters(query: bytes) -> dict[bytes, bytes]:
    """Parameter -> value as it was sent. What is not SAML's is none of ours, unless it decodes to a name that is."""
    pairs = [pair.partition(b"=") for pair in query.split(b"&") if pair]
    if len(pairs) > _MAX_PARAMETERS:
        raise RequestInvalid(f"a query of {len(pairs)} parameters")
    raw: dict[bytes, bytes] = {}
    for name, _, value in pairs:
        if name in _KNOWN:
            if name in raw:
                raise RequestInvalid(f"{name.decode()} twice")
            raw[name] = value
        elif unquote_to_bytes(name.replace(b"+", b" ")) in _KNOWN:
            raise RequestInvalid("a parameter of SAML under an escaped name")
    return raw


def _only_message(found: Sequence[str]) -> str:
    if len(found) != 1:
        raise RequestInvalid(f"{len(found)} logout messages in one request")
    return found[0]


def _signed_query(kind: str, raw: Mapping[bytes, bytes]) -> SignedQuery | None:
    """The octets in the order of SAML Bindings 3.4.4.1, whatever order the address has them in."""
    if _SIGNATURE not in raw or _ALGORITHM not in raw:
        return None
    names = (kind.encode(), _RELAY_STATE, _ALGORITHM)
    octets = b"&".join(name + b"=" + raw[name] for name in names if name in raw)
    return SignedQuery(octets, _text(raw[_ALGORITHM]), _octets_of(_text(raw[_SIGNATURE])))


def _text(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise RequestInvalid("a query that is not UTF-8") from None


def _octets_of(value: str) -> bytes:
    try:
        return read_base64(value)
    except ValueError:
        raise ResponseMalformed("not strict base64") from None


def _inflated(octets: bytes) -> bytes:
    inflater = zlib.decompressobj(RAW_DEFLATE)
    try:
        xml = inflater.decompress(octets, MAX_LOGOUT_OCTETS + 1)
    except zlib.error:
        raise ResponseMalformed("not DEFLATE (RFC 1951)") from None
    if len(xml) > MAX_LOGOUT_OCTETS:
        raise TooLarge(f"a logout message of more than {MAX_LOGOUT_OCTETS // 1024} KiB")
    if not inflater.eof or inflater.unused_data:
        raise ResponseMalformed("DEFLATE that ends too early, or not with the message")
    return xml


def _bounded(relay_state: str) -> str:
    if len(relay_state.encode()) > MAX_ECHOED_BYTES:
        raise RequestInvalid(f"RelayState of more than {MAX_ECHOED_BYTES} bytes")
    return relay_state


def _read(xml: bytes, kind: str, relay_state: str, *, by_redirect: bool, query: SignedQuery | None) -> UnverifiedLogout:
    text = read_text(xml)
    require_plain_markup(text)
    root = parse(text)
    ids = ids_of(root)
    if len(ids) != len(set(ids)):
        raise ResponseMalformed(f"{len(ids)} IDs, {len(set(ids))} different")
    if root.tag != TAGS[kind]:
        raise ResponseMalformed(f"{kind} holds {str(root.tag)[:120]}")
    require_schema(root)
    return UnverifiedLogout(
        root=root,
        is_request=kind == REQUEST,
        by_redirect=by_redirect,
        query=query,
        relay_state=relay_state,
        unverified_issuer=text_of(child_of(root, ISSUER)),
    )
