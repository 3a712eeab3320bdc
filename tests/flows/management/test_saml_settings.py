"""SAML settings by the API: changed in part, refused whole with a sentence for each field, on record."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.flows.management.support import MAIN, code_in, events_of
from tests.support.world import World

SETTINGS = f"{MAIN}/saml-settings"
URN = "urn:oasis:names:tc:SAML:2.0:ac:classes:"


def _patch(world: World, **changes: Any) -> TestResponse:
    return world.api("PATCH", SETTINGS, json=changes)


def test_what_is_left_out_stays(world: World) -> None:
    """The answer is the whole of the settings; the map of attributes changes field by field."""
    before = world.api("GET", SETTINGS).get_json()
    changed = _patch(world, request_binding="redirect", attribute_map={"phone": "mobile"}).get_json()
    assert changed["request_binding"] == "redirect"
    assert changed["attribute_map"] == before["attribute_map"] | {"phone": ["mobile"]}
    kept = set(before) - {"request_binding", "attribute_map"}
    assert {name: changed[name] for name in kept} == {name: before[name] for name in kept}
    assert world.api("GET", SETTINGS).get_json() == changed


def test_both_signatures_off_is_refused_with_the_reason(world: World) -> None:
    """Together and one after the other."""
    both = _patch(world, want_assertions_signed=False, want_messages_signed=False)
    assert code_in(both) == (422, "settings_invalid")
    assert "anyone could sign in as anyone" in both.get_json()["errors"]["want_assertions_signed"][0]
    assert _patch(world, want_messages_signed=True).status_code == 200
    assert _patch(world, want_assertions_signed=False).status_code == 200
    assert code_in(_patch(world, want_messages_signed=False)) == (422, "settings_invalid")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ([], ""),
        ("Password", URN + "Password"),
        (["Password"], URN + "Password"),
        (["X509", "https://refeds.org/profile/mfa"], [URN + "X509", "https://refeds.org/profile/mfa"]),
    ],
)
def test_classes_may_be_short_long_several_or_none(world: World, given: Any, kept: str | list[str]) -> None:
    """Blank leaves the element out (Q3); what is shown is one of the forms that may be given."""
    assert _patch(world, authn_context_class_ref=given).get_json()["authn_context_class_ref"] == kept


NO_PARAMETERS = ("a&b", "a=b", "a%26", "é", " a", "1a", "a" * 65, 5, "RelayState", "samlrequest", "SigAlg", "Signature")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"clock_skew_seconds": 301}, "clock_skew_seconds"),
        ({"clock_skew_seconds": "60"}, "clock_skew_seconds"),
        ({"clock_skew_seconds": True}, "clock_skew_seconds"),
        ({"sign_requests": "true"}, "sign_requests"),
        ({"sign_requests": 1}, "sign_requests"),
        ({"sign_requests": None}, "sign_requests"),
        ({"request_binding": "artifact"}, "request_binding"),
        ({"digest_method": "md5"}, "digest_method"),
        ({"authn_context_class_ref": 5}, "authn_context_class_ref"),
        ({"authn_context_class_ref": [["Password"]]}, "authn_context_class_ref"),
        ({"authn_context_class_ref": "not a uri"}, "authn_context_class_ref"),
        ({"attribute_map": {"email": []}}, "attribute_map"),
        ({"attribute_map": {"role": "x"}}, "attribute_map"),
        ({"attribute_map": "mail"}, "attribute_map"),
        ({"sha1_exception": {"until": "tomorrow", "reason": "old"}}, "sha1_exception"),
        ({"sha1_exception": {"until": "2030-01-01T00:00:00Z"}}, "sha1_exception"),
        ({"sha1_exception": {"until": "2030-01-01T00:00:00Z", "reason": "  "}}, "sha1_exception"),
        ({"name_id_source": ""}, "name_id_source"),
        ({"idp_login_url": "javascript:alert(1)"}, "idp_login_url"),
        *(({"login_hint_parameter": name}, "login_hint_parameter") for name in NO_PARAMETERS),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_saved(world: World, changes: dict[str, Any], field: str) -> None:
    """A good field beside it is not saved either."""
    before = world.api("GET", SETTINGS).get_json()
    refused = _patch(world, force_authn=True, **changes)
    assert refused.status_code == 422
    assert field in refused.get_json()["errors"]
    assert world.api("GET", SETTINGS).get_json() == before


def test_a_change_is_on_record_as_from_and_to(world: World) -> None:
    """The same again is not."""
    _patch(world, force_authn=True, clock_skew_seconds=60)
    _patch(world, force_authn=True)
    recorded = [event for event in events_of(world) if event["type"] == "saml_settings.changed"]
    assert [event["detail"] for event in recorded] == [{"idp": "main", "changes": {"force_authn": {"from": False, "to": True}}}]


def test_a_change_holds_from_the_next_sign_in_on(world: World) -> None:
    """The cached trust is out of date at once."""
    assert world.sign_in(world.browser()).status_code == 303
    _patch(world, jit_provisioning=False)
    ben = world.sign_in(world.browser(), name_id="ben", attributes={"mail": ["ben@acme.test"]})
    assert ben.status_code == 403
    assert world.sign_in(world.browser()).status_code == 303


def test_an_exception_for_sha1_ends_on_a_day_and_can_be_taken_back(world: World) -> None:
    """A time without a zone counts as UTC; null takes the exception away."""
    given = {"until": "2030-01-01T00:00:00", "reason": "Their upgrade is planned"}
    kept = _patch(world, sha1_exception=given).get_json()["sha1_exception"]
    assert kept == {"until": "2030-01-01T00:00:00+00:00", "reason": "Their upgrade is planned"}
    assert _patch(world, sha1_exception=None).get_json()["sha1_exception"] is None
