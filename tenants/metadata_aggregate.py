"""A federation's list (EntitiesDescriptor) becomes the document of one entity; for lists beyond what is read in a web worker.

Without a pinned signer the list is read as a stream, with little more memory than its octets. With one, it has to be a tree
once, as long as its signature is judged; what is read then is a stream over the octets that were signed. Bounds:
MAX_AGGREGATE_BYTES, and those of signed XML in depth, attributes and namespaces.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree

from tenants.metadata_entities import MAX_ENTITY_IDS_SHOWN, MD, choose_entity, is_identity_provider
from tenants.metadata_errors import (
    MAX_AGGREGATE_BYTES,
    EntityChoiceRequired,
    EntityIDDuplicate,
    EntityNotFound,
    IdPMissing,
    MetadataInvalid,
    MetadataMalformed,
    MetadataTooLarge,
    MetadataXMLForbidden,
)
from tenants.metadata_signature import MetadataSigner, signed_octets
from tenants.metadata_xml import PARSER_OPTIONS, TELLING, require_no_other_kind, require_utf8

ENTITY, LIST = MD + "EntityDescriptor", MD + "EntitiesDescriptor"
_VALIDITY = ("validUntil", "cacheDuration")
_NAMESPACE = MD[1:-1]


@dataclass(frozen=True, slots=True)
class _Found:
    """An entity as text, with the validity of the lists around it, outermost first."""

    entity_id: str | None
    octets: bytes
    around: tuple[dict[str, str], ...]


def entity_document(octets: bytes, entity_id: str | None, signer: MetadataSigner | None) -> bytes:
    """The one entity that is meant, in lists that have nothing but the validity of those that it stood in.

    Args:
        octets: UTF-8, at most 32 MiB.
        entity_id: the one that is meant; None takes the only identity provider that there is.
        signer: whose signature the entity needs, or a list around it. What is given back needs none any more.

    Raises:
        MetadataRefused: in the form that says what is wrong.
    """
    if len(octets) > MAX_AGGREGATE_BYTES:
        raise MetadataTooLarge(f"{len(octets)} bytes are more than {MAX_AGGREGATE_BYTES}")
    plain = require_utf8(octets)
    require_no_other_kind(plain[:TELLING].decode("utf-8", "replace"))
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise MetadataXMLForbidden("the document has a document type declaration (DTD)")
    if signer is not None:
        plain = _signed_part(plain, entity_id, signer)
    found = _found_in(plain, entity_id)
    opening = "".join(f'<md:EntitiesDescriptor xmlns:md="{_NAMESPACE}"{_attributes(level)}>' for level in found.around)
    return opening.encode() + found.octets + b"</md:EntitiesDescriptor>" * len(found.around)


def _signed_part(octets: bytes, entity_id: str | None, signer: MetadataSigner) -> bytes:
    """The octets that the signer has signed; the tree is gone when this returns."""
    try:
        root = etree.fromstring(octets, etree.XMLParser(**PARSER_OPTIONS))
    except etree.XMLSyntaxError as error:
        raise _malformed(error) from None
    if root.getroottree().xpath("boolean(//processing-instruction())"):
        raise MetadataXMLForbidden("the document has a processing instruction")
    chosen = choose_entity(root, entity_id, None)
    return signed_octets(root, chosen.scopes[:-1], signer)


def _found_in(octets: bytes, entity_id: str | None) -> _Found:
    providers: list[str] = []
    count, found, last_provider = 0, [], None
    try:
        for element in _entities(octets):
            name, is_provider = element.get("entityID"), is_identity_provider(element)
            if is_provider:
                count += 1
                providers += [name[:1024]] if name and len(providers) < MAX_ENTITY_IDS_SHOWN else []
            if entity_id is not None and name == entity_id:
                found.append(_kept(element))
            elif entity_id is None and is_provider and count == 1:
                last_provider = _kept(element)
    except etree.XMLSyntaxError as error:
        raise _malformed(error) from None
    listed: dict[str, Any] = {"entity_ids": providers, "count": count}
    if entity_id is None:
        if last_provider is None:
            raise IdPMissing("none of the entities is a SAML 2.0 identity provider", entity_ids=[])
        if count > 1:
            raise EntityChoiceRequired(f"there are {count} identity providers", **listed)
        return last_provider
    if not found:
        raise EntityNotFound(f"there is no {entity_id!r:.200}", entity_id=entity_id[:1024], **listed)
    if len(found) > 1:
        raise EntityIDDuplicate(f"{entity_id} occurs more than once", entity_id=entity_id)
    return found[0]


def _entities(octets: bytes) -> Iterator[etree._Element]:
    """Every entity in its turn; its place is emptied afterwards, so that the tree stays small."""
    events = etree.iterparse(io.BytesIO(octets), events=("end", "pi"), **PARSER_OPTIONS)
    for event, element in events:
        if event == "pi":
            raise MetadataXMLForbidden("the document has a processing instruction")
        if element.tag != ENTITY or any(ancestor.tag != LIST for ancestor in element.iterancestors()):
            continue  # one inside of Extensions is none
        yield element
        element.clear()
        while element.getprevious() is not None:  # what stands behind it may have been parsed, and not yielded, already
            del element.getparent()[0]
    root = events.root
    if root is None or root.tag not in (ENTITY, LIST):
        raise MetadataInvalid("the document's root is not a SAML 2.0 EntityDescriptor or EntitiesDescriptor")


def _kept(element: etree._Element) -> _Found:
    around = [{name: ancestor.get(name) or "" for name in _VALIDITY} for ancestor in element.iterancestors()]
    return _Found(element.get("entityID"), etree.tostring(element, with_tail=False), tuple(reversed(around)))


def _attributes(level: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in level.items() if value)


def _malformed(error: etree.XMLSyntaxError) -> MetadataMalformed:
    line = error.lineno or 0
    return MetadataMalformed(f"line {line}: {error.msg}"[:300], line=line)
