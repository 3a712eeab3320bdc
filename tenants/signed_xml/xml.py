"""From octets to a tree that can be trusted to be only a tree, and back to canonical octets.

A message is text in one of three known encodings, without declarations or processing instructions, and bounded in every
direction. Encoding and declarations are judged here, before libxml2 sees anything, so no parser option is relied on alone.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import threading
from collections.abc import Mapping, Sequence

from lxml import etree

from tenants.signed_xml.errors import ResponseMalformed, XMLForbidden

MAX_DEPTH = 64
MAX_ELEMENTS = 10_000
MAX_ATTRIBUTES = 64
"""Attributes of one element: canonicalisation sorts them in quadratic time."""
MAX_NAMESPACES = 64
"""Declarations in force at one place: canonicalisation looks each name up among them, one after the other."""
MAX_PREFIXES = 32
"""Names in one InclusiveNamespaces: each is looked up at each element."""
DEFAULT_NAMESPACE = "#default"
BYTE_ORDER_MARK = "\ufeff"
BLANKS = " \t\r\n"
"""White space of XML 1.0 (2.3), which may be layout. Any other blank is part of the text that it stands in."""

ENCODINGS: Mapping[str, str] = {"utf-8": "utf-8", "us-ascii": "ascii", "iso-8859-1": "latin-1"}
"""Declared encoding -> codec. All three keep ASCII as it is, so what this module looks for cannot hide from it."""

_BASE64_BLANKS = b" \t\r\n"
_DECLARATION = re.compile(
    r"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')"""
    r"""(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"(?P<one>[A-Za-z][\w.-]*)"|'(?P<two>[A-Za-z][\w.-]*)'))?"""
    r"""(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>""",
    re.ASCII,
)


class _Thread(threading.local):
    """A parser for each thread: one for all would be a lock between them, and making one takes longer than a small parse."""

    def __init__(self) -> None:
        self.parser = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            collect_ids=False,
        )


_this_thread = _Thread()
_MARKUP = re.compile(r"<!--|<!\[CDATA\[|<!|<\?")
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>"}
_TOO_DEEP, _TOO_WIDE = f"boolean({'/*' * (MAX_DEPTH + 1)})", f"boolean(/descendant::*/@*[{MAX_ATTRIBUTES + 1}])"
_EXCESS = etree.XPath(f"count(/descendant::*) > {MAX_ELEMENTS} or {_TOO_DEEP} or {_TOO_WIDE}")
_DEEP_OR_WIDE = etree.XPath(f"{_TOO_DEEP} or {_TOO_WIDE}")
_IDS = etree.XPath("|".join(f"/descendant::*/@{name}" for name in ("ID", "Id", "id", "xml:id")), smart_strings=False)
"""By the axis: `//` steps through text as well, and takes two to eight times as long."""


def read_base64(text: str) -> bytes:
    """Decode strict base64 (RFC 4648 section 4): line breaks and blanks aside, there is one spelling for some octets.

    Raises:
        ValueError: another alphabet, wrong padding, bits after the end.
    """
    compact = text.encode("ascii")
    if any(blank in compact for blank in _BASE64_BLANKS):
        compact = compact.translate(None, _BASE64_BLANKS)
    octets = binascii.a2b_base64(compact, strict_mode=True)  # another alphabet, or anything after the padding
    last = compact[-4:]  # by itself it overlooks bits that the last octet has no place for: the way back shows them
    if len(compact) % 4 or base64.b64encode(binascii.a2b_base64(last)) != last:
        raise ValueError("not the one base64 spelling of its octets")
    return octets


def read_text(octets: bytes) -> str:
    """Decode a document as it declares itself, and drop the XML declaration.

    Raises:
        ResponseMalformed: an encoding other than ENCODINGS (UTF-16 and UTF-32 too), or octets that are not in it.
    """
    plain = octets.removeprefix(codecs.BOM_UTF8)
    head = plain[:200].decode("latin-1")
    declaration = _DECLARATION.match(head)
    if declaration is None and re.match(r"<\?xml[ \t\r\n]", head):
        raise ResponseMalformed("the XML declaration is not that of XML 1.0")
    declared = (declaration and (declaration["one"] or declaration["two"])) or "utf-8"
    codec = ENCODINGS.get(declared.lower())
    if codec is None or (codec != "utf-8" and len(plain) < len(octets)):
        raise ResponseMalformed(f"encoding {declared[:40]} is not read")
    try:
        text = plain[declaration.end() if declaration else 0 :].decode(codec)
    except UnicodeDecodeError:
        raise ResponseMalformed("octets that are not in the document's encoding") from None
    if text.startswith(BYTE_ORDER_MARK):  # libxml2 would pass over it, others would not
        raise ResponseMalformed("a byte order mark that is not the first thing in the document")
    return text


