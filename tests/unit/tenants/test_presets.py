"""Presets are what the guides say, make valid settings, and recognise the products' own metadata."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

import pytest

from tenants.errors import SettingsInvalid
from tenants.management_errors import FieldsInvalid
from tenants.onboarding.presets import OurSide, Preset, filled
from tenants.onboarding.products import PRODUCTS, recognise, require_product, wrong_choice
from tenants.saml_settings import PROFILE_FIELDS, SAMLSettings
from tenants.settings_documents import settings_from_document
from tenants.trust import BINDING_POST, Endpoint, IdPMetadata
from tests.unit.docs.pages import codes, commands, page, table

GUIDES = {"pingone": "ping", "pingfederate": "ping"}
OURS = OurSide(
    "https://a.example/saml/metadata",
    "https://a.example/saml/acs",
    "https://a.example/saml/metadata",
    "https://a.example/saml/slo",
)
METADATA = {
    "entra-id": ("https://sts.windows.net/8d2c/", "https://login.microsoftonline.com/8d2c/saml2"),
    "ad-fs": ("http://adfs.acme.example/adfs/services/trust", "https://adfs.acme.example/adfs/ls/"),
    "okta": ("http://www.okta.com/exk1", "https://acme.okta.com/app/x/exk1/sso/saml"),
    "google-workspace": ("https://accounts.google.com/o/saml2?idpid=C01", "https://accounts.google.com/o/saml2/idp?idpid=C01"),
    "onelogin": ("https://app.onelogin.com/saml/metadata/5a", "https://acme.onelogin.com/trust/saml2/http-post/sso/5a"),
    "pingfederate": ("acme:pingfederate:sso", "https://sso.acme.example/idp/SSO.saml2"),
    "pingone": ("https://auth.pingone.eu/0f7c", "https://auth.pingone.eu/0f7c/saml20/idp/sso"),
    "jumpcloud": ("acme:jumpcloud", "https://sso.jumpcloud.com/saml2/acme"),
    "keycloak": ("https://sso.acme.example/realms/acme", "https://sso.acme.example/realms/acme/protocol/saml"),
    "shibboleth": ("https://idp.acme.example/idp/shibboleth", "https://idp.acme.example/idp/profile/SAML2/POST/SSO"),
    "simplesamlphp": (
        "https://idp.acme.example/simplesaml/saml2/idp/metadata.php",
        "https://idp.acme.example/simplesaml/saml2/idp/SSOService.php",
    ),
    "auth0": ("urn:acme.eu.auth0.com", "https://acme.eu.auth0.com/samlp/Xy1"),
    "generic": ("https://idp.acme.example/metadata", "https://idp.acme.example/sso"),
}
EVERY = pytest.mark.parametrize("preset", PRODUCTS.values(), ids=lambda preset: preset.key)


def metadata(entity_id: str, location: str) -> IdPMetadata:
    """What was read of metadata, as far as products are told by it."""
    return IdPMetadata(entity_id, (Endpoint(BINDING_POST, location),), (), ())


def settings_of(preset: Preset) -> SAMLSettings:
    """A new identity provider's settings with the preset's on top."""
    return settings_from_document(SAMLSettings().to_document() | preset.patch())


def guide_settings(guide: str) -> Mapping[str, Any]:
    """The first assignment of settings in a guide."""
    words = next(words for words in commands(page(f"how-to/{guide}.md")) if words[:3] == ["vestibule", "settings", "set"])
    return {name: value for name, _, value in (shlex.split(shlex.quote(word))[0].partition("=") for word in words[5:])}


@EVERY
def test_a_preset_makes_valid_settings(preset: Preset) -> None:
    """With an address at least, and the class left to the identity provider."""
    settings = settings_of(preset)
    assert settings.attribute_map.email
    assert settings.authn_context_class_ref == ()
    assert settings.want_assertions_signed or settings.want_messages_signed


@EVERY
def test_a_preset_is_what_its_guide_says(preset: Preset) -> None:
    """Attributes that arrive by the guide are the ones that the preset reads first, and the switches are the same."""
    guide = GUIDES.get(preset.key, preset.key)
    settings = settings_of(preset)
    arriving = {row["field"]: codes(row["attribute"])[0] for row in table(page(f"how-to/{guide}.md"), "field", "attribute")}
    if preset.key == "generic":  # its guide's names are examples
        return
    for name in arriving.keys() - {"subject"}:
        assert arriving[name] in getattr(settings.attribute_map, name), name
    assert settings.name_id_source == arriving["subject"]
    said = guide_settings(guide)
    assert said["authn_context_class_ref"] == ""
    for name in ("want_messages_signed", "want_assertions_signed", "name_id_format", "single_logout"):
        default = getattr(SAMLSettings(), name)
        expected = json.loads(said[name]) if said.get(name) in ("true", "false") else said.get(name, default)
        assert getattr(settings, name) == expected, name
    assert settings.login_hint_parameter == preset.login_hint_parameter
    if preset.login_hint_parameter:
        assert said.get("login_hint_parameter", SAMLSettings().login_hint_parameter) == preset.login_hint_parameter


@EVERY
def test_instructions_have_our_values_and_nothing_is_left_open(preset: Preset) -> None:
    """Every placeholder is filled; our entity ID, or our metadata, and the ACS are somewhere to copy."""
    steps = filled(preset.instructions, OURS)
    values = [entry.value for step in steps for entry in step.entries if entry.copied]
    assert any(OURS.entity_id in value for value in values)
    assert any(OURS.acs_url in value for value in values) or preset.key == "shibboleth"  # it reads our metadata
    assert not re.search(r"\$\w", " ".join([*values, *(step.text for step in steps)]).replace("acs$", ""))
    assert len(steps) >= 3


def test_the_pattern_of_our_acs_matches_it_alone() -> None:
    """OneLogin takes a regular expression."""
    steps = filled(PRODUCTS["onelogin"].instructions, OURS)
    (pattern,) = (entry.value for step in steps for entry in step.entries if "Validator" in entry.label)
    assert re.fullmatch(pattern, OURS.acs_url)
    assert not re.match(pattern, OURS.acs_url + "/x")
    assert not re.match(pattern, OURS.acs_url.replace(".", "x", 1))


@pytest.mark.parametrize(("key", "facts"), METADATA.items())
def test_a_product_is_recognised_by_its_metadata(key: str, facts: tuple[str, str]) -> None:
    """By its own patterns and by no other's; another choice is pointed out, and the right one is not."""
    read = metadata(*facts)
    assert [preset.key for preset in PRODUCTS.values() if preset.recognises(read)] == ([] if key == "generic" else [key])
    found = recognise(read)
    assert (found.key if found else "generic") == key
    for chosen in PRODUCTS.values():
        sentence = wrong_choice(chosen, read)
        assert (sentence is None) == (key in (chosen.key, "generic")), chosen.key
        if sentence:
            assert PRODUCTS[key].name in sentence


def test_look_alikes_are_not_recognised() -> None:
    """A name that merely holds a product's is somebody else's."""
    names = ("https://evil.test/?x=https://sts.windows.net/", "https://www.okta.com.evil.test/", "urn:acme.auth0.com.evil")
    for entity_id in names:
        assert recognise(metadata(entity_id, "https://evil.test/sso")) is None


def test_a_product_that_there_is_not() -> None:
    """Whatever is asked for."""
    for key in ("", "nothing", "ENTRA-ID"):
        with pytest.raises(FieldsInvalid):
            require_product(key)


def test_a_preset_cannot_hold_what_settings_would_refuse() -> None:
    """The check above can fail: a preset without an address is none."""
    broken = Preset("x", "X", dict.fromkeys(PROFILE_FIELDS, ()), (), "")
    with pytest.raises(SettingsInvalid):
        settings_of(broken)
