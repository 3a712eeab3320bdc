"""SAML settings from arbitrary JSON: a valid value or a refusal that names fields, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import fields
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tenants.errors import SettingsInvalid
from tenants.saml_choices import (
    AUTHN_CONTEXT_CLASSES,
    AUTHN_CONTEXT_PREFIX,
    COMPARISONS,
    DIGEST_METHODS,
    NAME_ID_FORMATS,
    SIGNATURE_METHODS,
)
from tenants.saml_settings import PROFILE_FIELDS, SAMLSettings
from tenants.settings_documents import settings_from_document
from tests.properties.json_values import JSON

NAMES = [item.name for item in fields(SAMLSettings)]
MOMENTS = st.datetimes(timezones=st.just(dt.UTC) | st.timezones()).map(dt.datetime.isoformat)
ATTRIBUTE_NAMES = st.lists(st.sampled_from(["mail", "uid", "urn:oid:2.5.4.4", "NameID", "Zoé"]), min_size=1, max_size=3)
PLAUSIBLE: dict[str, st.SearchStrategy[Any]] = {
    **{name: st.booleans() for name in NAMES},
    "authn_context_class_ref": st.sampled_from([*AUTHN_CONTEXT_CLASSES, "", "https://refeds.org/profile/mfa"])
    | st.lists(st.sampled_from([*AUTHN_CONTEXT_CLASSES]), max_size=4),
    "authn_context_comparison": st.sampled_from(COMPARISONS),
    "digest_method": st.sampled_from([*DIGEST_METHODS]),
    "signature_method": st.sampled_from([*SIGNATURE_METHODS]),
    "name_id_format": st.sampled_from(["", *NAME_ID_FORMATS]),
    "name_id_source": st.sampled_from(["NameID", "employeeNumber"]),
    "attribute_map": st.dictionaries(st.sampled_from(PROFILE_FIELDS), ATTRIBUTE_NAMES | st.just("mail"), max_size=5),
    "profile_update": st.sampled_from(["first_login", "every_login"]),
    "idp_login_url": st.sampled_from(["", "https://idp.acme.test/start?app=7"]),
    "request_binding": st.sampled_from(["post", "redirect"]),
    "login_hint_parameter": st.sampled_from(["", "login_hint", "username"]),
    "clock_skew_seconds": st.integers(0, 300),
    "sha1_exception": st.none() | st.fixed_dictionaries({"until": MOMENTS, "reason": st.just("renewal")}),
}
assert set(PLAUSIBLE) == set(NAMES)


def read(document: Any) -> SAMLSettings | None:
    """The settings, or None where they are refused with a sentence for some field."""
    try:
        return settings_from_document(document)
    except SettingsInvalid as refusal:
        errors = refusal.detail["errors"]
        assert errors
        assert all(isinstance(name, str) and isinstance(sentence, str) and sentence for name, sentence in errors.items())
        return None


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), JSON, max_size=6) | JSON)
@settings(max_examples=400)
def test_any_json_gives_settings_or_a_refusal(document: Any) -> None:
    """Whatever a client sends, it is settings or SettingsInvalid, and settings say the same again once stored."""
    read_settings = read(document)
    if read_settings is not None:
        assert settings_from_document(json.loads(json.dumps(read_settings.to_document()))) == read_settings


@given(st.fixed_dictionaries({}, optional=PLAUSIBLE), st.sampled_from(NAMES), JSON)
@settings(max_examples=400)
@example({"allow_idp_initiated": True}, "idp_login_url", "https://[x")
@example({}, "attribute_map", {"email": [["mail"]]})
@example({}, "sha1_exception", {"until": "0001-01-01T00:00:00+23:00", "reason": "renewal"})
def test_one_wrong_field_is_named_or_taken(document: dict[str, Any], name: str, value: Any) -> None:
    """One arbitrary value among plausible ones: taken, or refused with sentences."""
    read(document | {name: value})


@given(st.fixed_dictionaries({}, optional=PLAUSIBLE))
@settings(max_examples=300)
def test_settings_survive_storage(document: dict[str, Any]) -> None:
    """Valid settings come back from JSON as they were, and a signature is always wanted."""
    read_settings = read(document)
    if read_settings is None:
        return
    stored = json.loads(json.dumps(read_settings.to_document()))
    assert settings_from_document(stored) == read_settings
    assert settings_from_document(stored).to_document() == stored
    assert read_settings.want_assertions_signed or read_settings.want_messages_signed


@given(st.sampled_from([*AUTHN_CONTEXT_CLASSES]))
def test_a_short_name_is_its_urn(name: str) -> None:
    """Short names of classes and their URNs are the same setting."""
    short, long = (settings_from_document({"authn_context_class_ref": value}) for value in (name, AUTHN_CONTEXT_PREFIX + name))
    assert short == long
    assert short.authn_context_class_ref == (AUTHN_CONTEXT_PREFIX + name,)
