"""Metadata as bytes or text becomes a tree of elements; nothing that reaches beyond the document is ever followed."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from tenants.metadata_errors import (
    MAX_METADATA_BYTES,
    MetadataIsWebPage,
    MetadataMalformed,
    MetadataTooLarge,
    MetadataXMLForbidden,
)

BLANKS = " \t\r\n"
"""XML 1.0 2.3; allowed in front of the declaration as well, since pasted text often begins with a line break."""

ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "ascii": "ascii", "iso-8859-1": "latin-1"}
"""UTF-16 and UTF-32 are refused: no product writes metadata so, and a check of bytes would have to guess first."""

PARSER_OPTIONS: dict[str, Any] = {
    "encoding": "utf-8",  # whatever is declared: what is parsed was judged, or encoded, here
    "resolve_entities": False,
    "load_dtd": False,
    "dtd_validation": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": False,
    "recover": False,
}
_DECLARATION = re.compile(r"<\?xml[ \t\r\n][^<>]{0,200}\?>")
_DECLARED_ENCODING = re.compile(r"""[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
_WEB_PAGE = re.compile(r"(?:<\?xml[^>]{0,200}>)?\s{0,100}<(?:!doctype\s{1,9})?html[\s>]", re.IGNORECASE)
TELLING = 1000
"""Characters at the beginning of a document that show what it is."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_metadata_xml(xml: bytes | str) -> etree._Element:
    """The root element, without comments.

    Args:
        xml: bytes in their declared encoding (UTF-8, US-ASCII or ISO-8859-1), or text, whose declared encoding is ignored.

    Raises:
        MetadataTooLarge: more than 5 MiB.
        MetadataXMLForbidden: a DTD, and with it any entity, or a processing instruction.
        MetadataMalformed: not one well-formed document in a known encoding.
    """
    if len(xml) > MAX_METADATA_BYTES:
        raise MetadataTooLarge(f"{len(xml)} characters or bytes are more than {MAX_METADATA_BYTES}")
    text = (_decode(xml) if isinstance(xml, bytes) else xml.removeprefix("\ufeff")).lstrip(BLANKS)
    if not text:
        raise MetadataMalformed("the document is empty")
    require_no_other_kind(text)
    # A document type can stand nowhere else under another spelling, and without one there are no entities (XML 1.0 2.8).
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise MetadataXMLForbidden("the document has a document type declaration (DTD)")
    root = _parse(text)
    if root.getroottree().xpath("boolean(//processing-instruction())"):
        raise MetadataXMLForbidden("the document has a processing instruction")
    return root


def require_no_other_kind(text: str) -> None:
    """Tell people by name what they give most often instead of metadata.

    Raises:
        MetadataIsWebPage: such as the page to sign in at. MetadataMalformed: a certificate.
    """
    if _WEB_PAGE.match(text[:TELLING]):
        raise MetadataIsWebPage("the document begins as HTML does")
    if text.startswith("-----BEGIN"):
        raise MetadataMalformed("this is a certificate (PEM), which metadata holds beside addresses; give the metadata")


def require_utf8(octets: bytes) -> bytes:
    """A document in UTF-8, without byte order mark and blanks before it; for those too large to be decoded and encoded.

    Raises:
        MetadataMalformed: it is declared as something else. Octets that are not UTF-8 are the parser's to refuse.
    """
    octets, encoding, name = _declared(octets)
    if encoding not in ("utf-8", "ascii"):
        raise MetadataMalformed(f"the document is declared as {name!r:.40}; save it as UTF-8")
    return octets


def _declared(octets: bytes) -> tuple[bytes, str, str]:
    """The octets without a byte order mark and blanks before them, their encoding, and its name as it is declared."""
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in octets[:64]:
        raise MetadataMalformed("the document is in UTF-16 or UTF-32; save it as UTF-8")
    marked = octets.startswith(_BYTE_ORDER_MARK)
    octets = octets.removeprefix(_BYTE_ORDER_MARK).lstrip(BLANKS.encode())
    declaration = _DECLARATION.match(octets[:300].decode("latin-1"))
    declared = _DECLARED_ENCODING.search(declaration[0]) if declaration else None
    name = declared[1].lower() if declared else "utf-8"
    encoding = ENCODINGS.get(name)
    if encoding is None or (marked and encoding != "utf-8"):
        raise MetadataMalformed(f"the document is declared as {name!r:.40}; save it as UTF-8")
    return octets, encoding, name


def _decode(octets: bytes) -> str:
    octets, encoding, name = _declared(octets)
    try:
        return octets.decode(encoding)
    except UnicodeDecodeError as error:
        raise MetadataMalformed(f"byte {error.start} does not fit the document's encoding, {name}") from None


def _parse(text: str) -> etree._Element:
    try:
        octets = text.encode("utf-8")
        if len(octets) > MAX_METADATA_BYTES:
            raise MetadataTooLarge(f"{len(octets)} bytes are more than {MAX_METADATA_BYTES}")
        return etree.fromstring(octets, etree.XMLParser(**PARSER_OPTIONS))
    except UnicodeEncodeError:
        raise MetadataMalformed("the document has half a character (a lone surrogate)") from None
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        raise MetadataMalformed(f"line {line}: {error.msg}"[:300], line=line) from None
