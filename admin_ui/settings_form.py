"""The form of SAML settings: from what a browser sends to the API's own document, and to what was really changed.

The form carries the settings as they were when it was opened. Only what differs from them is saved, so that two people who
edit different settings at once undo nothing of each other's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from werkzeug.datastructures import MultiDict

from admin_ui.forms import errors_of, messages_of, sentences_of
from tenants.errors import SettingsInvalid
from tenants.saml_settings import PROFILE_FIELDS, SAMLSettings
from tenants.saml_settings_schemas import SettingsPatch
from tenants.settings_changes import patched
from tenants.settings_documents import settings_from_document

SEEN, REVISION = "seen", "revision"
HALF_AN_EXCEPTION = "It takes a day and a reason of at most 500 characters; or neither."
DAY = len("2026-11-25")
MAX_SEEN = 64 * 1024
"""Characters of settings that a form carries along; names and classes bound them well below."""
_SWITCHES = (
    "require_authn_context",
    "force_authn",
    "sign_requests",
    "want_assertions_signed",
    "want_messages_signed",
    "allow_unsigned_cbc",
    "refuse_expired_certificates",
    "jit_provisioning",
    "allow_idp_initiated",
    "single_logout",
)
_TEXTS = (
    "authn_context_comparison",
    "name_id_format",
    "request_binding",
    "login_hint_parameter",
    "digest_method",
    "signature_method",
    "name_id_source",
    "profile_update",
    "idp_login_url",
)


@dataclass(frozen=True, slots=True)
class SettingsForm:
    """A form that was sent: the whole as it stands there, what of it was changed, what it makes, and its faults by field.

    `settings` None: there are faults.
    """

    document: Mapping[str, Any]
    patch: Mapping[str, Any]
    settings: SAMLSettings | None
    errors: Mapping[str, Sequence[str]]


def read_settings_form(form: MultiDict[str, str], present: SAMLSettings) -> SettingsForm:
    """Read the form; what it makes is judged on top of `present`, which it will be saved on."""
    before = _seen(form, present).to_document()
    document = _kept_order(_document_of(form), before)
    patch = {name: value for name, value in document.items() if value != before[name]}
    if "attribute_map" in patch:
        patch["attribute_map"] = {
            field: names for field, names in document["attribute_map"].items() if names != before["attribute_map"][field]
        }
    try:
        loaded = SettingsPatch().load(patch)
    except ma.ValidationError as error:
        errors = sentences_of(messages_of(error))
        if "sha1_exception" in errors:
            errors["sha1_exception"] = [HALF_AN_EXCEPTION]
        return SettingsForm(document, patch, None, errors)
    try:
        return SettingsForm(document, loaded, patched(present, loaded), {})
    except SettingsInvalid as refusal:
        return SettingsForm(document, loaded, None, errors_of(refusal))


def revision_of(form: MultiDict[str, str]) -> int | None:
    """The revision of the draft that the form was opened with; None where somebody took it out."""
    text = form.get(REVISION, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def seen_text(settings: SAMLSettings) -> str:
    """Settings as the form carries them along."""
    return json.dumps(settings.to_document(), sort_keys=True)


def _seen(form: MultiDict[str, str], present: SAMLSettings) -> SAMLSettings:
    """As the form was opened with; where that was taken out or changed, the present ones have to do."""
    text = form.get(SEEN, "")
    try:
        return settings_from_document(json.loads(text)) if len(text) <= MAX_SEEN else present
    except (ValueError, RecursionError, SettingsInvalid):
        return present


def _document_of(form: MultiDict[str, str]) -> dict[str, Any]:
    """Every setting as the API names it; switches that are off are not sent."""
    document: dict[str, Any] = {name: form.get(name) == "on" for name in _SWITCHES}
    document |= {name: form.get(name, "").strip() for name in _TEXTS}
    document["authn_context_class_ref"] = [*form.getlist("class"), *_lines(form.get("custom_classes", ""))]
    document["attribute_map"] = {field: _lines(form.get(f"map_{field}", "")) for field in PROFILE_FIELDS}
    skew = form.get("clock_skew_seconds", "").strip()
    document["clock_skew_seconds"] = int(skew) if skew.isascii() and skew.isdigit() and len(skew) < 7 else skew
    until, reason = form.get("sha1_until", "").strip(), form.get("sha1_reason", "").strip()
    document["sha1_exception"] = {"until": _moment(until), "reason": reason} if until or reason else None
    return document


def _kept_order(document: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What a form cannot show stays as it was: the order of classes, and the hour of a day."""
    chosen, known = document["authn_context_class_ref"], before["authn_context_class_ref"]
    document["authn_context_class_ref"] = [
        *(name for name in known if name in chosen),
        *dict.fromkeys(name for name in chosen if name not in known),
    ]
    exception, former = document["sha1_exception"], before["sha1_exception"]
    if exception and former and exception["until"][:DAY] == former["until"][:DAY]:
        exception["until"] = former["until"]
    return document


def _moment(day: str) -> str:
    """A day of the form, as the moment that the settings have."""
    return f"{day}T00:00:00+00:00" if len(day) == DAY else day


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
