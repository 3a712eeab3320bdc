"""Good messages of many kinds, for mutations to start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from identity.assertion import Assertion
from tenants.trust import PublicKey, SAMLTrust
from tests.differential.styles import STYLES
from tests.support.idp import ForgingIdP
from tests.support.keys import certificate_of, ec_key, rsa_key
from tests.support.saml_trust import ADDRESSED, accept, trust_in
from tests.support.xml_encryption import encrypt_assertion

BOTH = {"want_assertions_signed": True, "want_messages_signed": True}
RESPONSE_ONLY = {"want_assertions_signed": False, "want_messages_signed": True}


@dataclass(frozen=True, slots=True)
class Origin:
    """A good message, whom it is judged by, and what is read from it.

    `finish` is done to each mutation: encrypting it, since anybody can encrypt to our published key.
    """

    name: str
    xml: bytes
    trust: SAMLTrust
    assertion: Assertion
    finish: Callable[[bytes], bytes] = bytes

    @property
    def key(self) -> PublicKey:
        """The one pinned key."""
        return self.trust.signing_keys[0]


@cache
def origins() -> tuple[Origin, ...]:
    """All of them, accepted by the product as they are."""
    made = [_origin(f"style {style.name}", style.response(), style.trust) for style in STYLES.values()]
    for name, how, settings in _FORGED:
        idp = ForgingIdP(key=ec_key("idp", "secp384r1") if "elliptic" in name else None)
        made.append(_origin(name, idp.response(**(ADDRESSED | how)), trust_in(idp, **settings)))
    idp = ForgingIdP()
    for cipher, settings in (("aes256-gcm", {}), ("aes128-cbc", {"allow_unsigned_cbc": True})):
        finish = partial(_encrypted, cipher=cipher)
        made.append(_origin(f"encrypted afterwards, {cipher}", idp.response(**ADDRESSED), trust_in(idp, **settings), finish))
    return tuple(made)


def _origin(name: str, xml: bytes, trust: SAMLTrust, finish: Callable[[bytes], bytes] = bytes) -> Origin:
    return Origin(name, xml, trust, accept(finish(xml), trust), finish)


def _encrypted(xml: bytes, *, cipher: str) -> bytes:
    try:
        return encrypt_assertion(xml, certificate_of(rsa_key("sp")), cipher)
    except ValueError:  # the mutation left no assertion, or no text
        return xml


def _pretty(xml: str) -> str:
    return xml.replace("><", ">\n  <")


def _commented(xml: str) -> str:
    return xml.replace(">alice@acme.test</saml:NameID>", ">alice<!-- x -->@acme.test</saml:NameID><!-- y -->")


_FOR_US: dict[str, Any] = {"encryption_certificate": certificate_of(rsa_key("sp"))}
_FORGED: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("assertion signed", {}, {}),
    ("both signed and both wanted", {"sign": "both"}, BOTH),
    ("response signed", {"sign": "response"}, RESPONSE_ONLY),
    ("pretty printed", {"before_signing": _pretty, "sign": "both"}, {}),
    ("comments inside", {"before_signing": _commented}, {}),
    ("inclusive prefixes", {"prefix_list": "xs xsi saml #default"}, {}),
    ("elliptic curve", {"digest": "sha384", "signature": "ecdsa-sha512", "sign": "both"}, {}),
    ("encrypted, GCM", {"encrypt": "aes256-gcm", **_FOR_US}, {}),
    ("encrypted, GCM, response signed", {"encrypt": "aes192-gcm", "sign": "response", **_FOR_US}, RESPONSE_ONLY),
    ("encrypted, CBC, both signed", {"encrypt": "aes256-cbc", "sign": "both", **_FOR_US}, {}),
    ("encrypted name", {"encrypt_name_id": "aes128-gcm", **_FOR_US}, {}),
)
