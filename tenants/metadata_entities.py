"""Which entity of a metadata document is meant, and how long the document says that it holds (SAML Metadata 2.3)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from tenants.metadata_errors import (
    EntityChoiceRequired,
    EntityIDDuplicate,
    EntityIDInvalid,
    EntityIDMissing,
    EntityIDOwn,
    EntityNotFound,
    IdPMissing,
    MetadataInvalid,
)

MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
SAML2_PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
MAX_ENTITY_ID_CHARACTERS = 1024
"""SAML Metadata 2.2.1."""
MAX_ENTITY_IDS_SHOWN = 50

_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")
_DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_DURATION = re.compile(
    r"(-)?P(?=.)(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})D)?(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?",
    re.ASCII,
)
_SECONDS = (365 * 86400, 30 * 86400, 86400, 3600, 60, 1)


@dataclass(frozen=True, slots=True)
class Entity:
    """One EntityDescriptor of a document, with the elements around it, outermost first, and its SAML 2.0 IDPSSODescriptor."""

    entity_id: str | None
    element: etree._Element
    role: etree._Element | None
    above: tuple[etree._Element, ...]


@dataclass(frozen=True, slots=True)
class ChosenEntity:
    """The identity provider that is meant; `scopes` are the elements whose validity holds for it, outermost first."""

    entity_id: str
    role: etree._Element
    scopes: tuple[etree._Element, ...]


def choose_entity(root: etree._Element, entity_id: str | None, own_entity_id: str | None) -> ChosenEntity:
    """The identity provider that is meant.

    Args:
        entity_id: the one that was chosen; None takes the only identity provider there is.
        own_entity_id: our own, which nobody can be connected to.

    Raises:
        MetadataRefused: in the form that says what has to be chosen or mended.
    """
    entities = list(entities_of(root))
    chosen = _only_one(entities) if entity_id is None else _named(entities, entity_id)
    name = _require_entity_id(chosen.entity_id)
    if name == own_entity_id:
        raise EntityIDOwn(f"{name} is this service's own entity ID", entity_id=name)
    if sum(entity.entity_id == name for entity in entities) > 1:
        raise EntityIDDuplicate(f"{name} occurs more than once", entity_id=name)
    if chosen.role is None:
        roles = sorted({etree.QName(child).localname for child in chosen.element if child.tag.endswith("Descriptor")})
        cause = f"{name} has no IDPSSODescriptor whose protocolSupportEnumeration names SAML 2.0"
        raise IdPMissing(f"{cause}; its roles: {', '.join(roles) or 'none'}"[:500], entity_ids=[name], roles=roles[:10])
    return ChosenEntity(name, chosen.role, (*chosen.above, chosen.element, chosen.role))


def entities_of(root: etree._Element) -> Iterator[Entity]:
    """Every entity of a document, in its order; those inside of Extensions are none."""
    if root.tag not in (MD + "EntityDescriptor", MD + "EntitiesDescriptor"):
        raise MetadataInvalid(f"the document's root is {root.tag!r:.100} and not a SAML 2.0 EntityDescriptor")
    return _walk(root, ())


def _walk(element: etree._Element, above: tuple[etree._Element, ...]) -> Iterator[Entity]:
    if element.tag == MD + "EntityDescriptor":
        role = next(filter(_speaks_saml2, element.iterchildren(MD + "IDPSSODescriptor")), None)
        yield Entity(element.get("entityID"), element, role, above)
        return
    for child in element.iterchildren(MD + "EntityDescriptor", MD + "EntitiesDescriptor"):
        yield from _walk(child, (*above, element))


def is_identity_provider(element: etree._Element) -> bool:
    """Whether an EntityDescriptor describes a SAML 2.0 identity provider."""
    return any(map(_speaks_saml2, element.iterchildren(MD + "IDPSSODescriptor")))


def _speaks_saml2(role: etree._Element) -> bool:
    return SAML2_PROTOCOL in role.get("protocolSupportEnumeration", "").split()


def _only_one(entities: Sequence[Entity]) -> Entity:
    if len(entities) == 1:
        return entities[0]
    providers = [entity for entity in entities if entity.role is not None]
    if not providers:
        raise IdPMissing(f"none of {len(entities)} entities is a SAML 2.0 identity provider", **_listed(entities))
    if len(providers) > 1 and len({entity.entity_id for entity in providers}) > 1:
        raise EntityChoiceRequired(f"there are {len(providers)} identity providers", **_listed(providers))
    return providers[0]


def _named(entities: Sequence[Entity], entity_id: str) -> Entity:
    found = [entity for entity in entities if entity.entity_id == entity_id]
    if not found:
        providers = [entity for entity in entities if entity.role is not None]
        raise EntityNotFound(
            f"there is no {entity_id!r:.200}", entity_id=entity_id[:MAX_ENTITY_ID_CHARACTERS], **_listed(providers)
        )
    return found[0]


def _listed(entities: Sequence[Entity]) -> dict[str, Any]:
    names = [entity.entity_id[:MAX_ENTITY_ID_CHARACTERS] for entity in entities if entity.entity_id]
    return {"entity_ids": names[:MAX_ENTITY_IDS_SHOWN], "count": len(entities)}


def _require_entity_id(entity_id: str | None) -> str:
    if not entity_id:
        raise EntityIDMissing("the EntityDescriptor has no entityID")
    if len(entity_id) > MAX_ENTITY_ID_CHARACTERS or not _ABSOLUTE_URI.fullmatch(entity_id) or not entity_id.isprintable():
        raise EntityIDInvalid(f"{entity_id!r:.200} is not an absolute URI", entity_id=entity_id[:MAX_ENTITY_ID_CHARACTERS])
    return entity_id


def valid_until_of(scopes: Sequence[etree._Element]) -> dt.datetime | None:
    """The earliest validUntil of the elements given (SAML Metadata 2.3.1, 2.3.2, 2.4.1).

    Raises:
        MetadataInvalid: one of them is not a time.
    """
    times = [read_date_time(text) for scope in scopes if (text := scope.get("validUntil")) is not None]
    return min(times, default=None)


def read_date_time(text: str) -> dt.datetime:
    """An xs:dateTime in UTC; one without a zone is in UTC (SAML Core 1.3.3). Fractions of a second are dropped."""
    match = _DATE_TIME.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        return dt.datetime.fromisoformat(match[1] + (match[3] or "Z")).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise MetadataInvalid(f"validUntil {text!r:.80} is not a time") from None


def read_duration_seconds(text: str) -> int | None:
    """An xs:duration in seconds, a year as 365 days and a month as 30; None where it is none or negative."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or match[1]:
        return None
    return sum(int(count or 0) * seconds for count, seconds in zip(match.groups()[1:], _SECONDS, strict=True))