def require_plain_markup(text: str) -> None:
    """Refuse whatever begins like a declaration or processing instruction outside of comments and CDATA.

    Comments and CDATA begin nowhere but in content, so reading from left to right sees what a parser would see.

    Raises:
        XMLForbidden: DOCTYPE, ENTITY or another declaration, or a processing instruction, anywhere in the text.
    """
    at = 0
    while found := _MARKUP.search(text, at):
        end = _ENDS.get(found[0])
        if end is None:
            kind = "a processing instruction" if found[0] == "<?" else "a declaration (DOCTYPE or ENTITY)"
            raise XMLForbidden(f"{kind} at character {found.start()}")
        at = text.find(end, found.end())
        if at < 0:
            return  # never ends: not well-formed, as the parser will say
        at += len(end)


def parse(text: str) -> etree._Element:
    """Parse text that `read_text` and `require_plain_markup` have passed. Comments are dropped, so text is read whole.

    Raises:
        ResponseMalformed: not well-formed, or beyond the bounds of this module.
    """
    root = parse_canonical(text.encode())
    if _EXCESS(root):
        raise ResponseMalformed(f"more than {MAX_ELEMENTS} elements, {MAX_DEPTH} levels or {MAX_ATTRIBUTES} attributes at one")
    if text.count("xmlns") > MAX_NAMESPACES and _most_namespaces(root) > MAX_NAMESPACES:
        raise ResponseMalformed(f"more than {MAX_NAMESPACES} namespace declarations in force at one place")
    return root


def require_bounded(root: etree._Element) -> None:
    """The bounds of `parse` but for the number of elements, for a tree that is bounded by its octets, as metadata is.

    Raises:
        ResponseMalformed: it would take too long to canonicalise.
    """
    if _DEEP_OR_WIDE(root):
        raise ResponseMalformed(f"more than {MAX_DEPTH} levels, or {MAX_ATTRIBUTES} attributes at one element")
    if _most_namespaces(root) > MAX_NAMESPACES:
        raise ResponseMalformed(f"more than {MAX_NAMESPACES} namespace declarations in force at one place")


def _most_namespaces(root: etree._Element) -> int:
    """How many declarations are in force where most are."""
    in_force = most = 0
    for event, _ in etree.iterwalk(root, events=("start-ns", "end-ns")):
        in_force += 1 if event == "start-ns" else -1
        most = max(most, in_force)
    return most


def parse_canonical(octets: bytes) -> etree._Element:
    """Parse UTF-8 octets of our own making: canonical ones, of a tree that `parse` has bounded."""
    try:
        root = etree.fromstring(octets, _this_thread.parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ResponseMalformed(f"not well-formed: {str(error)[:120]}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise XMLForbidden("a document type")
    return root


def canonical(element: etree._Element, prefixes: Sequence[str] = ()) -> bytes:
    """Exclusive canonical octets of an element (Exclusive XML Canonicalization 1.0), its tail aside.

    Args:
        prefixes: of InclusiveNamespaces; "#default" is the default namespace. They may be declared on ancestors.

    Raises:
        ValueError: no octets. libxml2 gives none for relative namespace URIs, and a digest of nothing proves nothing.
            Or "#default" is listed and would change them: lxml passes it on only if its thread has seen that word before.
    """
    if DEFAULT_NAMESPACE in prefixes and _declares_unused_default(element, ""):
        raise ValueError("the default namespace is listed in InclusiveNamespaces and not used where it would be declared")
    listed = [prefix for prefix in prefixes if prefix != DEFAULT_NAMESPACE]
    try:
        octets: bytes = etree.tostring(
            element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=listed or None
        )
    except etree.LxmlError:
        raise ValueError("the element has no canonical form") from None
    if not octets:
        raise ValueError("the element has an empty canonical form")
    return octets


def _declares_unused_default(element: etree._Element, declared: str) -> bool:
    """Whether listing the default namespace adds or repeals a declaration at an element whose own name has no need of it.

    Args:
        declared: the default namespace that canonical ancestors have declared; "" for none.
    """
    in_scope = element.nsmap.get(None) or ""
    if element.prefix is not None and in_scope != declared:
        return True
    return any(_declares_unused_default(child, in_scope) for child in element)


def ids_of(element: etree._Element) -> list[str]:
    """Every ID in the element's document, however XML Signature, XML Encryption or SAML spell the attribute."""
    ids: list[str] = _IDS(element)  # type: ignore[assignment]  # attribute values: strings
    return ids


def child_of(element: etree._Element, tag: str) -> etree._Element | None:
    """The first child with that tag; `find` for one step, without its path language."""
    return next(element.iterchildren(tag), None)


def text_of(element: etree._Element | None) -> str:
    """The text of an element without children, XML blanks around it removed; "" where there is none."""
    return "" if element is None else (element.text or "").strip(BLANKS)
