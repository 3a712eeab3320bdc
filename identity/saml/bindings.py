"""How a message travels by browser: form fields (SAML Bindings 3.5) or the query of an address (3.4)."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import quote, unquote_plus

from identity.saml.signing import DS, sign_octets
from tenants.trust import Endpoint, SAMLTrust

REQUEST, RESPONSE = "SAMLRequest", "SAMLResponse"
"""What a message is called on its way."""
MAX_RELAY_STATE_BYTES = 80
"""SAML Bindings 3.4.3 and 3.5.3."""
RAW_DEFLATE = -zlib.MAX_WBITS
"""Without the zlib header and checksum (RFC 1951), as SAML Bindings 3.4.4.1 wants it."""


def post_fields(
    xml: bytes, relay_state: str, *, message: str = REQUEST, longest: int = MAX_RELAY_STATE_BYTES
) -> dict[str, str]:
    """The hidden fields of the form that takes a message to the identity provider; an empty RelayState is left out.

    Args:
        longest: bytes of RelayState; more than ours have where the identity provider's own is given back.
    """
    fields = {message: base64.b64encode(xml).decode("ascii")}
    if relay_state:
        fields["RelayState"] = _bounded(relay_state, longest)
    return fields


def redirect_url(xml: bytes, relay_state: str, endpoint: Endpoint, trust: SAMLTrust, *, login_hint: str | None = None) -> str:
    """The address that takes an authentication request to the identity provider, signed where the settings say so."""
    query = redirect_query(xml, relay_state, trust, sign=trust.settings.sign_requests)
    return with_hint(with_query(endpoint.location, query), login_hint, trust)


def redirect_query(
    xml: bytes,
    relay_state: str,
    trust: SAMLTrust,
    *,
    sign: bool,
    message: str = REQUEST,
    longest: int = MAX_RELAY_STATE_BYTES,
) -> str:
    """The query that takes a message to the identity provider; arguments as for `post_fields`.

    The signature covers SAMLRequest, RelayState and SigAlg in this order and in these very octets; the message itself must
    not be signed (SAML Bindings 3.4.4.1). The endpoint's own query and the login hint stand outside of it.
    """
    if DS.encode() in xml:
        raise ValueError("a message for the Redirect binding carries no signature inside")
    query = f"{message}=" + _quoted_base64(_deflated(xml))
    if relay_state:
        query += "&RelayState=" + quote(_bounded(relay_state, longest), safe="")
    if sign:
        query += "&SigAlg=" + quote(trust.settings.signature_method, safe="")
        query += "&Signature=" + _quoted_base64(sign_octets(query.encode("ascii"), trust))
    return query


def with_hint(address: str, login_hint: str | None, trust: SAMLTrust) -> str:
    """`address` with who is about to sign in, under the name that the identity provider takes that by (Q5).

    SAML has no place for it, and Entra ID refuses a Subject. A hint may come from anybody's link, so it never speaks over what
    the address says under that name itself.
    """
    name = trust.settings.login_hint_parameter
    if not (login_hint and name) or name.lower() in _names_in(address):
        return address
    return with_query(address, f"{name}={quote(login_hint, safe='')}")


def _names_in(address: str) -> frozenset[str]:
    """Names of an address's parameters in lower case, as a server that knows no case reads them."""
    query = address.partition("#")[0].partition("?")[2]
    return frozenset(unquote_plus(part.partition("=")[0]).lower() for part in query.split("&"))


def with_query(location: str, query: str) -> str:
    """`location` with more query after its own one, which stays as it is."""
    address, hash_sign, fragment = location.partition("#")
    separator = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return f"{address}{separator}{query}{hash_sign}{fragment}"


def _deflated(xml: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=RAW_DEFLATE)
    return compressor.compress(xml) + compressor.flush()


def _quoted_base64(octets: bytes) -> str:
    """Percent-encoded base64. The alphabet has three characters to encode; `quote` would look at each, in 0.015 ms."""
    return base64.b64encode(octets).decode("ascii").replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


def _bounded(relay_state: str, longest: int) -> str:
    if len(relay_state.encode()) > longest:
        raise ValueError(f"RelayState is at most {longest} bytes")
    return relay_state
