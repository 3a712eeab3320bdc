"""Records of properties: read anew whenever one is needed, so that a change holds for whatever begins after it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import read, write, writing_connection
from config.properties.definitions import Property, PropertyInvalid
from config.properties.rows import ServiceProperty
from config.statements import Prepared


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """A property and its value now. `changed_at` and `changed_by` are None where it is the default."""

    definition: Property
    value: int
    changed_at: dt.datetime | None
    changed_by: str | None


_ROWS = sa.select(ServiceProperty.name, ServiceProperty.value, ServiceProperty.changed_at, ServiceProperty.changed_by).where(
    ServiceProperty.name.in_(sa.bindparam("names", expanding=True))
)

_ONE = Prepared(sa.select(ServiceProperty.value).where(ServiceProperty.name == sa.bindparam("name")))


def _store(insert: Any) -> Any:
    inserted = insert(ServiceProperty.__table__)
    changed = {name: inserted.excluded[name] for name in ("value", "changed_at", "changed_by")}
    return inserted.on_conflict_do_update(index_elements=["name"], set_=changed)


_STORE = {"sqlite": _store(sqlite.insert), "postgresql": _store(postgresql.insert)}


def property_value(definition: Property) -> int:
    """The value that holds now."""
    row = _ONE.one_or_none({"name": definition.name})
    return definition.default if row is None else _within_bounds(definition, row.value)


def property_values(definitions: Sequence[Property]) -> list[PropertyValue]:
    """These properties with their values, in their order. One that another version has stored out of bounds is the default."""
    rows = {row.name: row for row in read(_ROWS, {"names": [definition.name for definition in definitions]})}
    found = []
    for definition in definitions:
        row = rows.get(definition.name)
        try:
            value = definition.require(row.value) if row else definition.default
        except PropertyInvalid:
            row, value = None, definition.default
        found.append(PropertyValue(definition, value, row.changed_at if row else None, row.changed_by if row else None))
    return found


def _within_bounds(definition: Property, value: int) -> int:
    try:
        return definition.require(value)
    except PropertyInvalid:
        return definition.default


def store_property(definition: Property, value: int, *, by: str, now: dt.datetime) -> None:
    """Let it have this value. Of two at once the later one holds."""
    row = {"name": definition.name, "value": definition.require(value), "changed_at": now, "changed_by": by}
    connection = writing_connection()
    write(_STORE[connection.dialect.name], row)


def unset_property(definition: Property) -> bool:
    """Let its default hold; False where it did."""
    return write(sa.delete(ServiceProperty).where(ServiceProperty.name == definition.name)).rowcount == 1
