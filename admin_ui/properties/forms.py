"""Forms and documents of properties, for the API and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import fields

from admin_ui.properties.changing import HOLDS, PROPERTIES
from config.properties.records import PropertyValue
from tenants.schema_fields import Strict, Whole

PropertiesPatch = Strict.from_dict(
    {
        # A dot in a field's own name would make marshmallow nest.
        definition.name.replace(".", "__"): Whole(
            definition.lowest,
            definition.highest,
            data_key=definition.name,
            allow_none=True,
            metadata={"description": f"{definition.sentence} In {definition.unit}; null: the default, {definition.default}."},
        )
        for definition in PROPERTIES
    },
    name="PropertiesPatch",
)


class PropertyView(Strict):
    """A property. `changed_at` and `changed_by` are null where its default holds."""

    name = fields.String(required=True)
    value = fields.Integer(required=True)
    default = fields.Integer(required=True)
    lowest = fields.Integer(required=True)
    highest = fields.Integer(required=True)
    unit = fields.String(required=True)
    sentence = fields.String(required=True)
    changed_at = fields.DateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)


class PropertyPage(Strict):
    """All properties; never so many that they are paged. `holds` says when and where a change does."""

    items = fields.List(fields.Nested(PropertyView), required=True)
    next = fields.String(required=True, allow_none=True)
    holds = fields.String(required=True)


def property_document(present: PropertyValue) -> dict[str, Any]:
    """A property as it is shown."""
    definition = present.definition
    names = ("name", "default", "lowest", "highest", "unit", "sentence")
    facts = {name: getattr(definition, name) for name in names}
    return facts | {"value": present.value, "changed_at": present.changed_at, "changed_by": present.changed_by}


def properties_document(present: Sequence[PropertyValue]) -> dict[str, Any]:
    """All of them as they are shown."""
    return {"items": [property_document(item) for item in present], "next": None, "holds": HOLDS}
