"""An identity provider that the tests hold in their hand: it says whatever a test wants it to say.

It shares no code with the product: text is text, signatures come from libxmlsec1, encryption from `cryptography`.

    idp = ForgingIdP("https://idp.acme.test/metadata")
    good = idp.response(sp_entity_id=…, acs_url=…, in_response_to=request_id)
    late = idp.response(sp_entity_id=…, acs_url=…, not_on_or_after=now - HOUR)
    form = {"SAMLResponse": encoded(good), "RelayState": …}
"""

from __future__ import annotations

import base64
import datetime as dt
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cryptography import x509

from tests.support import saml_xml
from tests.support.keys import (
    PrivateKey,
    PublicKey,
    certificate_der,
    certificate_of,
    certificate_pem,
    certificate_text,
    rsa_key,
)
from tests.support.saml_xml import DS, SAML, SAMLP, Instant, Parts, attributes_of
from tests.support.xml_encryption import Recipient, encrypt_assertion, encrypted_xml
from tests.support.xml_signing import sign as sign_element

ENTITY_ID = "https://idp.acme.test/metadata"
SSO_URL = "https://idp.acme.test/sso"
SLO_URL = "https://idp.acme.test/slo"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
ALICE: Mapping[str, Sequence[str]] = {
    "uid": ["alice"],
    "mail": ["alice@acme.test"],
    "givenName": ["Alice"],
    "sn": ["Example"],
    "telephoneNumber": ["+41 44 123 45 67"],
}
MINUTE = dt.timedelta(minutes=1)


def encoded(xml: bytes | str) -> str:
    """The value of the form field SAMLResponse."""
    return base64.b64encode(xml.encode() if isinstance(xml, str) else xml).decode()


def new_xml_id() -> str:
    """A fresh ID for a message or an assertion."""
    return f"_{secrets.token_hex(16)}"


