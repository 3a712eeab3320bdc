"""Forms: what a browser sends, in the shape that the API's schemas judge; so that both say the same about the same fault."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from marshmallow import fields
from werkzeug.datastructures import MultiDict

from tenants.errors import Refusal
from tenants.schema_fields import Flag, TextOrList, Whole

GENERAL = "_form"
"""Where a fault stands that belongs to no field of the form."""
WHOLE = re.compile("-?[0-9]{1,18}")
"""More digits are no number that anything here takes, and thousands of them none that Python reads."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A form that was sent: `shown` to fill it in again, `values` where it passed its schema, else None; faults by field."""

    shown: Mapping[str, Any]
    values: Mapping[str, Any] | None
    errors: Mapping[str, Sequence[str]]


def submitted(schema: ma.Schema, form: MultiDict[str, str]) -> Submitted:
    """Read a form by a schema: switches that are off are not sent, and lists come as lines."""
    shown = {name: _value_of(field, name, form) for name, field in schema.load_fields.items() if _is_there(field, name, form)}
    try:
        return Submitted(shown, schema.load(shown), {})
    except ma.ValidationError as error:
        return Submitted(shown, None, sentences_of(messages_of(error)))


def messages_of(error: ma.ValidationError) -> Mapping[Any, Any]:
    """What marshmallow found, by field."""
    found = error.messages
    return found if isinstance(found, Mapping) else {GENERAL: found}


def errors_of(refusal: Refusal) -> Mapping[str, Sequence[str]]:
    """The faults by field that a flow refused with; a refusal of another kind is a fault of the form as a whole."""
    errors = refusal.detail.get("errors")
    return sentences_of(errors) if isinstance(errors, Mapping) else {GENERAL: [f"{refusal.sentence} {refusal.advice}".strip()]}


def sentences_of(errors: Mapping[Any, Any]) -> dict[str, list[str]]:
    """Faults by field; what stands deeper counts for the field that holds it."""
    return {GENERAL if name == "_schema" else str(name): _flat(found) for name, found in errors.items()}


def _flat(found: Any) -> list[str]:
    if isinstance(found, str):
        return [found]
    inner = found.values() if isinstance(found, Mapping) else found
    return [sentence for part in inner for sentence in _flat(part)]


def _is_there(field: fields.Field[Any], name: str, form: MultiDict[str, str]) -> bool:
    return isinstance(field, Flag) or name in form


def _value_of(field: fields.Field[Any], name: str, form: MultiDict[str, str]) -> Any:
    if isinstance(field, Flag):
        return form.get(name) in ("on", "true", "1")
    if isinstance(field, TextOrList | fields.List):
        return [line.strip() for text in form.getlist(name) for line in text.splitlines() if line.strip()]
    text = form[name]
    if isinstance(field, Whole):
        return int(text) if WHOLE.fullmatch(text.strip()) else text
    return text if field.allow_none is False else text or None
