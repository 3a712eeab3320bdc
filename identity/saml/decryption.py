"""Encrypted elements: opened with our keys, in the namespaces of the place where they stood (XML Encryption 1.1).

Whatever depends on a secret result (wrong key, padding, tag, a plaintext that is no such element) is one and the same
refusal with one and the same cause: no Bleichenbacher, Manger or CBC padding oracle is told apart by what we say. RSA 1.5
is never opened, so its padding is never judged at all. CBC, which anyone can alter, is opened only where the ciphertext is
signed, or by an exception of the tenant; response.py then refuses an inner signature that fails in the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from identity.errors import DecryptionFailed
from identity.saml.names import XENC, XENC11
from identity.saml.schema import require_schema
from tenants.errors import Refusal
from tenants.signed_xml.errors import AlgorithmNotAllowed
from tenants.signed_xml.names import DS
from tenants.signed_xml.xml import child_of, ids_of, parse, read_base64, read_text, require_plain_markup

MAX_ENCRYPTED_KEYS = 4
"""Each costs an RSA operation for each of our keys."""
UNIFORM_CAUSE = "not one element that our current keys open"
ELEMENT_TYPE = XENC[1:-1] + "Element"

GCM_KEY_OCTETS: Mapping[str, int] = {XENC11[1:-1] + f"aes{bits}-gcm": bits // 8 for bits in (128, 192, 256)}
CBC_KEY_OCTETS: Mapping[str, int] = {XENC[1:-1] + f"aes{bits}-cbc": bits // 8 for bits in (128, 192, 256)}
NONCE_OCTETS, TAG_OCTETS, BLOCK_OCTETS = 12, 16, 16

OAEP_MGF1P = XENC[1:-1] + "rsa-oaep-mgf1p"
OAEP = XENC11[1:-1] + "rsa-oaep"
SHA1, SHA256, SHA384, SHA512 = hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()  # noqa: S303 - sound in OAEP
OAEP_DIGESTS: Mapping[str, hashes.HashAlgorithm] = {
    DS[1:-1] + "sha1": SHA1,
    XENC[1:-1] + "sha256": SHA256,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": SHA384,
    XENC[1:-1] + "sha512": SHA512,
}
OAEP_MASKS: Mapping[str, hashes.HashAlgorithm] = {
    XENC11[1:-1] + "mgf1sha1": SHA1,
    XENC11[1:-1] + "mgf1sha256": SHA256,
    XENC11[1:-1] + "mgf1sha384": SHA384,
    XENC11[1:-1] + "mgf1sha512": SHA512,
}


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """One encrypted element: EncryptedData, and each EncryptedKey that may hold its key. Nothing in it is opened yet."""

    place: etree._Element
    algorithm: str
    octets: bytes
    wrapped_keys: Sequence[tuple[bytes, padding.OAEP]]

    @property
    def is_cbc(self) -> bool:
        """Whether the ciphertext carries no proof against alteration."""
        return self.algorithm in CBC_KEY_OCTETS


def read_ciphertext(encrypted: etree._Element) -> Ciphertext:
    """Read an EncryptedAssertion or EncryptedID (SAML Core 2.2.4, 2.3.4) without any key.

    Keys stand in EncryptedData/KeyInfo, or beside it: a RetrievalMethod can lead to the latter only, so it is not followed.

    Raises:
        AlgorithmNotAllowed
        DecryptionFailed: a form that is not read: CipherReference, a type other than Element, no key or too many.
    """
    content = child_of(encrypted, XENC + "EncryptedData")
    if content is None or content.get("Type", ELEMENT_TYPE) != ELEMENT_TYPE:
        raise DecryptionFailed("no EncryptedData of one element")
    algorithm = _algorithm_of(child_of(content, XENC + "EncryptionMethod"))
    if algorithm not in GCM_KEY_OCTETS and algorithm not in CBC_KEY_OCTETS:
        raise AlgorithmNotAllowed(f"encryption {algorithm[:120] or 'without a name'}")
    found = [*content.iterfind(f"{DS}KeyInfo/{XENC}EncryptedKey"), *encrypted.iterfind(XENC + "EncryptedKey")]
    if not 1 <= len(found) <= MAX_ENCRYPTED_KEYS:
        raise DecryptionFailed(f"{len(found)} encrypted keys; 1 to {MAX_ENCRYPTED_KEYS} are read")
    wrapped_keys = [(_cipher_value(key), _oaep_of(key)) for key in found]
    return Ciphertext(encrypted, algorithm, _cipher_value(content), wrapped_keys)


def decrypt(
    ciphertext: Ciphertext, tag: str, keys: Sequence[rsa.RSAPrivateKey], opened: Callable[[int], None] | None = None
) -> etree._Element:
    """Open a ciphertext: exactly one element with that tag, valid by the schema, in the namespaces of its place.

    Args:
        opened: is told which of the keys it was, by its place among them.

    Raises:
        DecryptionFailed: in the same words for every reason.
    """
    for wrapped, oaep in ciphertext.wrapped_keys:
        for number, key in enumerate(keys):
            octets = _open(ciphertext, wrapped, oaep, key)
            if octets is not None:
                element = _element_of(octets, ciphertext.place, tag)
                if opened is not None:
                    opened(number)
                return element
    raise DecryptionFailed(UNIFORM_CAUSE)


def _open(ciphertext: Ciphertext, wrapped: bytes, oaep: padding.OAEP, key: rsa.RSAPrivateKey) -> bytes | None:
    """The plaintext, or None whatever went wrong."""
    octets = ciphertext.octets
    try:
        content_key = key.decrypt(wrapped, oaep)
        if ciphertext.is_cbc:
            if len(content_key) != CBC_KEY_OCTETS[ciphertext.algorithm]:
                return None
            decryptor = Cipher(algorithms.AES(content_key), modes.CBC(octets[:BLOCK_OCTETS])).decryptor()
            padded = decryptor.update(octets[BLOCK_OCTETS:]) + decryptor.finalize()
            return padded[: -padded[-1]] if 1 <= padded[-1] <= BLOCK_OCTETS else None  # XML Encryption 5.2.1
        if len(content_key) != GCM_KEY_OCTETS[ciphertext.algorithm]:
            return None
        return AESGCM(content_key).decrypt(octets[:NONCE_OCTETS], octets[NONCE_OCTETS:], None)
    except (ValueError, IndexError, InvalidTag):
        return None


def _element_of(octets: bytes, place: etree._Element, tag: str) -> etree._Element:
    """Parse a plaintext where its ciphertext stood: within the same namespaces, and with no ID that is in use there."""
    try:
        text = read_text(octets)
        require_plain_markup(text)
        context = parse(f"<context{_declarations_of(place)}>{text}</context>")
        element = context[0] if len(context) == 1 else None
        if element is None or element.tag != tag or f"{context.text or ''}{element.tail or ''}".strip(" \t\r\n"):
            raise DecryptionFailed(UNIFORM_CAUSE)
        require_schema(element)
        ids = ids_of(element)
        if len(ids) != len(set(ids)) or not set(ids).isdisjoint(ids_of(place)):
            raise DecryptionFailed(UNIFORM_CAUSE)
    except Refusal:
        raise DecryptionFailed(UNIFORM_CAUSE) from None
    return element


def _declarations_of(place: etree._Element) -> str:
    declarations = ""
    for prefix, uri in place.nsmap.items():
        escaped = uri.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
        declarations += f' xmlns{":" + prefix if prefix else ""}="{escaped}"'
    return declarations


def _algorithm_of(method: etree._Element | None) -> str:
    return "" if method is None else method.get("Algorithm", "")


def _oaep_of(encrypted_key: etree._Element) -> padding.OAEP:
    """RSA-OAEP as XML Encryption 1.1 section 5.5.2 describes it, by lists, and without a label."""
    method = child_of(encrypted_key, XENC + "EncryptionMethod")
    algorithm = _algorithm_of(method)
    if method is None or algorithm not in (OAEP_MGF1P, OAEP):
        raise AlgorithmNotAllowed(f"key transport {algorithm[:120] or 'without a name'}")
    if child_of(method, XENC + "OAEPparams") is not None:
        raise AlgorithmNotAllowed("key transport with OAEPparams")
    digest, mask = child_of(method, DS + "DigestMethod"), child_of(method, XENC11 + "MGF")
    if mask is not None and algorithm == OAEP_MGF1P:
        raise AlgorithmNotAllowed("rsa-oaep-mgf1p with another mask function than its own")
    digest_hash = SHA1 if digest is None else OAEP_DIGESTS.get(_algorithm_of(digest))
    mask_hash = SHA1 if mask is None else OAEP_MASKS.get(_algorithm_of(mask))
    if digest_hash is None or mask_hash is None:
        raise AlgorithmNotAllowed("key transport with a digest or mask function outside of the list")
    return padding.OAEP(padding.MGF1(mask_hash), digest_hash, None)


def _cipher_value(encrypted: etree._Element) -> bytes:
    value = encrypted.find(f"{XENC}CipherData/{XENC}CipherValue")
    if value is None:
        raise DecryptionFailed("no CipherValue; a CipherReference is never followed")
    try:
        return read_base64(value.text or "")
    except ValueError:
        raise DecryptionFailed("a CipherValue that is not strict base64") from None
