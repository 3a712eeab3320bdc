"""What came from the browser, read but not believed."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from identity.checks import ENCODING, SCHEMA, SIZE, UNIQUE_IDS, XML, XML_CONTENT, Receipt
from identity.saml.names import ATTRIBUTE_VALUE, ISSUER, RESPONSE, SAML, SAMLP, XSI
from identity.saml.schema import require_schema
from tenants.signed_xml.errors import ResponseMalformed
from tenants.signed_xml.names import DS
from tenants.signed_xml.xml import child_of, ids_of, parse, read_base64, read_text, require_plain_markup, text_of

MAX_FORM_CHARACTERS = 512 * 1024
MAX_XML_OCTETS = 256 * 1024
MAX_MASKED_CHARACTERS = 64 * 1024
MASK = "•••"

SHOWN_TEXTS = frozenset(
    {ISSUER, SAMLP + "StatusMessage", DS + "DigestValue", DS + "X509Certificate"}
    | {SAML + name for name in ("Audience", "AuthnContextClassRef", "AuthnContextDeclRef", "AuthenticatingAuthority")}
)
"""Elements whose text says nothing about a person. Every other text is masked."""
MASKED_WHOLE = tuple(
    [SAML + name for name in ("AttributeValue", "SubjectConfirmationData", "AuthnContextDecl", "Advice")]
    + [SAMLP + name for name in ("Extensions", "StatusDetail")]
)
"""Elements that may hold any XML at all."""
MASKED_ATTRIBUTES = frozenset({"SPProvidedID", "Address", "DNSName"})
"""Besides those of foreign namespaces."""


@dataclass(frozen=True, slots=True)
class UnverifiedResponse:
    """A schema-valid Response that anyone may have written. `root` is its tree without comments, `octets` what came."""

    root: etree._Element = field(repr=False)
    octets: bytes = field(repr=False)
    unverified_id: str
    unverified_issuer: str
    unverified_in_response_to: str | None
    unverified_destination: str | None


def read_response(saml_response: str, receipt: Receipt) -> UnverifiedResponse:
    """Read the form field SAMLResponse of the HTTP-POST binding (SAML Bindings 3.5.4). Nothing is ever inflated.

    Raises:
        TooLarge, ResponseMalformed, XMLForbidden, AssertionInvalid; a finer one where it says why the schema does not hold.
    """
    _require_size(len(saml_response), MAX_FORM_CHARACTERS, receipt)
    with receipt.step(ENCODING):
        octets = _octets_of(saml_response)
    _require_size(len(octets), MAX_XML_OCTETS, receipt)
    with receipt.step(XML):
        text = read_text(octets)
    with receipt.step(XML_CONTENT):
        require_plain_markup(text)
    with receipt.step(XML):
        root = parse(text)
    ids = ids_of(root)
    receipt.require(UNIQUE_IDS, len(ids) == len(set(ids)), "each ID once", f"{len(ids)} IDs, {len(set(ids))} different")
    with receipt.step(SCHEMA):
        _require_response(root)
    return UnverifiedResponse(
        root=root,
        octets=octets,
        unverified_id=root.get("ID", ""),
        unverified_issuer=text_of(child_of(root, ISSUER)),
        unverified_in_response_to=root.get("InResponseTo"),
        unverified_destination=root.get("Destination"),
    )


def _require_size(size: int, limit: int, receipt: Receipt) -> None:
    receipt.require(SIZE, size <= limit, f"at most {limit // 1024} KiB", f"{size / 1024:.1f} KiB")


def _octets_of(saml_response: str) -> bytes:
    try:
        return read_base64(saml_response)
    except ValueError:  # not ASCII, another alphabet, wrong padding: UnicodeEncodeError and binascii.Error are ValueErrors
        raise ResponseMalformed("not strict base64") from None


def _require_response(root: etree._Element) -> None:
    if root.tag != RESPONSE:
        raise ResponseMalformed(f"the root element is {str(root.tag)[:120]}")
    require_schema(root)


def masked_xml(unverified: UnverifiedResponse) -> str:
    """The message for a receipt: names, times, addresses and signatures' frames stay, whatever is about a person does not.

    It is masked where it stands: nobody reads `root` after this.
    """
    root = unverified.root
    for element in list(root.iter(*MASKED_WHOLE)):
        if len(element) or element.text:
            del element[:]
            element.text = MASK
        if element.tag == ATTRIBUTE_VALUE:
            element.attrib.clear()
    for element in root.iter():
        if element.text and element.tag not in SHOWN_TEXTS and not element.text.isspace():
            element.text = MASK
        if element.tail and not element.tail.isspace():
            element.tail = MASK
        for name in map(str, element.keys()):
            if name in MASKED_ATTRIBUTES or (name.startswith("{") and not name.startswith(XSI)):
                element.set(name, MASK)
    masked: str = etree.tostring(root, encoding="unicode")
    return masked if len(masked) <= MAX_MASKED_CHARACTERS else masked[: MAX_MASKED_CHARACTERS - 1] + "…"