class ForgingIdP:
    """An identity provider with one signing key: of its own for each entity ID, unless one is given."""

    def __init__(
        self,
        entity_id: str = ENTITY_ID,
        key: PrivateKey | None = None,
        *,
        sso_url: str = SSO_URL,
        slo_url: str = SLO_URL,
    ) -> None:
        self.entity_id = entity_id
        self.key: PrivateKey = key or rsa_key(entity_id)
        self.sso_url = sso_url
        self.slo_url = slo_url

    @property
    def certificate(self) -> x509.Certificate:
        """Its self-signed certificate, the same each time."""
        return certificate_of(self.key)

    @property
    def certificate_pem(self) -> str:
        """Its certificate in PEM."""
        return certificate_pem(self.certificate)

    @property
    def certificate_der(self) -> bytes:
        """Its certificate in DER."""
        return certificate_der(self.certificate)

    @property
    def public_key(self) -> PublicKey:
        """What its signatures are verified with."""
        return self.key.public_key()

    def metadata_xml(
        self,
        *,
        entity_id: str | None = None,
        sso: Sequence[tuple[str, str]] | None = None,
        slo: Sequence[tuple[str, str]] | None = None,
        certificates: Sequence[x509.Certificate] | None = None,
        want_authn_requests_signed: str | None = "false",
        valid_until: Instant = None,
        cache_duration: str | None = None,
        id: str | None = None,
        role_xml: str = "",
        extra_xml: str = "",
    ) -> str:
        """Its metadata: HTTP-POST and HTTP-Redirect unless told.

        Args:
            sso, slo: (binding, location) in order.
            role_xml: added at the end of IDPSSODescriptor; extra_xml: after it.
        """
        keys = "".join(map(key_descriptor_xml, [self.certificate] if certificates is None else certificates))
        sign_on = [(REDIRECT, self.sso_url), (POST, self.sso_url)] if sso is None else sso
        logout = [(REDIRECT, self.slo_url), (POST, self.slo_url)] if slo is None else slo
        entity_id = self.entity_id if entity_id is None else entity_id
        opening = attributes_of(ID=id, entityID=entity_id, validUntil=valid_until, cacheDuration=cache_duration)
        return (
            f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"{opening}>'
            f'<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}"'
            f"{attributes_of(WantAuthnRequestsSigned=want_authn_requests_signed)}>{keys}"
            f"{_endpoints_xml('SingleLogoutService', logout)}"
            f"<md:NameIDFormat>{saml_xml.EMAIL_ADDRESS}</md:NameIDFormat>"
            f"{_endpoints_xml('SingleSignOnService', sign_on)}{role_xml}"
            f"</md:IDPSSODescriptor>{extra_xml}</md:EntityDescriptor>"
        )

    def parts(
        self,
        *,
        sp_entity_id: str,
        acs_url: str,
        in_response_to: str | None = None,
        now: dt.datetime | None = None,
        issuer: str | None = None,
        **overrides: Any,
    ) -> Parts:
        """The parts of a response that the service would accept, with the overrides put in (names: those of Parts).

        `in_response_to` and `issuer` stand twice in a response; `confirmation_in_response_to`, `response_issuer` and
        `assertion_issuer` set the one place.
        """
        now = now or dt.datetime.now(dt.UTC)
        issuer = issuer or self.entity_id
        accepted: dict[str, Any] = {
            "response_id": new_xml_id(),
            "response_issue_instant": now,
            "response_issuer": issuer,
            "destination": acs_url,
            "in_response_to": in_response_to,
            "assertion_id": new_xml_id(),
            "assertion_issue_instant": now,
            "assertion_issuer": issuer,
            "recipient": acs_url,
            "confirmation_in_response_to": in_response_to,
            "confirmation_not_on_or_after": now + 5 * MINUTE,
            "not_before": now - MINUTE,
            "not_on_or_after": now + 5 * MINUTE,
            "audiences": [[sp_entity_id]],
            "authn_instant": now,
            "session_index": new_xml_id(),
            "attributes": ALICE,
        }
        return Parts(**(accepted | overrides))

    def response(
        self,
        *,
        sign: str = "assertion",
        encrypt: str | None = None,
        encrypt_name_id: str | None = None,
        encryption_certificate: Recipient | None = None,
        encryption_options: Mapping[str, str] | None = None,
        signing_key: PrivateKey | bytes | None = None,
        digest: str = "sha256",
        signature: str | None = None,
        prefix_list: str | None = None,
        before_signing: Callable[[str], str] = str,
        after_signing: Callable[[bytes], bytes] = bytes,
        **parts: Any,
    ) -> bytes:
        """A response with one assertion; keyword arguments beyond these are those of `parts`.

        Args:
            sign: "assertion", "response", "both" or "none".
            encrypt, encrypt_name_id: a cipher's short name (xml_encryption.CIPHERS); they need `encryption_certificate`.
            encryption_options: key_transport, oaep_digest, mgf_digest, key_place (see `encrypted_xml`).
            signing_key: instead of its own; bytes sign with HMAC.
            digest, signature, prefix_list: see `signature_template`.
            before_signing: changes the text before any signature or encryption of the assertion.
            after_signing: changes the octets when all is done.
        """
        chosen = self.parts(**parts)
        options = dict(encryption_options or {})
        key = self.key if signing_key is None else signing_key

        def signed(xml: str | bytes, id: str) -> bytes:
            return sign_element(
                xml, id, key, certificate=self.certificate, digest=digest, signature=signature, prefix_list=prefix_list
            )

        if encrypt_name_id:
            chosen = _with_encrypted_name_id(chosen, _given(encryption_certificate), encrypt_name_id, options)
        xml = before_signing(saml_xml.response_xml(chosen, saml_xml.assertion_xml(chosen))).encode()
        if sign in {"assertion", "both"}:
            xml = signed(xml, chosen.assertion_id)
        if encrypt:
            xml = encrypt_assertion(xml, _given(encryption_certificate), encrypt, **options)
        if sign in {"response", "both"}:
            xml = signed(xml, chosen.response_id)
        return after_signing(xml)


def key_descriptor_xml(certificate: x509.Certificate, use: str | None = "signing") -> str:
    """A KeyDescriptor of metadata; use None leaves the attribute out."""
    text = certificate_text(certificate)
    return (
        f'<md:KeyDescriptor{attributes_of(use=use)}><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data>'
        f"<ds:X509Certificate>{text}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )


def _endpoints_xml(name: str, endpoints: Sequence[tuple[str, str]]) -> str:
    return "".join(f"<md:{name}{attributes_of(Binding=binding, Location=location)}/>" for binding, location in endpoints)


def _with_encrypted_name_id(parts: Parts, recipient: Recipient, algorithm: str, options: Mapping[str, str]) -> Parts:
    plaintext = saml_xml.name_id_xml(parts).replace("<saml:NameID", f'<saml:NameID xmlns:saml="{SAML}"', 1)
    hidden = encrypted_xml(plaintext.encode(), recipient, algorithm, wrapper="EncryptedID", **options)
    return replace(parts, name_id_xml=hidden)


def _given(recipient: Recipient | None) -> Recipient:
    if recipient is None:
        raise ValueError("encryption needs encryption_certificate")
    return recipient
