"""What the tests of verification share: one identity provider, one trust, and a verdict in a word."""

from __future__ import annotations

import datetime as dt
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from identity.assertion import Assertion, Exchange
from identity.checks import Receipt
from identity.saml.response import read_response, verify_response
from tenants.errors import Refusal
from tenants.saml_settings import SAMLSettings
from tenants.trust import PublicKey, SAMLTrust, ServiceProvider
from tests.support.idp import ForgingIdP, encoded
from tests.support.keys import certificate_of, rsa_key

NOW = dt.datetime(2031, 5, 5, 12, 0, 0, tzinfo=dt.UTC)
"""Years away from the clock of the process: whatever reads that one, fails."""
MINUTE = dt.timedelta(minutes=1)
REQUEST_ID = "_" + "q" * 32
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
ENTITY_ID = "http://acme.localhost:8000/saml/metadata"
ACS = "http://acme.localhost:8000/saml/acs"
IDP = ForgingIdP()
SP_KEY = rsa_key("sp encryption")
SP_CERTIFICATE = certificate_of(SP_KEY, "sp.acme.test")
PROVIDER = ServiceProvider(ENTITY_ID, ACS, "http://acme.localhost:8000/saml/slo", ENTITY_ID)
EXCHANGE = Exchange(REQUEST_ID, 1, "idp", "", "", "/", (PASSWORD,))


def trust_of(
    *,
    signing_keys: tuple[PublicKey, ...] | None = None,
    decryption_keys: tuple[rsa.RSAPrivateKey, ...] = (SP_KEY,),
    **settings: Any,
) -> SAMLTrust:
    """The trust in IDP under the given settings."""
    return SAMLTrust(
        tenant_id=1,
        idp_id="idp",
        idp_name="idp",
        idp_display_name="IdP",
        service_provider=PROVIDER,
        idp_entity_id=IDP.entity_id,
        sso=(),
        signing_keys=(IDP.public_key,) if signing_keys is None else signing_keys,
        valid_until=None,
        settings=SAMLSettings(**settings),
        email_domains=frozenset(),
        open_signing_key=lambda: SP_KEY,
        signing_certificate=b"",
        open_decryption_keys=lambda: decryption_keys,
    )


def response(**changes: Any) -> bytes:
    """A response of IDP to EXCHANGE that is good at NOW, apart from the changes (see ForgingIdP.response)."""
    given: dict[str, Any] = {"sp_entity_id": ENTITY_ID, "acs_url": ACS, "in_response_to": REQUEST_ID, "now": NOW}
    return IDP.response(**(given | changes))


def encrypted(cipher: str = "aes256-gcm", **changes: Any) -> bytes:
    """A response with the assertion encrypted for us."""
    return response(encrypt=cipher, encryption_certificate=SP_CERTIFICATE, **changes)


def accept(
    xml: bytes | str,
    *,
    exchange: Exchange | None = EXCHANGE,
    now: dt.datetime = NOW,
    receipt: Receipt | None = None,
    **trust: Any,
) -> Assertion:
    """Verify, or raise what verification raises."""
    receipt = receipt or Receipt()
    return verify_response(read_response(encoded(xml), receipt), trust_of(**trust), exchange, now, receipt)


def verdict(xml: bytes | str, **options: Any) -> str:
    """`accepted`, or the code of the refusal; anything but a refusal is an error of ours and comes through."""
    try:
        accept(xml, **options)
    except Refusal as refusal:
        return refusal.code
    return "accepted"


def swap(xml: bytes | str, old: str, new: str, count: int = -1) -> bytes:
    """The text with a replacement that must have something to replace."""
    text = xml.decode() if isinstance(xml, bytes) else xml
    assert old in text, f"{old!r} is not there"
    return text.replace(old, new, count).encode()
