"""What a service provider and the forging identity provider agreed, for tests of the wire alone: no database, no web."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

from identity.assertion import Assertion, Exchange
from identity.checks import Receipt
from identity.saml.response import read_response, verify_response
from tenants.saml_settings import SAMLSettings
from tenants.trust import Endpoint, SAMLTrust, ServiceProvider
from tests.support.idp import POST, REDIRECT, ForgingIdP, encoded
from tests.support.keys import PublicKey, certificate_of, certificate_text, rsa_key

ORIGIN = "https://acme.sp.test"
SERVICE_PROVIDER = ServiceProvider(
    entity_id=f"{ORIGIN}/saml/metadata",
    acs_url=f"{ORIGIN}/saml/acs",
    slo_url=f"{ORIGIN}/saml/slo",
    metadata_url=f"{ORIGIN}/saml/metadata",
)
NOW = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)
REQUEST_ID = "_q0123456789abcdef0123456789abcdef"
ADDRESSED: dict[str, Any] = {
    "sp_entity_id": SERVICE_PROVIDER.entity_id,
    "acs_url": SERVICE_PROVIDER.acs_url,
    "in_response_to": REQUEST_ID,
    "now": NOW,
}
"""Arguments for ForgingIdP.response that make an answer to the exchange below."""


def trust_in(idp: ForgingIdP, *keys: PublicKey, **settings: Any) -> SAMLTrust:
    """Trust in that identity provider's key, or in the keys given, with settings changed as told."""
    return SAMLTrust(
        tenant_id=1,
        idp_id="idp-1",
        idp_name="acme",
        idp_display_name="Acme",
        service_provider=SERVICE_PROVIDER,
        idp_entity_id=idp.entity_id,
        sso=(Endpoint(POST, idp.sso_url), Endpoint(REDIRECT, idp.sso_url)),
        signing_keys=keys or (idp.public_key,),
        valid_until=None,
        settings=SAMLSettings(**settings),
        email_domains=frozenset({"acme.test"}),
        open_signing_key=lambda: rsa_key("sp"),
        signing_certificate=base64.b64decode(certificate_text(certificate_of(rsa_key("sp")))),
        open_decryption_keys=lambda: (rsa_key("sp"),),
    )


def exchange_of(trust: SAMLTrust, request_id: str = REQUEST_ID) -> Exchange:
    """The pending request that ADDRESSED answers."""
    return Exchange(
        request_id=request_id,
        tenant_id=trust.tenant_id,
        idp_id=trust.idp_id,
        browser_hash="b" * 64,
        relay_state_hash="r" * 64,
        target="/",
        authn_context_classes=trust.settings.authn_context_class_ref,
    )


def accept(xml: bytes | str, trust: SAMLTrust, *, now: dt.datetime = NOW, solicited: bool = True) -> Assertion:
    """Read and verify a response as the service does; raises its refusal."""
    receipt = Receipt()
    unverified = read_response(encoded(xml), receipt)
    return verify_response(unverified, trust, exchange_of(trust) if solicited else None, now, receipt)
