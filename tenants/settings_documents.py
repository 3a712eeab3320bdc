"""SAML settings read from their JSON form: of the API, the console, or the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from tenants.errors import SettingsInvalid
from tenants.saml_choices import AUTHN_CONTEXT_CLASSES, AUTHN_CONTEXT_PREFIX
from tenants.saml_settings import PROFILE_FIELDS, AttributeMap, SAMLSettings, SHA1Exception


def settings_from_document(document: Mapping[str, Any]) -> SAMLSettings:
    """Build settings from their JSON form, of the API or of the database; accepts short class names.

    Raises:
        SettingsInvalid: with a sentence for each field that is wrong.
    """
    if not isinstance(document, Mapping):
        raise SettingsInvalid("not an object", errors={"saml_settings": "Settings are an object of named values."})
    known = {item.name for item in fields(SAMLSettings)}
    unknown = sorted(str(name) for name in document if name not in known)
    if unknown:
        raise SettingsInvalid("unknown fields", errors=dict.fromkeys(unknown, "There is no such setting."))
    values = dict(document)
    if "authn_context_class_ref" in values:
        values["authn_context_class_ref"] = _classes_of(values["authn_context_class_ref"])
    if isinstance(values.get("attribute_map"), Mapping):
        values["attribute_map"] = _attribute_map_of(values["attribute_map"])
    if isinstance(values.get("sha1_exception"), Mapping):
        values["sha1_exception"] = _sha1_exception_of(values["sha1_exception"])
    return SAMLSettings(**values)


def _classes_of(value: Any) -> Any:
    """Class names as URNs; what is no text or list of texts comes back as it is, to be refused by the value's own check."""
    names = [value] if isinstance(value, str) else value
    if not _is_list_of_texts(names):
        return () if value is None else value
    return tuple(AUTHN_CONTEXT_PREFIX + name if name in AUTHN_CONTEXT_CLASSES else name for name in names if name != "")


def _attribute_map_of(value: Mapping[str, Any]) -> AttributeMap:
    unknown = sorted(set(value) - set(PROFILE_FIELDS))
    if unknown:
        raise SettingsInvalid(errors={"attribute_map": f"There is no field {unknown[0]!r} in a profile."})
    names = {name: [names] if isinstance(names, str) else names for name, names in value.items()}
    wrong = [name for name in names if not _is_list_of_texts(names[name])]
    if wrong:
        raise SettingsInvalid(errors={"attribute_map": f"{wrong[0]}: the name of an attribute, or a list of names."})
    return AttributeMap(**{name: tuple(listed) for name, listed in names.items()})


def _sha1_exception_of(value: Mapping[str, Any]) -> SHA1Exception:
    try:
        until = dt.datetime.fromisoformat(value["until"])
        until = until.replace(tzinfo=dt.UTC) if until.tzinfo is None else until.astimezone(dt.UTC)
        return SHA1Exception(until, value["reason"].strip())
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise SettingsInvalid(errors={"sha1_exception": "It takes until (a date and time in ISO 8601) and reason."}) from None


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
