"""Fields of the management API's forms: each takes what JSON says and nothing that merely looks like it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import marshmallow as ma
from marshmallow import fields, validate

from tenants.json_body import UNUSABLE_TEXT, is_storable
from tenants.paging import is_row_id

MAX_REASON = 500
NO_METADATA: Mapping[str, Any] = {}


class Flag(fields.Boolean):
    """True or false, and nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return bool(super()._deserialize(value, attr, data, **kwargs))


class Whole(fields.Integer):
    """A whole number as JSON has it."""

    def __init__(self, lowest: int, highest: int, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(lowest, highest), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return int(super()._deserialize(value, attr, data, **kwargs) or 0)


class QueryNumber(fields.Integer):
    """A whole number as a query has it: digits alone."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch("[0-9]{1,6}", value):
            raise self.make_error("invalid", input=value)
        return int(super()._deserialize(value, attr, data, **kwargs) or 0)


class Moment(fields.Field[Any]):
    """A moment with its offset from UTC, as a query has it; an empty one is none."""

    FORM: ClassVar = {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "string", "maxLength": 0}]}
    _AWARE: ClassVar = fields.AwareDateTime()

    def __init__(self, *, metadata: Mapping[str, Any], **options: Any) -> None:
        super().__init__(metadata={**metadata, **self.FORM}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_kwargs: Any) -> Any:
        if value == "":
            return None
        try:
            return self._AWARE.deserialize(value, attr, data).astimezone(dt.UTC)
        except OverflowError:  # the first and the last day that there are, at an offset
            raise ma.ValidationError("This is not a moment that can be asked for.") from None


class TextOrList(fields.Field[Any]):
    """One text, or a list of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in texts):
            raise ma.ValidationError("It is a text or a list of texts.")
        return super()._deserialize(value, attr, data, **kwargs)


TEXT_OR_LIST = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


class Strict(ma.Schema):
    """Base of all forms."""

    class Meta:
        unknown = ma.RAISE


def text(longest: int, *, shortest: int = 1, pattern: str | None = None, **kwargs: Any) -> fields.String:
    """A text within bounds."""
    checks: list[Any] = [validate.Length(min=shortest, max=longest), _require_storable]
    if pattern:
        checks.append(validate.Regexp(pattern))
    return fields.String(validate=checks, **kwargs)


def row_id(*, metadata: Mapping[str, Any] = NO_METADATA, **options: Any) -> fields.String:
    """The id of a row."""
    return fields.String(validate=_require_row_id, metadata={"format": "uuid", **metadata}, **options)


def _require_row_id(value: str) -> None:
    if not is_row_id(value):
        raise ma.ValidationError("This is not an id.")


def _require_storable(value: str) -> None:
    if not is_storable(value):
        raise ma.ValidationError(UNUSABLE_TEXT)
