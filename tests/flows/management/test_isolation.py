"""Every operation of the API, tried with another tenant's slugs, ids and tokens; the list comes from the URL map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.flows.management.support import token_for
from tests.support.furnishing import furnish, mark_of
from tests.support.world import World

REASON = {"reason": "for the test"}
BODIES: dict[str, dict[str, Any]] = {
    "api_attempts.post_diagnose": {"saml_response": "PHNhbWw+"},
    "api_console_roles.patch_grant": {"role": "admin"},
    "api_console_roles.post_grant": {"email": "new@acme.test", "role": "viewer"},
    "api_console_roles.post_rule": {"idp": "main", "attribute": "groups", "value": "it", "role": "viewer"},
    "api_local_accounts.put_local_account": {"show": True},
    "api_local_accounts.post_local_link": {"show": True},
    "api_local_accounts.put_break_glass": {"reason": "somebody has to get in"},
    "api_directories.post_directory_test": {},
    "api_directories.put_directory": {
        "display_name": "Changed",
        "urls": ["ldaps://127.0.0.1:1"],
        "base_dn": "dc=changed",
        "bind_dn": "cn=changed",
        "password": "changed",
    },
    "api_placement.post_preview": {"rules": []},
    "api_placement.put_placement": {"follows": False},
    "api_placement.post_directory_preview": {"rules": []},
    "api_placement.put_directory_placement": {"follows": False},
    "api_domains.post_attest": REASON,
    "api_domains.post_domain": {"domain": "new.example"},
    "api_keys.post_imported_key": {"use": "signing", "private_key": "x", "certificate": "x"},
    "api_keys.post_key": {"use": "signing"},
    "api_keys.post_promotion": {"anyway": True},
    "api_keys.post_retirement": {},
    "api_keys.post_roll_back": {},
    "api_log_levels.put_log_level": {"level": "DEBUG", "expires_in": "1m"},
    "api_notices.patch_webhook": {"enabled": False},
    "api_notices.post_contact": {"email": "new@acme.test"},
    "api_notices.post_webhook": {"url": "https://new.example/hook"},
    "api_onboarding.post_activate": REASON,
    "api_onboarding.post_link": {"email": "it@acme.test"},
    "api_onboarding.post_onboarding": {"slug": "initech", "name": "Initech", "setup_email": "it@initech.test"},
    "api_organisations.patch_access": {"provider_name": "Taken over"},
    "api_organisations.patch_organisation": {"name": "Taken over"},
    "api_organisations.patch_tenant_access": {"provider_name": "Taken over"},
    "api_organisations.post_organisation": {"name": "New"},
    "api_organisations.post_people": {"user_ids": ["0" * 8 + "-0000-0000-0000-" + "0" * 12], "organisation_id": None},
    "api_people.patch_user": {"active": False},
    "api_people.post_relink": REASON,
    "api_people_files.post_apply": {"fingerprint": "0" * 64},
    "api_people.post_user": {"email": "new@acme.test"},
    "api_metadata.post_metadata_restore": REASON,
    "api_metadata.post_pending": {"decision": "refuse"},
    "api_properties.patch_properties": {"saml.metadata_sync_hours": 2},
    "api_providers.patch_provider": {"enabled": False},
    "api_providers.patch_refresh": {"sync_hours": 2},
    "api_providers.patch_settings": {"want_messages_signed": True},
    "api_providers.put_provider": {"display_name": "Taken over", "metadata_xml": ""},
    "api_seals.post_verify": {},
    "api_service_notices.patch_webhook": {"enabled": False},
    "api_service_notices.post_contact": {"email": "new@staff.example"},
    "api_service_notices.post_webhook": {"url": "https://new.example/hook"},
    "api_settings.patch_draft": {"clock_skew_seconds": 90},
    "api_settings.post_promote": REASON,
    "api_settings.post_rebase": {},
    "api_settings.post_restore": REASON,
    "api_tenants.patch_tenant": {"name": "Taken over", "email_domains": []},
    "api_tenants.post_tenant": {"slug": "initech", "name": "Initech", "email_domains": []},
    "api_tokens.post_token": {"role": "viewer", "label": "new", "expires_in": "1h"},
    "api_trials.post_test": {},
}
"""A body for every operation that takes one as JSON."""
QUERIES = {"api_people_files.get_import_lines": {"outcome": "changed"}}
"""What an operation cannot do without."""
OF_BOTH = {"slug", "name", "directory", "number", "logger", "service_contact_id", "service_webhook_id", "service_delivery_id"}
"""Arguments that may be the same at two tenants."""
STAFFS_OWN = {
    *("api_tenants.get_tenants", "api_properties.get_properties"),
    *("api_log_levels.get_log_levels", "api_log_levels.get_log_level"),
}
FAR = "globex"


def _operations(world: World) -> Iterator[tuple[str, str, str, set[str]]]:
    """(endpoint, method, rule, arguments) of everything below /api/ that takes a token."""
    for rule in world.app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1/") or rule.endpoint.startswith("api_document."):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, rule.rule.removeprefix("/api/v1"), set(rule.arguments)


def _fill(rule: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        rule = rule.replace(f"<{name}>", value)
    assert "<" not in rule, f"{rule}: furnish() has to leave one of these"
    return rule


def _call(world: World, endpoint: str, method: str, path: str, token: str) -> TestResponse:
    body = BODIES.get(endpoint)
    if endpoint == "api_providers.put_provider":
        body = (body or {}) | {"metadata_xml": world.globex.idp.metadata_xml()}
    return world.api(method, path, token, **({"json": body} if body is not None else {}))


@pytest.fixture
def ids(world: World) -> dict[str, dict[str, str]]:
    """What names rows of either tenant."""
    return {organisation.slug: furnish(world, organisation) for organisation in (world.acme, world.globex)}


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_a_token_of_one_tenant_reaches_nothing_of_another(world: World, ids: dict[str, dict[str, str]], role: str) -> None:
    """403 or 404 for each operation, the same as for a tenant that does not exist, and no row has changed."""
    token = token_for(world, role, "acme")
    before, events = world.rows(), world.count("audit_event")
    tried = 0
    for endpoint, method, rule, arguments in _operations(world):
        if endpoint == "api_onboarding.get_presets":
            continue  # of no tenant
        foreign = _call(world, endpoint, method, _fill(rule, ids[FAR]), token)
        assert foreign.status_code in ({403, 404} if "slug" in arguments else {403}), (endpoint, foreign.status_code)
        unknown = _call(world, endpoint, method, _fill(rule, ids[FAR] | {"slug": "nobody"}), token)
        assert {**foreign.get_json(), "reference": ""} == {**unknown.get_json(), "reference": ""}, endpoint
        tried += 1
    assert tried >= 60
    assert world.rows() == before
    assert world.count("audit_event") == events


@pytest.mark.parametrize("role", ["admin", "staff"])
def test_another_tenants_ids_are_unknown_under_ones_own_slug(world: World, ids: dict[str, dict[str, str]], role: str) -> None:
    """What is globex's is not found at acme, whoever asks, and no row of it has changed; what is acme's is found."""
    token = token_for(world, role, "acme" if role == "admin" else None)
    operations = [item for item in _operations(world) if item[3] - OF_BOTH]
    before = world.rows()
    for endpoint, method, rule, _ in operations:
        mixed = ids[FAR] | {"slug": "acme"}
        answer = _call(world, endpoint, method, _fill(rule, mixed), token)
        may_not = role == "admin" and answer.status_code == 403  # staff's own business, judged before anything is looked at
        assert may_not or (answer.status_code, answer.get_json()["code"]) == (404, "not_found"), (endpoint, method)
    assert world.rows() == before
    for endpoint, method, rule, _ in sorted(operations, key=lambda item: (item[1] == "DELETE", -len(item[3]))):
        answer = _call(world, endpoint, method, _fill(rule, ids["acme"]), token)
        assert answer.status_code != 404 or method == "DELETE", (endpoint, method)
    assert len(operations) >= 15


def test_lists_show_ones_own_alone(world: World, ids: dict[str, dict[str, str]]) -> None:
    """Not one id, name or address of globex is in any answer to acme's admin."""
    token = token_for(world, "admin", "acme")
    foreign = {value for name, value in ids[FAR].items() if name not in OF_BOTH} | {mark_of(world.globex), "globex"}
    shown = 0
    for endpoint, method, rule, _arguments in _operations(world):
        if method == "GET" and endpoint not in STAFFS_OWN and not endpoint.startswith("api_service_notices."):
            answer = world.api(method, _fill(rule, ids["acme"]), token, query_string=QUERIES.get(endpoint))
            assert answer.status_code == 200, endpoint
            text = answer.get_data().decode("utf-8", "replace")
            assert not [word for word in foreign if word in text], endpoint
            shown += mark_of(world.acme) in text
    assert shown >= 10, "acme's own marks are to be seen"


def test_every_operation_that_takes_a_body_is_tried_with_one(world: World) -> None:
    """A new operation cannot slip through this walk with an empty body."""
    paths = world.app.test_client().get("/api/v1/openapi.json", base_url="http://localhost:8000").get_json()["paths"]
    with_json = {
        endpoint
        for endpoint, method, rule, _arguments in _operations(world)
        if "application/json" in _body_types(paths, "/api/v1" + rule.replace("<", "{").replace(">", "}"), method)
    }
    assert with_json == BODIES.keys()


def _body_types(paths: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    types: dict[str, Any] = paths[path][method.lower()].get("requestBody", {}).get("content", {})
    return types
