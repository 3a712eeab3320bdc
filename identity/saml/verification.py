"""Which octets of a response are to be believed: its signatures, its one assertion, and that opened where it is encrypted.

Two rules hold throughout. Signatures are verified on the tree that came, where the namespaces are in force that they were
made in. Values are read from the canonical octets that a signature covers, parsed anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from lxml import etree

from identity.checks import (
    ASSERTION_SIGNATURE,
    DECRYPTION,
    DECRYPTION_KEY,
    KEY_DATES,
    ONE_ASSERTION,
    RESPONSE_SIGNATURE,
    SIGNATURE_PLACES,
    SIGNED,
    Receipt,
)
from identity.errors import DecryptionFailed, SignatureMissing, SigningCertificateEnded
from identity.saml.decryption import UNIFORM_CAUSE, Ciphertext, decrypt, read_ciphertext
from identity.saml.names import ASSERTION, ENCRYPTED_ASSERTION, SAML
from tenants.errors import Refusal
from tenants.signed_xml.errors import SignatureInvalid
from tenants.signed_xml.names import SIGNATURE
from tenants.signed_xml.signature import Signed, require_no_stray_signature, verify_enveloped
from tenants.signed_xml.xml import canonical, child_of, parse_canonical
from tenants.trust import PublicKey, SAMLTrust


@dataclass(frozen=True, slots=True)
class Message:
    """A Response: `original` as it came; `response` to read from, of its signed octets where it is signed."""

    original: etree._Element
    response: etree._Element
    signed: bool
    keys: tuple[PublicKey, ...]
    ended_keys: tuple[PublicKey, ...]
    allow_sha1: bool


def verify_message(original: etree._Element, trust: SAMLTrust, now: dt.datetime, receipt: Receipt) -> Message:
    """Verify the response's own signature, if it has one; one that is there must hold (SAML Core 5.4)."""
    exception = trust.settings.sha1_exception
    allow_sha1 = exception is not None and exception.until > now
    keys, ended = _keys_at(trust, now, receipt)
    with receipt.step(SIGNATURE_PLACES):
        require_no_stray_signature(original, [original, *original.iterchildren(ASSERTION)])
    unsigned = Message(original, original, signed=False, keys=keys, ended_keys=ended, allow_sha1=allow_sha1)
    if child_of(original, SIGNATURE) is None:
        return unsigned
    with receipt.step(RESPONSE_SIGNATURE):
        signed = _verify(original, unsigned)
    _note_method(signed, "response", receipt)
    return replace(unsigned, response=parse_canonical(signed.octets), signed=True)


def require_one_assertion(message: Message, receipt: Receipt) -> etree._Element:
    """The one Assertion or EncryptedAssertion (SAML Profiles 4.1.4.2 allows more; nobody's sign-in needs them)."""
    found = list(message.original.iterchildren(ASSERTION, ENCRYPTED_ASSERTION))
    receipt.require(ONE_ASSERTION, len(found) == 1, "1", str(len(found)))
    _require_no_hidden_assertion(message.original, found[0], receipt)
    return found[0]


def verify_assertion(carrier: etree._Element, message: Message, trust: SAMLTrust, receipt: Receipt) -> etree._Element:
    """The assertion, decrypted and with its signature verified, as parsed from the octets that are signed (V4, V5).

    Raises:
        SignatureMissing: the signatures that the settings want are not there, or none at all is.
        SignatureInvalid, AlgorithmNotAllowed, DecryptionFailed, AssertionInvalid
    """
    settings = trust.settings
    _require_signature("response", message.signed, settings.want_messages_signed, receipt)
    if carrier.tag == ENCRYPTED_ASSERTION:
        element, signed = _open_assertion(carrier, message, trust, receipt)
    else:
        element, signed = carrier, _verify_if_signed(carrier, message, receipt)
    _require_signature("assertion", signed is not None, settings.want_assertions_signed or not message.signed, receipt)
    if signed is not None:
        _note_method(signed, "assertion", receipt)
        return parse_canonical(signed.octets)
    if carrier.tag == ENCRYPTED_ASSERTION:
        return parse_canonical(canonical(element))  # the response's signature covers the ciphertext that this came from
    return next(message.response.iterchildren(ASSERTION))


