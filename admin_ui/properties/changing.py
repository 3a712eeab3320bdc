"""Flow: staff look at the service's properties and change them while it runs; every change is on record (M2, I2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from config.properties.definitions import Property, PropertyInvalid
from config.properties.records import PropertyValue, property_values, store_property, unset_property
from tenants.errors import NotFound
from tenants.management_errors import FieldsInvalid
from tenants.refresh.schedule import SYNC_HOURS
from tenants.staff_audit import StaffEventType, record_staff

PROPERTIES: tuple[Property, ...] = (SYNC_HOURS,)
"""Every property, by name. Whoever reads one reads it anew each time it is needed (config.properties.records)."""
HOLDS_SECONDS = 5
HOLDS = f"It holds within {HOLDS_SECONDS} seconds, in every worker on every machine, without a restart."


def all_properties() -> list[PropertyValue]:
    """All of them with their values now."""
    return property_values(PROPERTIES)


def require_property(name: str) -> Property:
    """The property of this name, or NotFound."""
    found = next((definition for definition in PROPERTIES if definition.name == name), None)
    if found is None:
        raise NotFound("no such property; `vestibule prop list` shows them all")
    return found


def change_properties(wanted: Mapping[str, int | None], *, actor: str, now: dt.datetime) -> list[PropertyValue]:
    """Let properties have other values, None for their defaults: all of them, or none where one cannot be.

    Raises:
        NotFound: there is no such property. FieldsInvalid: with a sentence for each that cannot have its value.
    """
    definitions = {name: require_property(name) for name in wanted}
    faults = {name: [fault] for name, value in wanted.items() if (fault := _fault(definitions[name], value))}
    if faults:
        raise FieldsInvalid("properties", errors=faults)
    for present in property_values(list(definitions.values())):
        _change(present, wanted[present.definition.name], actor, now)
    return all_properties()


def _change(present: PropertyValue, value: int | None, actor: str, now: dt.datetime) -> None:
    definition = present.definition
    if value is None:
        changed = unset_property(definition)
    else:
        changed = present.changed_at is None or present.value != value
        if changed:
            store_property(definition, value, by=actor, now=now)
    if changed:
        after = definition.default if value is None else value
        detail: dict[str, Any] = {"property": definition.name, "from": present.value, "to": after, "default": value is None}
        record_staff(StaffEventType.PROPERTY_CHANGED, at=now, actor=actor, **detail)


def _fault(definition: Property, value: int | None) -> str | None:
    try:
        if value is not None:
            definition.require(value)
    except PropertyInvalid as fault:
        return str(fault)
    return None