def _open_assertion(
    carrier: etree._Element, message: Message, trust: SAMLTrust, receipt: Receipt
) -> tuple[etree._Element, Signed | None]:
    signed: Signed | None = None
    with receipt.step(DECRYPTION):
        ciphertext = read_ciphertext(carrier)
        if ciphertext.is_cbc and not message.signed:
            element, signed = _open_unsigned_cbc(ciphertext, message, trust, receipt)
        else:
            element = decrypt(ciphertext, ASSERTION, trust.open_decryption_keys(), key_noter(trust, receipt))
    with receipt.step(SIGNATURE_PLACES):
        require_no_stray_signature(element, [element])
    _require_no_hidden_assertion(element, element, receipt)
    if signed is None:
        return element, _verify_if_signed(element, message, receipt)
    receipt.passed(ASSERTION_SIGNATURE)
    return element, signed


def key_noter(trust: SAMLTrust, receipt: Receipt) -> Callable[[int], None]:
    """Has the receipt tell which of our keys opened a ciphertext: who still uses an old one is seen by that (K2)."""

    def note(number: int) -> None:
        if number < len(trust.decryption_key_ids):
            receipt.facts[DECRYPTION_KEY] = trust.decryption_key_ids[number]

    return note


def _open_unsigned_cbc(
    ciphertext: Ciphertext, message: Message, trust: SAMLTrust, receipt: Receipt
) -> tuple[etree._Element, Signed]:
    """CBC that anyone may have altered (V5): until the inner signature holds, every fault is the same refusal.

    What remains is time: a plaintext that parses costs a fraction of a millisecond more. The switch is off by default and
    says so where it is set.
    """
    if not trust.settings.allow_unsigned_cbc:
        raise DecryptionFailed("AES-CBC outside of a signed response: use AES-GCM, sign the response, or allow it by setting")
    used: list[int] = []
    try:
        element = decrypt(ciphertext, ASSERTION, trust.open_decryption_keys(), used.append)
        require_no_stray_signature(element, [element])
        signed = verify_enveloped(element, message.keys, message.allow_sha1)
    except Refusal:
        raise DecryptionFailed(UNIFORM_CAUSE) from None
    key_noter(trust, receipt)(used[0])  # not before: what opens an altered ciphertext is told to nobody
    return element, signed


def _verify_if_signed(element: etree._Element, message: Message, receipt: Receipt) -> Signed | None:
    if child_of(element, SIGNATURE) is None:
        return None
    with receipt.step(ASSERTION_SIGNATURE):
        return _verify(element, message)


def _verify(element: etree._Element, message: Message) -> Signed:
    """By the keys that count; what an ended one has signed is refused as that, and believed no more than a forgery."""
    try:
        return verify_enveloped(element, message.keys, message.allow_sha1)
    except SignatureInvalid:
        if message.ended_keys and _is_signed_by(element, message.ended_keys, message.allow_sha1):
            raise SigningCertificateEnded("signed by a key whose certificate has ended") from None
        raise


def _is_signed_by(element: etree._Element, keys: tuple[PublicKey, ...], allow_sha1: bool) -> bool:
    try:
        verify_enveloped(element, keys, allow_sha1)
    except Refusal:
        return False
    return True


def _keys_at(trust: SAMLTrust, now: dt.datetime, receipt: Receipt) -> tuple[tuple[PublicKey, ...], tuple[PublicKey, ...]]:
    """The pinned keys that count now, and those that do not any more: all and none, unless the settings say otherwise."""
    if not trust.key_ends:
        return trust.signing_keys, ()
    dated = tuple(zip(trust.signing_keys, trust.key_ends, strict=True))
    keys = tuple(key for key, end in dated if end > now)
    receipt.require(KEY_DATES, bool(keys), "a certificate that has not ended", otherwise="all have ended")
    return keys, tuple(key for key, end in dated if end <= now)


def _require_signature(on: str, present: bool, wanted: bool, receipt: Receipt) -> None:
    """Never neither: an assertion in an unsigned response has to be signed, whatever the settings say."""
    if wanted or present:
        receipt.require(SIGNED, present, f"a signature on the {on}", "one" if present else "none", SignatureMissing)


def _require_no_hidden_assertion(root: etree._Element, known: etree._Element, receipt: Receipt) -> None:
    """Another assertion, anywhere but in Advice (which is never read, SAML Core 2.6.1), has no honest reason to be there."""
    hidden = [
        element
        for element in root.iter(ASSERTION, ENCRYPTED_ASSERTION)
        if element is not known and next(element.iterancestors(SAML + "Advice"), None) is None
    ]
    receipt.require(ONE_ASSERTION, not hidden, "no other assertion inside", f"{len(hidden)} more" if hidden else "none")


def _note_method(signed: Signed, on: str, receipt: Receipt) -> None:
    receipt.facts[f"{on}_signature_method"] = signed.method
